//! Accounts: those of this system, or of an image of one.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

/// The user and the group of an account.
pub type Ids = (u32, u32);

/// The account `name` of the system whose root directory is `root`.
pub fn find(root: &Path, name: &str) -> Option<Ids> {
    if root.as_os_str() == OsStr::new("/") {
        let user = nix::unistd::User::from_name(name).ok().flatten()?;
        return Some((user.uid.as_raw(), user.gid.as_raw()));
    }
    read(&fs::read_to_string(root.join("etc/passwd")).ok()?, name)
}

/// Whether this process may give files to accounts.
pub fn may_give() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Finds an account in a file like `/etc/passwd`.
fn read(text: &str, name: &str) -> Option<Ids> {
    let mut lines = text.lines().map(|line| line.split(':'));
    let mut fields = lines.find_map(|mut fields| (fields.next() == Some(name)).then_some(fields))?;
    Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_has_accounts_of_its_own() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nboss:x:120:121::/:/bin/false\nodd:x\n";
        assert_eq!(read(passwd, "boss"), Some((120, 121)));
        assert_eq!(read(passwd, "odd"), None);
        assert_eq!(read(passwd, "bos"), None);
    }
}
