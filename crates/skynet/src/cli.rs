//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Manages SkyNET participants: services that work for processes.
#[derive(Debug, Parser)]
#[command(name = "skynet", version, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    /// The directory of a mini-SkyNET [default: $SKYNET_ROOT, or the one that the current directory is in, else the system]
    #[arg(long, global = true, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// The root directory of an image that is being built
    #[arg(long, global = true, value_name = "DIR", conflicts_with = "root")]
    pub sysroot: Option<PathBuf>,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a participant from its logic
    #[command(visible_alias = "make_participant")]
    Install(Install),
    /// Remove participants that are not running
    Uninstall(Selection),
    /// Start participants at boot
    Enable(Switch),
    /// Do not start participants at boot, and stop them
    Disable(Switch),
    /// Start participants
    Start(Patient),
    /// Stop participants; what they have in hand they finish
    Stop(Patient),
    /// Stop and start participants
    Restart(Patient),
    /// Make participants use new logic without losing an item
    Reload(Patient),
    /// Tell how participants are
    Status(Status),
    /// Name the participants; `*` marks those that run, `?` those of which that cannot be seen
    List(List),
    /// Show what participants have logged
    ///
    /// The logs are merged in the order of time, across rotations. A log that may not be read is named, and the others are
    /// shown.
    Log(Log),
    /// Tell how often participants were called, how long they took, and what failed
    ///
    /// FALSE counts items with the result false, which is an answer; FAILED those with an error; CRASHED those that were
    /// begun and never ended, because the run that had them in hand is over. The median, and the time
    /// that 95 % of the items did not exceed, are exact up to 255 ms and within 1 % from there on.
    History(History),
    /// List the processes that participants have worked for
    ///
    /// CRASHED counts items that were begun and never ended, because the run that had them in hand is over.
    Processes(Processes),
    /// Run a participant in the foreground
    Manual(One),
    /// Tell the process engine to give work to participants
    Register(Register),
    /// Tell the process engine to give no more work to participants
    Unregister(Register),
    /// Ask a participant about the item of a process that it has in hand
    Item(Item),
    /// Write the directories of participants again from their settings
    Rebuild(Rebuild),
    /// Make svscan take up changes now
    Apply,
    /// Wait until participants are in a state
    Wait(Wait),
    /// Tell somebody that a participant has crashed, for its script `notify`
    #[command(hide = true)]
    Notify(Notify),
    /// Print completions for a shell
    #[command(hide = true)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Which participants.
#[derive(Debug, Args)]
pub struct Selection {
    /// Participants; names may be shortened
    #[arg(required_unless_present = "all", value_name = "NAME")]
    pub names: Vec<String>,
    /// All of them
    #[arg(long, conflicts_with = "names")]
    pub all: bool,
}

/// One participant.
#[derive(Debug, Args)]
pub struct One {
    /// The participant; its name may be shortened
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// A question about an item in hand.
#[derive(Debug, Args)]
pub struct Item {
    /// The participant; its name may be shortened
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The process that the item belongs to
    #[arg(value_name = "WFID")]
    pub wfid: String,
    /// How far it is, or that it be given up
    pub request: Request,
}

/// What is asked about an item.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Request {
    /// How far it is
    Status,
    /// That it be given up
    Cancel,
}

impl Request {
    /// As the exoskeleton knows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Cancel => "cancel",
        }
    }
}

/// Options of `install`.
#[derive(Debug, Args)]
pub struct Install {
    /// The name [default: that of the logic]
    #[arg(short, long)]
    pub name: Option<String>,
    /// The account that it runs as
    #[arg(short, long)]
    pub user: Option<String>,
    /// The queue that its work comes from [default: its name]
    #[arg(short, long)]
    pub queue: Option<String>,
    /// What the process engine calls it by [default: its name]
    #[arg(short, long)]
    pub regexp: Option<String>,
    /// Make so many: NAME_0, NAME_1 ...
    #[arg(short, long, value_name = "N")]
    pub instances: Option<u32>,
    /// The logic, for scripts of packages: if the file is missing, print SKIPPING and succeed
    #[arg(short = 'p', long = "logic", value_name = "LOGIC", conflicts_with = "logic")]
    pub old_logic: Option<PathBuf>,
    /// Print SKIPPING and succeed if the file with the logic is missing
    #[arg(long)]
    pub skip_missing: bool,
    /// The logic, in Python or any executable
    #[arg(required_unless_present = "old_logic")]
    pub logic: Option<PathBuf>,
}

/// Options of `enable` and `disable`.
#[derive(Debug, Args)]
pub struct Switch {
    /// Which
    #[command(flatten)]
    pub selection: Selection,
    /// Wait until it is so
    #[arg(long)]
    pub now: bool,
    /// Make svscan take up the change now, as the command `apply` does
    #[arg(long)]
    pub apply: bool,
}

/// Options of commands that wait.
#[derive(Debug, Args)]
pub struct Patient {
    /// Which
    #[command(flatten)]
    pub selection: Selection,
    /// How long to wait
    #[arg(short, long, value_name = "SECONDS", default_value_t = 60)]
    pub wait: u64,
    /// Send the command and return at once
    #[arg(long, conflicts_with = "wait")]
    pub no_wait: bool,
}

/// Options of `rebuild`.
#[derive(Debug, Args)]
pub struct Rebuild {
    /// Participants [default: all]; names may be shortened
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// All of them
    #[arg(long, conflicts_with = "names")]
    pub all: bool,
    /// Has no effect: for old scripts. What differs is always written again
    #[arg(long)]
    pub force: bool,
}

/// Options of `register` and `unregister`.
#[derive(Debug, Args)]
pub struct Register {
    /// Participants; names may be shortened
    #[arg(required_unless_present_any = ["all", "name", "regexp"], value_name = "NAME")]
    pub names: Vec<String>,
    /// All of them
    #[arg(long, conflicts_with_all = ["names", "name", "regexp", "queue"])]
    pub all: bool,
    /// A participant that may be on another machine
    #[arg(short, long, value_name = "NAME", conflicts_with = "names")]
    pub name: Option<String>,
    /// What the process engine calls it by [default: its own setting, else NAME]
    #[arg(short, long)]
    pub regexp: Option<String>,
    /// The queue that its work is to go to [default: its own setting, else NAME]
    #[arg(short, long)]
    pub queue: Option<String>,
}

/// Options of `status`.
#[derive(Debug, Args)]
pub struct Status {
    /// Participants [default: all]; names may be shortened
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// All of them
    #[arg(long, conflicts_with = "names")]
    pub all: bool,
    /// For programs
    #[arg(long)]
    pub json: bool,
}

/// Options of `list`.
#[derive(Debug, Args)]
pub struct List {
    /// All of them, which is the default
    #[arg(short, long, conflicts_with_all = ["enabled", "disabled"])]
    pub all: bool,
    /// Only those that are enabled
    #[arg(long, conflicts_with = "disabled")]
    pub enabled: bool,
    /// Only those that are not
    #[arg(long)]
    pub disabled: bool,
}

/// Options of `log`.
#[derive(Debug, Args)]
pub struct Log {
    /// Participants [default: all]; names may be shortened
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// All of them
    #[arg(long, conflicts_with = "names")]
    pub all: bool,
    /// Only the last lines [default: all; 10 with --follow unless --since is given]
    #[arg(short = 'n', long, value_name = "LINES")]
    pub lines: Option<usize>,
    /// Go on as lines come [default on a terminal for a NAME without other options]
    #[arg(short, long)]
    pub follow: bool,
    /// Print what there is and end, also on a terminal
    #[arg(short, long, conflicts_with = "follow")]
    pub once: bool,
    /// Only the lines about one process: those that have its wfid in brackets behind the level, or as `wfid=ID`
    #[arg(long, value_name = "ID")]
    pub wfid: Option<String>,
    /// Only lines from then on: 90s, 15m, 2h, 3d ago, or a local time: YYYY-MM-DD, YYYY-MM-DDTHH:MM:SS
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
}

/// Options of `history`.
#[derive(Debug, Args)]
pub struct History {
    /// Participants [default: all]; names may be shortened
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// All of them
    #[arg(long, conflicts_with = "names")]
    pub all: bool,
    /// Only what came from then on, as for `log`
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// For programs
    #[arg(long)]
    pub json: bool,
}

/// Options of `processes`.
#[derive(Debug, Args)]
pub struct Processes {
    /// Participants [default: all]; names may be shortened
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// All of them
    #[arg(long, conflicts_with = "names")]
    pub all: bool,
    /// Only processes of which an item has failed or crashed
    #[arg(long)]
    pub failed: bool,
    /// Only what came from then on, as for `log`
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// For programs
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `notify`: what supervise tells.
#[derive(Debug, Args)]
pub struct Notify {
    /// The name of the participant, or its directory
    pub name: String,
    /// What has happened: start, exit or killed
    pub what: String,
    /// The process
    pub pid: u32,
    /// The exit code, or the number of the signal
    pub code: i32,
}

/// Options of `wait`.
#[derive(Debug, Args)]
pub struct Wait {
    /// What to wait for
    pub state: State,
    /// Which
    #[command(flatten)]
    pub selection: Selection,
    /// How long to wait
    #[arg(short, long, value_name = "SECONDS", default_value_t = 60)]
    pub wait: u64,
}

/// A state to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum State {
    /// It runs
    Up,
    /// It does not run
    Down,
    /// It runs and has said that it is ready
    Ready,
}
