//! The names of old log files, `@` + 24 hex digits + `.s` or `.u`, and which of them have to go.
#![forbid(unsafe_code)]

use crate::tai::{LABEL, Stamp};
use std::collections::TryReserveError;
use std::ffi::CString;

/// The state of an old log file, told by the end of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// Safely on disk, and processed if there is a processor.
    Safe,
    /// Not processed; it may have been cut short by a crash.
    Unfinished,
}

/// An old log file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Archive {
    /// When it was finished.
    pub stamp: Stamp,
    /// Its state.
    pub code: Code,
}

impl Archive {
    /// Reads a file name; `None` if it is not that of an old log file.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        let (label, suffix) = name.split_at_checked(LABEL)?;
        let stamp = Stamp::from_digits(label.strip_prefix(b"@")?)?;
        let code = match suffix {
            b".s" => Code::Safe,
            b".u" => Code::Unfinished,
            _ => return None,
        };
        Some(Self { stamp, code })
    }

    /// Its file name.
    pub fn name(self) -> CString {
        let suffix: &[u8] = match self.code {
            Code::Safe => b".s",
            Code::Unfinished => b".u",
        };
        // A label and a suffix have no NUL byte.
        CString::new([&self.stamp.to_label(), suffix].concat()).unwrap_or_default()
    }
}

/// The stamp of a file that a crash has left before it was an archive: the one that it was to have, which is when it was
/// `changed` last. The file is newer than what was finished before it; what waited for the processor may be newer.
pub fn recovered_stamp(changed: Stamp, now: Stamp, archives: &[Archive]) -> Stamp {
    let finished = archives.iter().filter(|archive| archive.code == Code::Safe && archive.stamp <= now);
    let least = finished.map(|archive| archive.stamp.next()).max();
    least.unwrap_or_default().max(changed.min(now))
}

/// The order in which this process has finished files. Names alone do not tell it once the clock was set back.
#[derive(Debug, Default, Clone)]
pub struct ArchiveOrder {
    order: Vec<Stamp>,
    /// The place of a file that is not an archive at present, because it is with the processor.
    reserved: Option<Stamp>,
}

impl ArchiveOrder {
    /// The stamp for what is finished `now`: the clock may stand still, and no two files have the same.
    pub fn choose(&self, now: Stamp) -> Stamp {
        let mut stamp = now;
        while self.order.contains(&stamp) {
            stamp = stamp.next();
        }
        stamp
    }

    /// Remembers that the archive with this stamp was made; one that had its place before keeps it.
    pub fn add(&mut self, stamp: Stamp) {
        self.reserved = self.reserved.filter(|reserved| *reserved != stamp);
        self.place(stamp);
    }

    /// Keeps the place of a file that will be an archive with this stamp.
    pub fn reserve(&mut self, stamp: Stamp) {
        self.reserved = Some(stamp);
        self.place(stamp);
    }

    /// Where there is no memory for it, the name must tell.
    fn place(&mut self, stamp: Stamp) {
        if !self.order.contains(&stamp) && self.order.try_reserve(1).is_ok() {
            self.order.push(stamp);
        }
    }

    /// Which of the archives `found` have to go so that fewer than `number` stay, oldest first: those from
    /// before this process by name, then its own in the order in which they were finished, never the newest.
    ///
    /// # Errors
    /// Where there is no memory.
    pub fn surplus(&mut self, found: &[Archive], number: u64) -> Result<Vec<Archive>, TryReserveError> {
        let reserved = self.reserved;
        self.order
            .retain(|stamp| reserved == Some(*stamp) || found.iter().any(|archive| archive.stamp == *stamp));
        let most = usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX).max(1);
        let mut surplus = Vec::new();
        if found.len() <= most {
            return Ok(surplus);
        }
        let place = |archive: &Archive| self.order.iter().position(|stamp| *stamp == archive.stamp);
        let mut sorted = Vec::new();
        sorted.try_reserve_exact(found.len())?;
        sorted.extend(found.iter().map(|archive| (place(archive).map_or(0, |place| place + 1), *archive)));
        sorted.sort_unstable();
        sorted.truncate(found.len() - most);
        surplus.try_reserve_exact(sorted.len())?;
        surplus.extend(sorted.into_iter().map(|(_, archive)| archive));
        Ok(surplus)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn archive(seconds: u64) -> Archive {
        Archive { stamp: Stamp::from_unix(Duration::from_secs(seconds)), code: Code::Safe }
    }

    #[test]
    fn names_are_read_and_written() {
        for name in ["@400000006b0079fa1fc00764.s", "@400000006b0079fa1fd5509c.u"] {
            assert_eq!(Archive::from_name(name.as_bytes()).unwrap().name().to_str(), Ok(name));
        }
    }

    #[test]
    fn other_names_are_not_archives() {
        let names = [
            "",
            "current",
            "@",
            "@zzz",
            "@400000006b0079fa1fc00764",
            "@400000006b0079fa1fc00764.x",
            "@400000006b0079fa1fc00764.s.gz",
            "@400000006B0079FA1FC00764.s",
            "@400000006b0079fa1fc0076.s",
            "x400000006b0079fa1fc00764.s",
        ];
        for name in names {
            assert_eq!(Archive::from_name(name.as_bytes()), None, "{name}");
        }
    }

    /// `made` by this process in this order, `found` in the directory, `gone` with at most `number` - 1 kept.
    #[track_caller]
    fn check(made: &[u64], found: &[u64], number: u64, gone: &[u64]) {
        let mut order = ArchiveOrder::default();
        made.iter().for_each(|&seconds| order.add(archive(seconds).stamp));
        let surplus = order
            .surplus(&found.iter().map(|&seconds| archive(seconds)).collect::<Vec<_>>(), number)
            .unwrap();
        assert_eq!(surplus, gone.iter().map(|&seconds| archive(seconds)).collect::<Vec<_>>());
    }

    #[test]
    fn fewer_than_the_number_stay_and_the_oldest_go_first() {
        check(&[], &[], 2, &[]);
        check(&[3], &[3], 2, &[]);
        check(&[3], &[2, 3, 1], 2, &[1, 2]);
        check(&[3], &[2, 3, 1], 3, &[1]);
        check(&[3], &[2, 3, 1], 4, &[]);
        check(&[3], &[2, 3, 1], u64::MAX, &[]);
    }

    #[test]
    fn the_newest_stays_even_after_the_clock_went_back() {
        check(&[8, 9, 1], &[1, 8, 9], 3, &[8]);
        check(&[1], &[1, 8, 9], 2, &[8, 9]);
        check(&[1, 2], &[1, 2, 8, 9], 3, &[8, 9]);
    }

    #[test]
    fn an_archive_that_is_made_again_keeps_its_place() {
        check(&[1, 2, 1], &[1, 2], 2, &[1]);
    }

    #[test]
    fn a_file_that_comes_late_from_the_processor_is_as_old_as_it_is() {
        let mut order = ArchiveOrder::default();
        order.reserve(archive(1).stamp);
        order.add(archive(2).stamp);
        assert_eq!(order.surplus(&[archive(2)], 2).unwrap(), []);
        order.add(archive(1).stamp);
        assert_eq!(order.surplus(&[archive(1), archive(2)], 2).unwrap(), [archive(1)]);
    }

    #[test]
    fn no_two_files_get_the_same_stamp_while_the_clock_stands_still() {
        let mut order = ArchiveOrder::default();
        let now = archive(1).stamp;
        assert_eq!(order.choose(now), now);
        order.reserve(now);
        assert_eq!(order.choose(now), now.next());
        order.add(now.next());
        assert_eq!(order.choose(now), now.next().next());
        assert_eq!(order.choose(archive(2).stamp), archive(2).stamp);
    }

    #[test]
    fn what_a_crash_has_left_sorts_after_what_was_finished_and_before_what_waited() {
        let stamp = |seconds| archive(seconds).stamp;
        let waiting = |seconds| Archive { code: Code::Unfinished, ..archive(seconds) };
        let check = |changed, archives: &[Archive], expected| {
            assert_eq!(recovered_stamp(stamp(changed), stamp(9), archives), expected);
        };
        check(3, &[], stamp(3));
        check(3, &[archive(2), waiting(4)], stamp(3));
        // The clock of the file system is behind, or coarse.
        check(3, &[archive(4), waiting(5)], stamp(4).next());
        check(3, &[waiting(2), waiting(5)], stamp(3));
        // It was touched, or an archive is from a time when the clock was wrong.
        check(99, &[archive(4)], stamp(9));
        check(3, &[archive(99)], stamp(3));
    }

    #[test]
    fn both_codes_of_a_stamp_are_two_files() {
        let unfinished = Archive { code: Code::Unfinished, ..archive(1) };
        let mut made = ArchiveOrder::default();
        made.add(archive(1).stamp);
        assert_eq!(made.surplus(&[unfinished, archive(1)], 2).unwrap(), [archive(1)]);
    }
}
