//! The text in `supervise/instance`: which processes supervise a service and are the service, so that after a
//! crash others can tell them from strangers that were given the same numbers.
//!
//! It is written over in place, in one step and always with the same length, because that takes a new process of the
//! service next to no time; a reader that meets both the old and the new sees that the check does not fit.
//!
//! Lines: `boot ID`; `directory DEVICE INODE`, so that a copy of the directory is not taken for it; `input INODE`
//! and `output INODE` of the pipes between a service and its logger, if it has them; `readiness INODE` of the pipe by
//! which it is going to say that it is ready; `starts COUNT`, how often the service was started; `supervise PID START`
//! and, while the service is up, `service PID START`, or, while `finish` runs, `finish PID START`, where START is the
//! time at which the process was started, as field 22 of `/proc/PID/stat` tells it; `check SUM` of all these; empty
//! lines.
#![forbid(unsafe_code)]

use crate::file_id::FileId;

/// How long the text is, with as many empty lines as that takes.
const LENGTH: usize = 400;

/// A process and when it was started, in the kernel's ticks since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// When it was started.
    pub started: u64,
}

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Instance {
    /// The boot of the machine in which all this holds.
    pub boot: String,
    /// The service directory: device and inode.
    pub directory: Option<FileId>,
    /// The pipe that is its standard input, if it is one.
    pub input: Option<u64>,
    /// The pipe that is its standard output, if it is one.
    pub output: Option<u64>,
    /// The pipe by which the service says that it is ready.
    pub readiness: Option<u64>,
    /// How often the service was started.
    pub starts: u64,
    /// Supervise was told to exit when the service has ended.
    pub exiting: bool,
    /// The supervise.
    pub supervise: Option<Process>,
    /// The service.
    pub service: Option<Process>,
    /// The last run of `finish` since the service was up.
    pub finish: Option<Process>,
}

impl Instance {
    /// Whether it was written in this boot of the machine, and in this service directory: a copy of one that runs has the
    /// record of the other.
    pub fn is_about(&self, boot: &str, directory: Option<FileId>) -> bool {
        self.boot == boot && self.directory.is_some() && self.directory == directory
    }

    /// Reads the file; lines of other kinds are ignored, a damaged file says nothing.
    pub fn decode(content: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(content).ok()?;
        let (text, check) = text.rsplit_once("check ")?;
        if u64::from_str_radix(check.trim_end(), 16) != Ok(sum(text.as_bytes())) {
            return None;
        }
        let mut instance = Self::default();
        for line in text.lines() {
            let mut words = line.split(' ');
            match (words.next()?, words.next()?) {
                ("boot", boot) => instance.boot = boot.to_string(),
                ("directory", device) => {
                    let (device, inode) = (device.parse().ok()?, words.next()?.parse().ok()?);
                    instance.directory = Some(FileId { device, inode });
                }
                ("input", inode) => instance.input = Some(inode.parse().ok()?),
                ("output", inode) => instance.output = Some(inode.parse().ok()?),
                ("readiness", inode) => instance.readiness = Some(inode.parse().ok()?),
                ("starts", count) => instance.starts = count.parse().ok()?,
                ("exiting", _) => instance.exiting = true,
                (kind @ ("supervise" | "service" | "finish"), pid) => {
                    let pid = pid.parse().ok().filter(|&pid| pid > 0)?;
                    let process = Process { pid, started: words.next()?.parse().ok()? };
                    match kind {
                        "service" => instance.service = Some(process),
                        "finish" => instance.finish = Some(process),
                        _ => instance.supervise = Some(process),
                    }
                }
                _ => {}
            }
        }
        (!instance.boot.is_empty()).then_some(instance)
    }

    /// Writes the file.
    pub fn encode(&self) -> Vec<u8> {
        let mut text = format!("boot {}\n", self.boot);
        let mut line = |kind: &str, numbers: &[u64]| {
            let words = numbers.iter().fold(kind.to_string(), |line, number| format!("{line} {number}"));
            text = format!("{text}{words}\n");
        };
        if let Some(FileId { device, inode }) = self.directory {
            line("directory", &[device, inode]);
        }
        for (kind, pipe) in [("input", self.input), ("output", self.output), ("readiness", self.readiness)] {
            if let Some(inode) = pipe {
                line(kind, &[inode]);
            }
        }
        line("starts", &[self.starts]);
        if self.exiting {
            line("exiting", &[1]);
        }
        let processes = [("supervise", self.supervise), ("service", self.service), ("finish", self.finish)];
        for (kind, process) in processes {
            if let Some(Process { pid, started }) = process {
                line(kind, &[u64::from(pid.unsigned_abs()), started]);
            }
        }
        seal(&text)
    }
}

/// The content of the file of which these are the lines: with their check, and of the length that it always has.
pub fn seal(lines: &str) -> Vec<u8> {
    let mut content = format!("{lines}check {:016x}\n", sum(lines.as_bytes())).into_bytes();
    content.resize(content.len().max(LENGTH), b'\n');
    content
}

/// The sum over the text: FNV-1a, which tells a mixture of two texts from either.
fn sum(text: &[u8]) -> u64 {
    text.iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_round_trips() {
        let process = |pid| Some(Process { pid, started: 12345 });
        for (supervise, service) in [(None, None), (process(1), None), (process(1), process(2))] {
            let instance = Instance {
                boot: "3e1f-aa".to_string(),
                directory: Some(FileId::new(8, 9)),
                input: supervise.map(|_| 77),
                output: service.map(|_| 78),
                readiness: service.map(|_| 79),
                starts: 4,
                exiting: service.is_some(),
                supervise,
                service,
                finish: supervise.filter(|_| service.is_none()),
            };
            assert_eq!(Instance::decode(&instance.encode()), Some(instance));
        }
    }

    #[test]
    fn a_record_is_about_one_directory_in_one_boot() {
        let here = Some(FileId::new(8, 9));
        for (boot, directory, is_about) in [
            ("this", here, true),
            ("another", here, false),
            ("this", Some(FileId::new(8, 10)), false),
            ("this", None, false),
        ] {
            let instance = Instance { boot: "this".to_owned(), directory: here, ..Instance::default() };
            assert_eq!(instance.is_about(boot, directory), is_about, "{boot} {directory:?}");
        }
        let nowhere = Instance { boot: "this".to_owned(), ..Instance::default() };
        assert!(!nowhere.is_about("this", None));
    }

    #[test]
    fn a_damaged_file_says_nothing() {
        for text in [
            "",
            "boot\n",
            "boot x\nservice 1\n",
            "boot x\nservice -1 5\n",
            "service 1 5\n",
            "boot x\nservice a 5\n",
        ] {
            assert_eq!(Instance::decode(&seal(text)), None, "{text:?}");
        }
        assert_eq!(Instance::decode(b"boot \xff\n"), None);
        assert_eq!(Instance::decode(b"boot x\n"), None);
    }

    #[test]
    fn a_mixture_of_two_says_nothing() {
        let [old, new] =
            [7, 8].map(|starts| Instance { boot: "x".to_string(), starts, ..Instance::default() }.encode());
        assert_eq!(old.len(), new.len());
        for length in 0..old.len() {
            let mixture = [&new[..length], &old[length..]].concat();
            assert!(mixture == old || mixture == new || Instance::decode(&mixture).is_none(), "{length}");
        }
    }

    #[test]
    fn lines_of_the_future_are_ignored() {
        let instance = Instance::decode(&seal("boot x\ncolour blue\nservice 7 5\n")).unwrap();
        assert_eq!(instance.service, Some(Process { pid: 7, started: 5 }));
    }
}
