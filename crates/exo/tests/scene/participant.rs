//! A participant under supervise, with a virtual host of its own.

use super::node::Node;
use super::wire::{ENGINE, Wire};
use super::{Background, Said, Sandbox};
use std::fs::File;

/// Logic that does what the workitem says, and leaves notes in files.
const LOGIC: &str = "import os, time

def note(name, text):
    with open(name, 'a') as file:
        file.write(str(text) + '\\n')

class ParticipantHandler(object):
    thread_safe = True

    def handle_wi(self, wi):
        note('worked', wi.wfid)
        while wi.fields.wait and not os.path.exists('go'):
            time.sleep(0.01)
        if wi.fields.die:
            os._exit(7)
        if 'forget' in wi.fields:
            wi.forget = wi.fields.forget
        if wi.fields.bad:
            raise KeyError('bad')
        if wi.fields.send:
            self.send_to_engine(wi)
        if wi.fields.grow:
            wi.fields.more = 'x' * wi.fields.grow
        wi.result = True

    def handle_wi_control(self, ctrl):
        note('asked', ctrl.message)
        return {'asked': ctrl.message}

    def handle_lifecycle_control(self, ctrl):
        note('life', ctrl.message)
";

/// A participant called `p`.
pub struct Participant {
    pub sandbox: Sandbox,
    pub wire: Wire,
    supervise: Option<Background>,
}

impl Participant {
    /// One of the shared broker that does not run, with more settings.
    pub fn new(config: &str) -> Self {
        let node = Node::shared();
        Self::of(node, config)
    }

    /// The same of a broker that runs.
    pub fn of(node: &Node, config: &str) -> Self {
        Self::at(node, &node.vhost(), config)
    }

    /// The same in a virtual host.
    pub fn at(node: &Node, vhost: &str, config: &str) -> Self {
        let sandbox = directory(node, vhost, config);
        let vhost = vhost.to_string();
        let wire = Wire::new(node, vhost);
        wire.declare(ENGINE, true);
        wire.declare("p", true);
        Self { sandbox, wire, supervise: None }
    }

    /// One that runs.
    pub fn running(config: &str) -> Self {
        let mut participant = Self::new(config);
        participant.start();
        participant.wait_until_ready();
        participant
    }

    /// Starts it.
    pub fn start(&mut self) {
        self.supervise = Some(supervise(&self.sandbox));
    }

    /// Waits until it is ready.
    #[track_caller]
    pub fn wait_until_ready(&self) {
        self.sandbox.wait_until("it is ready", || self.sandbox.path("p/supervise/ready").exists());
    }

    /// Sends it work.
    pub fn put(&self, wfid: &str, fields: &str) {
        self.wire.put("p", item(wfid, fields));
    }

    /// What it has answered.
    #[track_caller]
    pub fn reply(&self) -> String {
        self.wire.reply(|| self.sandbox.describe())
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        self.sandbox.read("p.log")
    }

    /// Waits until it has logged this.
    #[track_caller]
    pub fn wait_for_line(&self, text: &str) {
        self.sandbox.wait_until(&format!("the log has {text}"), || self.log().contains(text));
    }

    /// Waits until it has begun to work on this so many times.
    #[track_caller]
    pub fn wait_for_work(&self, wfid: &str, times: usize) {
        let count = || self.sandbox.read("p/worked").lines().filter(|line| *line == wfid).count();
        self.sandbox.wait_until(&format!("{wfid} is worked on"), || count() >= times);
    }

    /// Waits until so many messages are in its queue, and it has so many consumers: the broker tells another connection
    /// later of what it has heard on one that was closed.
    #[track_caller]
    pub fn wait_for_count(&self, messages_and_consumers: (u32, u32)) {
        let what = format!("the queue has (messages, consumers) {messages_and_consumers:?}");
        self.sandbox.wait_until(&what, || self.wire.count("p") == messages_and_consumers);
    }

    /// Asks about an item in hand.
    pub fn ask(&self, wfid: &str, what: &str) -> Said {
        self.sandbox.exo("p", &["--control", "config.exo", wfid, what], "")
    }

    /// Waits until an item can be asked about: its queue for that comes a moment after it has begun.
    #[track_caller]
    pub fn wait_until_asked(&self, wfid: &str) {
        self.sandbox.wait_until("it can be asked", || self.ask(wfid, "status").code == 0);
    }

    /// Lets go what waits.
    pub fn go(&self) {
        self.sandbox.write("p/go", "");
    }

    /// Runs svc with these words.
    #[track_caller]
    pub fn svc(&self, words: &str) {
        let status =
            self.sandbox.command("svc", ".").args(words.split_whitespace()).arg("p").status().unwrap();
        assert!(status.success(), "svc {words}: {status}");
    }

    /// Waits until it has ended, and tells how.
    #[track_caller]
    pub fn end(&self) -> String {
        self.sandbox.wait_for("it has ended", || {
            let text = self.sandbox.read("p/supervise/last-exit");
            // A second line says how often it has failed.
            Some(text.lines().next()?.split_once(' ')?.1.to_string())
        })
    }

    /// The number of exo.
    pub fn pid(&self) -> Option<i32> {
        pid_of(&self.sandbox, "p")
    }

    /// The number of its logic.
    pub fn logic(&self) -> Option<i32> {
        pid_below(self.pid())
    }
}

/// The number of the service in a directory.
pub fn pid_of(sandbox: &Sandbox, place: &str) -> Option<i32> {
    let status = std::fs::read(sandbox.path(&format!("{place}/supervise/status"))).ok()?;
    let bytes: [u8; 4] = status.get(12..16)?.try_into().ok()?;
    Some(i32::from_le_bytes(bytes)).filter(|pid| *pid != 0)
}

/// The number of its child.
pub fn pid_below(pid: Option<i32>) -> Option<i32> {
    let pid = pid?;
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

/// The directory of a participant `p` in a sandbox of its own.
pub fn directory(node: &Node, vhost: &str, config: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    configure(&sandbox, "p", node, vhost, config);
    sandbox.write("p/participant_logic.py", LOGIC);
    sandbox
}

/// Makes the directory of a participant, without its logic.
pub fn configure(sandbox: &Sandbox, place: &str, node: &Node, vhost: &str, config: &str) {
    let boss = format!("[boss]\namqp_host=127.0.0.1:{}\namqp_vhost={vhost}\n", node.port);
    sandbox.write(&format!("{place}/config.exo"), &format!("{boss}[participant]\n{config}\n"));
    sandbox.write(&format!("{place}/notification-fd"), "3\n");
    let run = "#!/bin/sh\nexec 2>&1\necho started >>starts\nexec exo config.exo\n";
    sandbox.script(&format!("{place}/run"), run);
}

/// Runs supervise for it.
pub fn supervise(sandbox: &Sandbox) -> Background {
    let log = File::options().create(true).append(true).open(sandbox.path("p.log")).unwrap();
    let mut command = sandbox.command("supervise", ".");
    Background(command.arg("p").stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap())
}

/// A workitem.
pub fn item(wfid: &str, fields: &str) -> String {
    format!(r#"{{"fei":{{"wfid":"{wfid}","subid":"s","expid":"0"}},"fields":{{{fields}}}}}"#)
}
