//! File systems on which something else than this machine's kernel and disks has to answer: it may be slow, or gone.

use nix::sys::statfs::{FsType, statfs};
use std::ffi::CStr;

/// What the kernel calls NFS, SMB, CIFS, 9P, Ceph, AFS, NCP and FUSE.
const KINDS: [u64; 8] =
    [0x6969, 0x517B, 0xFF53_4D42, 0xFE53_4D42, 0x0102_1997, 0x00C3_6400, 0x5346_414F, 0x6573_5546];

/// Whether file systems of this kind are such.
pub(super) fn is_remote(kind: FsType) -> bool {
    u64::try_from(kind.0).is_ok_and(|number| KINDS.contains(&number))
}

/// Whether the file that `path` leads to is on such a file system; no if that is not known.
pub fn has(path: &CStr) -> bool {
    statfs(path).is_ok_and(|found| is_remote(found.filesystem_type()))
}
