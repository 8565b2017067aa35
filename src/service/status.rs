//! The record in `supervise/status`: 18 bytes that every daemontools program ever written can read.
//!
//! | bytes | meaning |
//! |---|---|
//! | 0-11 | TAI64N stamp: when supervise or the service started, or the service ended |
//! | 12-15 | process number of the service, little-endian; 0 = down |
//! | 16 | 1 = paused |
//! | 17 | `u` wanted up, `d` wanted down, 0 = neither (once) |
#![forbid(unsafe_code)]

use crate::tai::Stamp;
use std::num::NonZeroU32;

/// The length of the record in bytes.
pub const LENGTH: usize = 18;

/// What the administrator wants of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// Running, and started again when it ends.
    Up,
    /// Not running.
    Down,
    /// Left alone when it ends.
    Once,
}

/// A service as its status file shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Since when it has been up or down.
    pub since: Stamp,
    /// Its process, if it is up.
    pub pid: Option<NonZeroU32>,
    /// Whether it has been stopped in its tracks.
    pub paused: bool,
    /// What is wanted of it.
    pub want: Want,
}

impl Status {
    /// Reads the record; a file may be longer, but not shorter.
    pub fn decode(record: &[u8]) -> Option<Self> {
        let (stamp, rest) = record.split_first_chunk::<12>()?;
        let (pid, rest) = rest.split_first_chunk::<4>()?;
        let &[paused, want, ..] = rest else { return None };
        Some(Self {
            since: Stamp::from_bytes(*stamp),
            pid: NonZeroU32::new(u32::from_le_bytes(*pid)),
            paused: paused != 0,
            want: match want {
                b'u' => Want::Up,
                b'd' => Want::Down,
                _ => Want::Once,
            },
        })
    }

    /// Writes the record.
    pub fn encode(&self) -> [u8; LENGTH] {
        let mut record = [0; LENGTH];
        let pid = self.pid.map_or(0, NonZeroU32::get);
        let want = match self.want {
            Want::Up => b'u',
            Want::Down => b'd',
            Want::Once => 0,
        };
        let tail = [u8::from(self.paused), want];
        let bytes = self.since.to_bytes().into_iter().chain(pid.to_le_bytes()).chain(tail);
        record.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: [u8; LENGTH] =
        [0x40, 0, 0, 0, 0x6b, 0, 0x62, 0x8a, 0x23, 0x67, 0xcd, 0xfc, 0x0e, 0x66, 0, 0, 0, 0x75];

    #[test]
    fn a_record_of_the_original_is_read_and_written_byte_by_byte() {
        let status = Status::decode(&RECORD).unwrap();
        assert_eq!(status.pid.map(NonZeroU32::get), Some(0x660e));
        assert_eq!((status.paused, status.want), (false, Want::Up));
        assert_eq!(status.encode(), RECORD);
    }

    #[test]
    fn longer_is_fine_and_shorter_is_not() {
        assert_eq!(Status::decode(&[&RECORD[..], b"more"].concat()), Status::decode(&RECORD));
        (0..LENGTH).for_each(|length| assert_eq!(Status::decode(&RECORD[..length]), None));
    }

    #[test]
    fn every_state_round_trips() {
        for want in [Want::Up, Want::Down, Want::Once] {
            for paused in [false, true] {
                for pid in [None, NonZeroU32::new(1), NonZeroU32::new(u32::MAX)] {
                    let status = Status { since: Stamp::default(), pid, paused, want };
                    assert_eq!(Status::decode(&status.encode()), Some(status));
                }
            }
        }
    }
}
