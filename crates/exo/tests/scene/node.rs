//! A broker of our own: a node of RabbitMQ in a scratch directory, on ports of the loopback that are its own, that ends
//! with the tests however these end.

use super::{DEADLINE, Patience, scratch};
use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Instant;
use tokio::net::TcpSocket;

const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// So many virtual hosts a node has.
const VHOSTS: usize = 72;

/// The virtual host that may have two queues.
pub const TWO_QUEUES: &str = "two-queues";

/// The virtual host that may have one connection.
pub const ONE_CONNECTION: &str = "one-connection";

/// The account that may have one channel.
pub const ONE_CHANNEL: &str = "onechannel";

/// Who has an account, and what each may configure, write and read.
const USERS: [[&str; 4]; 5] = [
    ["boss", ".*", ".*", ".*"],
    ["noconf", "^$", ".*", ".*"],
    ["nowrite", ".*", "^$", ".*"],
    ["noread", ".*", ".*", "^$"],
    [ONE_CHANNEL, ".*", ".*", ".*"],
];

/// The most bytes that a message may have.
pub const LONGEST: usize = 12_000_000;

/// The password `boss` as the broker keeps it: SHA-256 with salt.
const BOSS: &str = "AAECA92uk4cfmZEai15w47/DRWEoMwURlwZuoTQ41SSQjFZg";

/// Does as it is told by lines of standard input; at its end, all ends.
const GUARD: &str = r#"
epmd=
if [ "$EPMD" ]; then
    epmd -address 127.0.0.1 -port "$ERL_EPMD_PORT" >/dev/null 2>&1 & epmd=$!
fi
beam=
while read -r word; do
    case $word in
    start) "$SERVER" </dev/null >>out 2>&1 & beam=$! ;;
    kill) kill -9 "$beam"; wait "$beam"; beam= ;;
    esac
done
for pid in $beam $epmd; do kill -9 "$pid"; wait "$pid"; done
cd / && rm -rf "$HOME"
"#;

/// A broker.
pub struct Node {
    pub port: u16,
    epmd: u16,
    name: String,
    pub directory: PathBuf,
    _ports: [Port; 3],
    _guard: Child,
    orders: Mutex<Option<ChildStdin>>,
    vhosts: AtomicUsize,
}

impl Node {
    /// The one that all tests share that leave it alone.
    pub fn shared() -> &'static Self {
        static NODE: OnceLock<Node> = OnceLock::new();
        NODE.get_or_init(|| {
            let node = Self::new();
            node.start();
            node
        })
    }

    /// One that does not run yet.
    pub fn new() -> Self {
        Self::with(|_| Extra::default())
    }

    /// The same with more settings, which may be made of files in its directory.
    pub fn with(prepare: impl FnOnce(&Path) -> Extra) -> Self {
        Self::make(prepare, None)
    }

    /// One that joins the cluster of another, which runs.
    pub fn beside(other: &Self) -> Self {
        let config = format!(
            "cluster_formation.peer_discovery_backend = classic_config\n\
             cluster_formation.classic_config.nodes.1 = {}\n",
            other.name
        );
        Self::make(|_| Extra { config, ..Extra::default() }, Some(other.epmd))
    }

    fn make(prepare: impl FnOnce(&Path) -> Extra, others_epmd: Option<u16>) -> Self {
        assert!(Path::new(SERVER).exists(), "the tests need a broker: apt-get install rabbitmq-server");
        let directory = scratch("exo-node");
        let extra = prepare(&directory);
        let name = format!("{}@localhost", directory.file_name().unwrap().to_str().unwrap());
        let ports: [Port; 3] = std::array::from_fn(|_| Port::reserve());
        let [port, distribution, epmd] = ports.each_ref().map(|port| port.number);
        let epmd = others_epmd.unwrap_or(epmd);
        let path = |name: &str| directory.join(name).display().to_string();
        let mut vhosts: Vec<String> = (0..VHOSTS).map(|number| format!("v{number}")).collect();
        vhosts.extend(["queues", TWO_QUEUES, ONE_CONNECTION].map(str::to_string));
        let list = |item: &dyn Fn(&String) -> String| vhosts.iter().map(item).collect::<Vec<_>>().join(",");
        let definitions = format!(
            r#"{{"users":[{}],"vhosts":[{}],"permissions":[{}],"parameters":[{}]}}"#,
            USERS.map(|[user, ..]| {
                let limits = if user == ONE_CHANNEL { r#"{"max-channels":1}"# } else { "{}" };
                format!(
                    r#"{{"name":"{user}","password_hash":"{BOSS}","hashing_algorithm":"rabbit_password_hashing_sha256","tags":"","limits":{limits}}}"#
                )
            }).join(","),
            list(&|vhost| format!(r#"{{"name":"{vhost}"}}"#)),
            list(&|vhost| USERS.map(|[user, configure, write, read]| format!(
                r#"{{"user":"{user}","vhost":"{vhost}","configure":"{configure}","write":"{write}","read":"{read}"}}"#
            )).join(",")),
            [(TWO_QUEUES, "max-queues", 2), (ONE_CONNECTION, "max-connections", 1)].map(|(vhost, what, limit)| format!(
                r#"{{"vhost":"{vhost}","component":"vhost-limits","name":"limits","value":{{"{what}":{limit}}}}}"#
            )).join(","),
        );
        fs::write(path("definitions.json"), definitions).unwrap();
        // On a busy machine, a client is slow to log in.
        let config = format!(
            "load_definitions = {}\nlog.console = false\nmax_message_size = {LONGEST}\n\
             handshake_timeout = 300000\n{}",
            path("definitions.json"),
            extra.config
        );
        fs::write(path("rabbitmq.conf"), config).unwrap();
        fs::write(path("plugins"), format!("[{}].\n", extra.plugins)).unwrap();
        fs::write(path(".erlang.cookie"), cookie()).unwrap();
        fs::set_permissions(path(".erlang.cookie"), fs::Permissions::from_mode(0o400)).unwrap();
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD]).current_dir(&directory).stdin(Stdio::piped());
        guard.stdout(Stdio::null()).stderr(Stdio::null());
        guard
            .env_clear()
            .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
            .env("HOME", &directory)
            .env("SERVER", SERVER)
            .env("EPMD", if others_epmd.is_none() { "1" } else { "" });
        guard.env("ERL_EPMD_PORT", epmd.to_string()).env("ERL_EPMD_ADDRESS", "127.0.0.1");
        for (variable, value) in [
            ("BASE", path("")),
            ("MNESIA_BASE", path("mnesia")),
            ("LOG_BASE", path("log")),
            ("GENERATED_CONFIG_DIR", path("generated")),
            ("CONFIG_FILE", path("rabbitmq")),
            ("ADVANCED_CONFIG_FILE", path("none.config")),
            ("CONF_ENV_FILE", path("none.conf")),
            ("ENABLED_PLUGINS_FILE", path("plugins")),
            ("NODENAME", name.clone()),
            ("NODE_IP_ADDRESS", "127.0.0.1".to_string()),
            ("NODE_PORT", port.to_string()),
            ("DIST_PORT", distribution.to_string()),
            // The shell that starts it becomes it, so that its number is known.
            ("ALLOW_INPUT", "1".to_string()),
            (
                "SERVER_ADDITIONAL_ERL_ARGS",
                "-noinput -kernel inet_dist_use_interface {127,0,0,1}".to_string(),
            ),
        ] {
            guard.env(format!("RABBITMQ_{variable}"), value);
        }
        let mut guard = guard.spawn().unwrap();
        let orders = Mutex::new(guard.stdin.take());
        Self {
            port,
            epmd,
            name,
            directory,
            _ports: ports,
            _guard: guard,
            orders,
            vhosts: AtomicUsize::new(0),
        }
    }

    fn order(&self, word: &str) {
        let mut orders = self.orders.lock().unwrap();
        writeln!(orders.as_mut().unwrap(), "{word}").unwrap();
    }

    /// Starts it, and waits until it is there.
    pub fn start(&self) {
        // A node that does not find its epmd starts another, which would outlive it.
        self.wait_for_port(self.epmd);
        self.order("start");
        // It listens when all else is there.
        self.wait_for_port(self.port);
    }

    /// A node takes five seconds of a processor that it shares with all else that runs.
    fn wait_for_port(&self, port: u16) {
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let said = || fs::read_to_string(self.directory.join("out")).unwrap_or_default();
            assert!(start.elapsed() < 60 * DEADLINE, "the broker does not start: {}", said());
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    /// Has it write to the disk which queues there are. It does so some seconds after they are declared, and one that is
    /// killed before that has lost them, with all messages in them.
    #[track_caller]
    pub fn write_down(&self) {
        self.control(&["eval", "mnesia:sync_log()."]);
    }

    /// Kills it.
    pub fn kill(&self) {
        self.order("kill");
        let mut patience = Patience::new();
        while TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
            assert!(patience.lasts(), "the broker does not end");
        }
    }

    /// Has its administrator run `rabbitmqctl` with these words.
    #[track_caller]
    pub fn control(&self, words: &[&str]) {
        let mut command = Command::new("/usr/lib/rabbitmq/bin/rabbitmqctl");
        command.env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").env("HOME", &self.directory);
        command.env("ERL_EPMD_PORT", self.epmd.to_string()).env("LANG", "C.UTF-8");
        command.args(["-n", &self.name]).args(words);
        // It gives up when a busy node does not answer within some seconds.
        let mut patience = Patience::new();
        loop {
            let output = command.output().unwrap();
            if output.status.success() {
                break;
            }
            assert!(patience.lasts(), "{words:?}: {output:?}");
        }
    }

    /// A virtual host that nobody else uses.
    pub fn vhost(&self) -> String {
        let number = self.vhosts.fetch_add(1, Ordering::Relaxed);
        assert!(number < VHOSTS, "there are not enough virtual hosts");
        format!("v{number}")
    }
}

/// What a node has besides.
#[derive(Default)]
pub struct Extra {
    /// Lines of its configuration.
    pub config: String,
    /// Names of plugins.
    pub plugins: &'static str,
}

/// What the nodes of a run of the tests, and their administrators, know each other by.
fn cookie() -> &'static str {
    static COOKIE: OnceLock<String> = OnceLock::new();
    COOKIE
        .get_or_init(|| fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap().replace(['-', '\n'], ""))
}

/// A port of the loopback that the system gives to no other program that asks for any, even while nothing listens on it:
/// a socket that does not listen is bound to it, and shares it with a server that names it.
pub struct Port {
    pub number: u16,
    _socket: TcpSocket,
}

impl Port {
    pub fn reserve() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        Self { number: socket.local_addr().unwrap().port(), _socket: socket }
    }
}
