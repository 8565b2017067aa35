//! Commands to services that are certain to have been obeyed.

use super::{Sandbox, is_settled, process_state};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;

impl Sandbox {
    /// Sends letters to a service, `-dx` say, and waits until its supervise has obeyed them: svc returns when they are
    /// in the fifo, and a test that then kills supervise or its service may be faster than supervise is.
    #[track_caller]
    pub fn tell(&self, service: &str, letters: &str) {
        self.run(&format!("svc --check {letters} {service}"));
        self.wait_until_obeyed(service);
    }

    /// Writes letters into the fifo, as svc does, but without the time that it takes to start a program.
    #[track_caller]
    pub fn write_command(&self, service: &str, letters: &str) {
        let path = self.path(service).join("supervise/control");
        let control = File::options().write(true).custom_flags(nix::libc::O_NONBLOCK).open(path);
        control.unwrap().write_all(letters.as_bytes()).unwrap();
    }

    /// Waits until the supervise of `service` has done all that it was told, or has ended.
    #[track_caller]
    pub fn wait_until_obeyed(&self, service: &str) {
        self.wait_until(&format!("the supervise of {service} has obeyed"), || {
            let supervise = self.instance(service).and_then(|instance| instance.supervise);
            let Some(pid) = supervise.map(|supervise| supervise.pid) else { return true };
            // In this order: it is awake from reading the last letter until that is done.
            process_state(pid).is_none() || self.has_read_commands(service) && is_settled(pid)
        });
    }

    /// Whether no letter is left in the fifo.
    fn has_read_commands(&self, service: &str) -> bool {
        let path = self.path(service).join("supervise/control");
        let control = File::options().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path);
        control.is_ok_and(|control| {
            poll(&mut [PollFd::new(control.as_fd(), PollFlags::POLLIN)], PollTimeout::ZERO) == Ok(0)
        })
    }

    /// Whether a supervise serves `service`: svc, svok and svstat find it.
    pub fn is_served(&self, service: &str) -> bool {
        let path = self.path(service).join("supervise/ok");
        File::options().write(true).custom_flags(nix::libc::O_NONBLOCK).open(path).is_ok()
    }
}
