//! Names of the files in a service directory, relative to it.
#![forbid(unsafe_code)]

use std::ffi::CStr;

/// Present: the service is not started when supervise starts.
pub const DOWN: &CStr = c"down";
/// supervise's own directory.
pub const SUPERVISE: &CStr = c"supervise";
/// Locked for as long as supervise runs.
pub const LOCK: &CStr = c"supervise/lock";
/// The fifo for commands.
pub const CONTROL: &CStr = c"supervise/control";
/// A fifo that can be opened for writing for as long as supervise runs.
pub const OK: &CStr = c"supervise/ok";
/// The status record.
pub const STATUS: &CStr = c"supervise/status";
/// The status record while it is being written.
pub const STATUS_NEW: &CStr = c"supervise/status.new";
/// How the service ended last.
pub const LAST_EXIT: &CStr = c"supervise/last-exit";
/// The same while it is being written.
pub const LAST_EXIT_NEW: &CStr = c"supervise/last-exit.new";
/// Since when the service is ready; absent while it is not.
pub const READY: &CStr = c"supervise/ready";
/// The same while it is being written.
pub const READY_NEW: &CStr = c"supervise/ready.new";
/// There while something still goes on about the last run: `finish`, or ending what the service has left behind.
pub const FINISHING: &CStr = c"supervise/finishing";
/// Which processes supervise the service, and are it.
pub const INSTANCE: &CStr = c"supervise/instance";
/// Which run of a participant was told to end, by the manager of participants.
pub const TOLD: &CStr = c"supervise/told";
/// Run after the service has ended.
pub const FINISH: &CStr = c"./finish";
/// Present: what the service leaves behind is ended.
pub const END_LEFTOVERS: &CStr = c"end-leftovers";
/// Run when the service was started or has ended.
pub const NOTIFY: &CStr = c"./notify";

/// The name within `supervise/` of one of the files above.
pub fn inside(path: &'static CStr) -> &'static CStr {
    let name = path.to_bytes_with_nul().strip_prefix(b"supervise/");
    name.and_then(|name| CStr::from_bytes_with_nul(name).ok()).unwrap_or(path)
}

/// More than any file of supervise has, in bytes.
pub const LONGEST_RECORD: usize = 4096;
