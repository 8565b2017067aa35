//! What takes too long for every day: `make chaos`. While exo, logic and broker are killed at random, every item is
//! answered, and answered twice only where an acknowledgement may have been lost.

use crate::scene::node::{Node, Port};
use crate::scene::participant::{configure, item, pid_below, pid_of};
use crate::scene::wire::{ENGINE, Wire};
use crate::scene::{Background, Sandbox};
use crate::tls;
use amqprs::FieldValue;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

const ITEMS: usize = 10_000;

const PREFETCH: usize = 4;

/// The queue of items that a queue has delivered too often.
const DEAD: &str = "dead";

/// Two participants, each on two hosts.
const PLACES: [&str; 4] = ["host1/p", "host1/q", "host2/p", "host2/q"];

/// A participant in Python as it is written today, and one that speaks the protocol itself.
const LOGIC: [&str; 2] = [
    "import time
class ParticipantHandler(object):
    def handle_wi(self, wi):
        time.sleep(0.02)
        wi.result = True
",
    "#!/usr/bin/env python3
import json, sys, time
print('{\"type\":\"ready\"}', flush=True)
for line in sys.stdin:
    message = json.loads(line)
    if message['type'] == 'work':
        time.sleep(0.02)
        message['workitem']['fields']['__result__'] = True
        message['type'] = 'reply'
        print(json.dumps(message), flush=True)
    elif message['type'] == 'stop':
        break
",
];

/// Numbers that look random, and are the same for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        // xorshift
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

#[derive(Debug, Default)]
struct Killed {
    exo: usize,
    logic: usize,
    broker: usize,
    /// What the broker has forgotten then.
    acknowledgements: usize,
}

/// A broker, and how participants reach it.
struct Scene {
    node: Node,
    /// What is in `config.exo` after the address.
    config: String,
    /// What the queues are made with.
    queues: Vec<(&'static str, FieldValue)>,
}

fn hosts(sandbox: &Sandbox, scene: &Scene) -> Vec<Background> {
    for place in PLACES {
        let config = format!("prefetch={PREFETCH}\n{}", scene.config);
        configure(sandbox, place, &scene.node, "v0", &config);
        if place.ends_with('p') {
            sandbox.write(&format!("{place}/participant_logic.py"), LOGIC[0]);
        } else {
            sandbox.script(&format!("{place}/participant_logic.py"), LOGIC[1]);
        }
    }
    let svscan = |host: &str| {
        let log = File::create(sandbox.path(&format!("{host}.log"))).unwrap();
        let mut command = sandbox.command("svscan", ".");
        Background(command.arg(host).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap())
    };
    vec![svscan("host1"), svscan("host2")]
}

#[test]
#[ignore = "takes minutes"]
fn a10_000_items_are_answered_while_everything_is_killed() {
    check(&Scene { node: Node::new(), config: String::new(), queues: Vec::new() });
}

#[test]
#[ignore = "takes minutes"]
fn the_same_with_quorum_queues_that_limit_deliveries_and_with_tls() {
    let port = Port::reserve();
    let node = Node::with(|directory| tls::extra(directory, port.number));
    let ca = node.directory.join("ca.pem").display().to_string();
    let config = format!("[boss]\namqp_host=amqps://localhost:{}\namqp_ca={ca}\n", port.number);
    let queues = vec![
        ("x-queue-type", "quorum".into()),
        ("x-delivery-limit", FieldValue::l(10)),
        ("x-dead-letter-exchange", "".into()),
        ("x-dead-letter-routing-key", DEAD.into()),
    ];
    check(&Scene { node, config, queues });
}

fn check(scene: &Scene) {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(2011);
    let (mut dice, mut killed) = (Dice(seed), Killed::default());
    let node = &scene.node;
    node.start();
    let sandbox = Sandbox::new();
    let mut wire = Wire::new(node, "v0".to_string());
    for queue in [ENGINE, DEAD] {
        wire.declare(queue, true);
    }
    for queue in ["p", "q"] {
        wire.declare_with(queue, &scene.queues);
    }
    node.write_down();
    let of = |number: usize| if number % 2 == 0 { "p" } else { "q" };
    wire.put_all((0..ITEMS).map(|number| (of(number), item(&format!("w{number}"), ""))));
    let start = Instant::now();
    let _hosts = hosts(&sandbox, scene);
    let (mut answered, mut turns): (BTreeMap<String, usize>, usize) = (BTreeMap::new(), 0);
    let mut dead = 0;
    while answered.len() < ITEMS {
        assert!(
            start.elapsed() < Duration::from_secs(900),
            "{} of {ITEMS}\n{}",
            answered.len(),
            sandbox.describe()
        );
        std::thread::sleep(Duration::from_millis(100 + dice.roll(400)));
        let place = PLACES[usize::try_from(dice.roll(4)).unwrap()];
        let end = |pid: Option<i32>| pid.is_some_and(|pid| kill(Pid::from_raw(pid), Signal::SIGKILL).is_ok());
        match dice.roll(40) {
            0 => {
                node.kill();
                node.start();
                wire.reconnect();
                killed.broker += 1;
                // A broker that is killed forgets acknowledgements, too, of which it writes down many at once. It has
                // kept each reply that it has confirmed, so all other items are left.
                let left = wire.count("p").0 + wire.count("q").0;
                dead += collect(&wire, &mut answered);
                killed.acknowledgements +=
                    usize::try_from(left).unwrap().saturating_sub(ITEMS - answered.len());
            }
            1..20 => killed.exo += usize::from(end(pid_of(&sandbox, place))),
            _ => killed.logic += usize::from(end(pid_below(pid_of(&sandbox, place)))),
        }
        turns += 1;
        // To look takes a while in which nothing is killed.
        if turns % 10 == 0 {
            dead += collect(&wire, &mut answered);
        }
    }
    let elapsed = start.elapsed();
    // What may still be in hand is a second answer.
    for place in PLACES {
        sandbox.command("svc", ".").arg("-d").arg(place).status().unwrap();
    }
    for place in PLACES {
        sandbox.wait_until("all have ended", || pid_of(&sandbox, place).is_none());
    }
    sandbox.wait_until("all have let go", || wire.count("p").1 + wire.count("q").1 == 0);
    dead += collect(&wire, &mut answered);
    let twice: usize = answered.values().map(|times| times - 1).sum();
    let left = wire.count("p").0 + wire.count("q").0;
    let _ = writeln!(
        std::io::stderr(),
        "{ITEMS} items, seed {seed}: {killed:?} in {} s; {} answered or among the {dead} dead letters, \
         {twice} of them twice, {left} left",
        elapsed.as_secs(),
        answered.len()
    );
    // Where exo or the broker is killed, what is in hand may have been answered, and not acknowledged.
    let in_hand = killed.exo * PREFETCH + killed.broker * PREFETCH * PLACES.len();
    let bound = in_hand + killed.acknowledgements;
    assert!(twice <= bound, "{twice} > {bound}");
    assert!(killed.exo > 10 && killed.logic > 10 && killed.broker > 0, "{killed:?}");
}

/// Counts the answers that have come, and the items that were given up; returns how many of these there are now.
fn collect(wire: &Wire, answered: &mut BTreeMap<String, usize>) -> usize {
    let dead = wire.take_all(DEAD);
    let count = dead.len();
    for body in wire.take_all(ENGINE).into_iter().chain(dead) {
        let wfid = body.split("\"wfid\":\"").nth(1).or_else(|| body.split("\"wfid\": \"").nth(1)).unwrap();
        *answered.entry(wfid.split('"').next().unwrap().to_string()).or_default() += 1;
    }
    count
}
