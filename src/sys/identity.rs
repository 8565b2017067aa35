//! Accounts, and becoming one.

use super::{Errno, Result};
use nix::unistd::{Gid, Uid, User, setgid, setgroups, setuid};
use std::ffi::CStr;

/// The numbers of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    uid: Uid,
    gid: Gid,
}

/// Looks an account up by its name; a name that is not text is nobody's.
pub fn account(name: &CStr) -> Option<Account> {
    let user = User::from_name(name.to_str().ok()?).ok()??;
    Some(Account { uid: user.uid, gid: user.gid })
}

impl Account {
    /// The number of the account.
    pub const fn uid(self) -> u32 {
        self.uid.as_raw()
    }

    /// The number of its primary group.
    pub const fn gid(self) -> u32 {
        self.gid.as_raw()
    }

    /// Makes the account's primary group the only group of this process, in every sense.
    pub fn take_group(self) -> Result<()> {
        setgroups(&[self.gid])?;
        setgid(self.gid).map_err(Errno::from)
    }

    /// Makes the account the user of this process, in every sense; for root there is no way back.
    pub fn take_user(self) -> Result<()> {
        setuid(self.uid).map_err(Errno::from)
    }
}
