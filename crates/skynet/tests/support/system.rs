//! A scratch system: a copy of this one for a test that is root in it.

use super::Sandbox;
use std::fs;
use std::path::Path;

impl Sandbox {
    /// Runs a script as root of a system of its own: a copy of this one, in which everything may be changed, with our
    /// programs in `/usr/bin`, the skeleton of a participant in `/skeletons`, the files for packages in `/packaging`, an empty
    /// `/service`, and no processes but its own, which end with it.
    /// Returns what it printed. In the script, `wait_for COMMAND...` waits until the command succeeds, and `scan` starts svscan.
    #[track_caller]
    pub fn system(&self, script: &str) -> String {
        let script = format!(
            "set -eu\n\
             wait_for() {{ tries=0; until \"$@\" >/dev/null 2>&1; do tries=$((tries + 1)); \
             [ $tries -lt 3000 ] || {{ echo \"waited in vain for $*\" >&2; exit 99; }}; sleep 0.05; done; }}\n\
             scan() {{ svscan /service 2>/dev/null & wait_for scans $!; }}\n\
             scans() {{ [ \"$(readlink /proc/$1/cwd)\" = /service ]; }}\n\
             {script}\n"
        );
        fs::write(self.path("script"), script).unwrap();
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        self.run(&format!(
            "there=$PWD; cd '{}' && cp -r packaging \"$there\" && cd crates/skynet && cp -r skeletons packaging \"$there\"",
            repository.display()
        ));
        self.run(
            "unshare --mount --pid --fork --kill-child sh -euc '\n\
             mkdir space && mount -t tmpfs none space && mkdir space/upper space/work space/root\n\
             mount -t overlay none -o lowerdir=/,upperdir=space/upper,workdir=space/work space/root\n\
             mount -t proc proc space/root/proc && mount -t tmpfs -o mode=755 none space/root/run\n\
             mount --bind /dev space/root/dev\n\
             cp bin/* space/root/usr/bin && cp script space/root/script && cp -r skeletons packaging space/root && mkdir space/root/service\n\
             timeout -k 1 600 chroot space/root sh /script </dev/null\n'",
        )
    }
}
