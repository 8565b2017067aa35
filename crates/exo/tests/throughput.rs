//! What is measured, on a machine that does nothing else: `make throughput`. exo with a trivial logic in Python and with a
//! trivial native one, beside a plain loop of pika, the usual Python client, that does the same; and the memory of exo.

use crate::scene::node::Node;
use crate::scene::participant::{configure, item, supervise};
use crate::scene::wire::{ENGINE, Wire};
use crate::scene::{Background, Sandbox};
use std::io::Write;
use std::time::{Duration, Instant};

const ITEMS: u32 = 5000;

/// How often each is measured; the median counts.
const ROUNDS: usize = 3;

const PYTHON: &str = "class ParticipantHandler(object):
    def handle_wi(self, wi):
        wi.result = True
";

const NATIVE: &str = r#"#!/bin/sed -unf
1{s/.*/{"type":"ready"}/p;d}
/^{"type":"work"/{s//{"type":"reply"/;s/"fields":{/&"__result__":true,/;p}
/^{"type":"stop"/q
"#;

/// The same without exo: persistent replies, each confirmed before the acknowledgement.
const PIKA: &str = "import json, sys, pika
port, vhost, prefetch = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
login = pika.PlainCredentials('boss', 'boss')
channel = pika.BlockingConnection(pika.ConnectionParameters('127.0.0.1', port, vhost, login)).channel()
channel.queue_declare('p', durable=True)
channel.basic_qos(prefetch_count=prefetch)
channel.confirm_delivery()
properties = pika.BasicProperties(delivery_mode=2)
def work(channel, method, _, body):
    wi = json.loads(body)
    wi['fields']['__result__'] = True
    channel.basic_publish('', 'ruote_workitems', json.dumps(wi), properties, mandatory=True)
    channel.basic_ack(method.delivery_tag)
channel.basic_consume('p', work)
channel.start_consuming()
";

/// Items a second, by whom.
fn measure(node: &Node, who: &str, prefetch: usize) -> u32 {
    let vhost = node.vhost();
    let sandbox = Sandbox::new();
    configure(&sandbox, "p", node, &vhost, &format!("prefetch={prefetch}"));
    let wire = Wire::new(node, vhost.clone());
    wire.declare(ENGINE, true);
    wire.declare("p", true);
    wire.put_all((0..ITEMS).map(|number| ("p", item(&format!("w{number}"), r#""a":1"#))));
    let _worker = match who {
        "pika" => {
            let mut command = sandbox.command("python3", "p");
            let path = std::env::var_os("PIKA_PATH").unwrap_or_default();
            command.env("PYTHONPATH", path).args(["-c", PIKA, &node.port.to_string(), &vhost]);
            Background(command.arg(prefetch.to_string()).spawn().unwrap())
        }
        logic => {
            if logic == "python" {
                sandbox.write("p/participant_logic.py", PYTHON);
            } else {
                sandbox.script("p/participant_logic.py", NATIVE);
            }
            supervise(&sandbox)
        }
    };
    // What a start costs is another matter.
    let after = |count: u32| {
        let start = Instant::now();
        while wire.count(ENGINE).0 < count {
            assert!(start.elapsed() < Duration::from_secs(120), "{who} is stuck\n{}", sandbox.describe());
            std::thread::sleep(Duration::from_millis(5));
        }
        Instant::now()
    };
    let start = after(ITEMS / 10);
    let begun = wire.count(ENGINE).0;
    let took = after(ITEMS) - start;
    u32::try_from(u128::from(ITEMS - begun) * 1_000_000 / took.as_micros().max(1)).unwrap()
}

fn show(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[test]
#[ignore = "wants the machine for itself"]
fn exo_is_as_fast_as_a_plain_loop_and_faster_with_more_than_one_in_hand() {
    let node = Node::new();
    node.start();
    for prefetch in [1, 20] {
        let mut rows: Vec<(&str, Vec<u32>)> =
            ["pika", "python", "native"].map(|who| (who, Vec::new())).into();
        // One after the other, again and again, so that what else happens on the machine hits all.
        for _ in 0..ROUNDS {
            for (who, rates) in &mut rows {
                rates.push(measure(&node, who, prefetch));
            }
        }
        for (who, rates) in &mut rows {
            rates.sort_unstable();
            show(&format!(
                "prefetch {prefetch}, {who}: {} items a second (median of {rates:?})",
                rates[ROUNDS / 2]
            ));
        }
        let [(_, pika), (_, python), (_, native)] = &rows[..] else { panic!() };
        let least = if prefetch == 1 { pika[ROUNDS / 2] } else { 2 * pika[ROUNDS / 2] };
        assert!(python[ROUNDS / 2] >= least && native[ROUNDS / 2] >= least, "at least {least} are wanted");
    }
}

#[test]
#[ignore = "tells a figure, no more"]
fn memory_of_an_idle_exo() {
    let node = Node::shared();
    let sandbox = Sandbox::new();
    configure(&sandbox, "p", node, &node.vhost(), "");
    sandbox.script("p/participant_logic.py", NATIVE);
    let _supervise = supervise(&sandbox);
    sandbox.wait_until("it is ready", || sandbox.path("p/supervise/ready").exists());
    let pid = crate::scene::participant::pid_of(&sandbox, "p").unwrap();
    let memory = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let lines = memory.lines().filter(|line| line.starts_with("Pss:") || line.starts_with("Private_Dirty"));
    let lines: Vec<String> =
        lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    show(&format!("an idle exo: {}", lines.join(", ")));
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().count();
    assert_eq!(threads, 1);
}
