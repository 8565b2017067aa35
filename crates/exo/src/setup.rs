//! What the settings of the participant in the current directory come to.

use crate::address::{Address, Login, Nodes, Secret, Tls};
use crate::endpoint::{Endpoint, endpoints};
use crate::event::{Origin, Settings};
use crate::level::Level;
use serde_json::{Map, Value};
use skynet_core::config::Config;
use skynet_core::failure::Failure;
use skynet_core::files::{Files, find_home};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The longest name that the broker knows.
const LONGEST_NAME: usize = 255;

/// What the names of files of settings end in.
const SETTINGS: [&str; 4] = ["exo", "conf", "ini", "cfg"];

/// What the settings come to.
#[derive(Debug)]
pub struct Setup {
    /// The participant's directory.
    pub directory: PathBuf,
    /// What it is called.
    pub name: String,
    /// The queue that its work comes from.
    pub queue: String,
    /// What the process engine calls it by.
    pub regexp: String,
    /// Where the broker is.
    pub nodes: Nodes,
    /// From which level on lines are logged.
    pub level: Level,
    /// Whether the broker keeps what is rejected, if the settings say so.
    pub dead_letters: Option<bool>,
    /// What is odd in the files.
    pub oddities: Vec<String>,
    /// Whether an item that fails is a failure of exo.
    pub is_strict: bool,
    config: Config,
    /// The file of the logic, if it is another than the settings say.
    code: Option<PathBuf>,
}

impl Setup {
    /// Reads the settings of the system or mini-SkyNET and the file `own`, which is in the participant's directory.
    pub fn read(own: &Path) -> Result<Self, Failure> {
        let own = std::path::absolute(own).map_err(|error| Failure::file("find", own, &error))?;
        if !own.is_file() {
            return Err(Failure::mistake(format_args!(
                "unable to read {}: there is no such file",
                own.display()
            )));
        }
        let directory = own.parent().unwrap_or(Path::new("/")).to_path_buf();
        let known = directory.file_name().and_then(|name| name.to_str()).unwrap_or("participant").to_string();
        Self::read_as(&own, &known, None)
    }

    /// The same for `--local`: the file is that of the logic, unless it is one of settings by its name. Settings that are
    /// beside the logic hold, and none are needed.
    pub fn read_local(file: &Path) -> Result<Self, Failure> {
        let file = std::path::absolute(file).map_err(|error| Failure::file("find", file, &error))?;
        let ending = file.extension().and_then(|ending| ending.to_str());
        if !file.is_file() || ending.is_some_and(|ending| SETTINGS.contains(&ending)) {
            return Self::read(&file);
        }
        let own = file.with_file_name(skynet_core::files::OWN);
        let mut setup = if own.is_file() {
            Self::read(&own)?
        } else {
            let known = file.file_stem().and_then(|name| name.to_str()).unwrap_or("participant").to_string();
            Self::read_as(&own, &known, Some(""))?
        };
        setup.code = Some(file);
        Ok(setup)
    }

    /// Reads the settings of the participant that is called `known` if they do not say how; `text` is that of the file `own`
    /// if it is not to be read.
    fn read_as(own: &Path, known: &str, text: Option<&str>) -> Result<Self, Failure> {
        let directory = own.parent().unwrap_or(Path::new("/")).to_path_buf();
        // A link in a scan directory is not where the participant is.
        let real = directory.canonicalize().unwrap_or_else(|_| directory.clone());
        let files = find_home(&real).map_or_else(|| Files::system(Path::new("/")), |home| Files::home(&home));
        let found = files.read(known, own, text)?;
        let odd = found.oddities.iter();
        let oddities = odd.map(|(path, odd)| format!("{}:{}: {}", path.display(), odd.line, odd.what));
        let oddities = oddities.collect();
        let config = found.config;
        let name = config.participant("name", known).to_string();
        let of = |key: &str| config.participant(key, &name).to_string();
        let (queue, regexp) = (of("queue"), of("regexp"));
        let nodes = nodes(&config, own)?;
        let vhosts = nodes.iter().map(|address| &address.vhost);
        if let Some(long) = vhosts.chain([&queue]).find(|name| name.len() > LONGEST_NAME) {
            let text = format!("queue and amqp_vhost can have {LONGEST_NAME} bytes: {long}");
            return Err(Failure::mistake(text));
        }
        let level = config.get("skynet", "log_level");
        let level = Level::from_name(level).ok_or_else(|| {
            let place = place(&config, "skynet", "log_level", own);
            Failure::mistake(format_args!("{level} is none of DEBUG, INFO, WARNING and ERROR: {place}"))
        })?;
        let dead_letters = config.truth("participant", "dead_letters");
        Ok(Self {
            directory,
            name,
            queue,
            regexp,
            nodes,
            level,
            dead_letters,
            oddities,
            config,
            code: None,
            is_strict: false,
        })
    }

    /// The file of the logic.
    pub fn code(&self) -> PathBuf {
        let set = || self.directory.join(self.config.participant("code", &self.name));
        self.code.clone().unwrap_or_else(set)
    }

    /// What the life of the participant depends on.
    pub fn settings(&self, origin: Origin) -> Result<Settings, Failure> {
        let own = self.directory.join(skynet_core::files::OWN);
        let number = |key: &str| {
            let value = self.config.participant(key, &self.name);
            value.parse::<u16>().map_err(|_| {
                let place = place(&self.config, "participant", key, &own);
                Failure::mistake(format_args!("{value} is no number up to {}: {place}", u16::MAX))
            })
        };
        let seconds = |number: u16| (number > 0).then(|| Duration::from_secs(number.into()));
        Ok(Settings {
            name: self.name.clone(),
            config: self.sections(),
            prefetch: usize::from(number("prefetch")?.max(1)),
            timeout: seconds(number("timeout")?),
            grace: seconds(number("grace")?),
            // Without a broker, nothing comes again.
            attempts: Some(number("attempts")?).filter(|limit| *limit > 0 && origin == Origin::Broker),
            is_strict: self.is_strict,
            origin,
        })
    }

    /// The settings as the logic is told them.
    fn sections(&self) -> Map<String, Value> {
        let sections = self.config.sections().map(|(section, keys)| {
            let keys: Map<String, Value> =
                keys.map(|(key, value)| (key.to_string(), Value::from(value))).collect();
            (section.to_string(), Value::Object(keys))
        });
        sections.collect()
    }
}

/// Where the broker is, as the settings say.
fn nodes(config: &Config, own: &Path) -> Result<Nodes, Failure> {
    let place = |key: &str| place(config, "boss", key, own);
    let setting = |key: &str| config.get("boss", key).to_string();
    let mistake = |text: String, key: &str| Failure::mistake(format_args!("{text}: {}", place(key)));
    let endpoints = endpoints(&setting("amqp_host")).map_err(|text| mistake(text, "amqp_host"))?;
    let name = setting("amqp_login");
    let login = Login::from_name(&name)
        .ok_or_else(|| mistake(format!("{name} is neither plain nor external"), "amqp_login"))?;
    let file = |key: &str| file(config, key, own);
    let certificate = file("amqp_cert");
    let key = file("amqp_key").or_else(|| certificate.clone());
    let tls = Tls { ca: file("amqp_ca"), identity: certificate.zip(key) };
    if login == Login::External && (tls.identity.is_none() || endpoints.iter().any(|at| !at.is_tls)) {
        let text = "amqp_login=external needs amqp_cert, and amqps:// in amqp_host";
        return Err(mistake(text.to_string(), "amqp_login"));
    }
    let address = |endpoint: Endpoint| {
        let login_from = match (login, &endpoint.password) {
            (Login::External, _) => place("amqp_cert"),
            (Login::Plain, Some(_)) => place("amqp_host"),
            (Login::Plain, None) => format!("{}, {}", place("amqp_user"), place("amqp_pwd")),
        };
        Address {
            host: endpoint.host,
            port: endpoint.port,
            user: endpoint.user.unwrap_or_else(|| setting("amqp_user")),
            password: endpoint.password.unwrap_or_else(|| Secret(setting("amqp_pwd"))),
            vhost_from: place(if endpoint.vhost.is_some() { "amqp_host" } else { "amqp_vhost" }),
            vhost: endpoint.vhost.unwrap_or_else(|| setting("amqp_vhost")),
            tls: endpoint.is_tls.then(|| tls.clone()),
            login,
            login_from,
            queue_from: self::place(config, "participant", "queue", own),
            ca_from: place("amqp_ca"),
            certificate_from: place("amqp_cert"),
        }
    };
    let nodes = Nodes::new(endpoints.into_iter().map(address).collect());
    nodes.ok_or_else(|| mistake("amqp_host names no host".to_string(), "amqp_host"))
}

/// A file that a setting of `[boss]` names, relative to the file that has the setting.
fn file(config: &Config, key: &str, own: &Path) -> Option<PathBuf> {
    let name = Some(config.get("boss", key)).filter(|name| !name.is_empty())?;
    let directory = config.file("boss", key).unwrap_or(own).parent().unwrap_or(Path::new("/"));
    Some(directory.join(name))
}

/// Which key in which file is to be changed.
fn place(config: &Config, section: &str, key: &str, own: &Path) -> String {
    match config.file(section, key) {
        Some(file) => format!("change {key} in [{section}] of {}", file.display()),
        None => format!("set {key} in [{section}] of {}", own.display()),
    }
}
