//! Participants as packages, and machines without systemd.

use crate::support::{Sandbox, is_root};

const INSTRUCTIONS: &str = include_str!("../packaging/participant-template/README.md");

/// An exoskeleton that takes up to five files of `/srv/queue` into its hand at once, and moves them to `/srv/done`. When it
/// is told to stop, it finishes what it has in hand. It does not finish the file `5` before.
const EXO: &str = r#"
cat >/usr/bin/exo <<'END'
#!/bin/sh
trap 'stop=1' TERM
echo "begins as $(id -un) with $(cat participant_logic.py)"
while [ -z "$stop" ]; do
    ls /srv/queue | head -n 5 | while read -r item; do mv "/srv/queue/$item" /srv/hand; done
    while [ -e /srv/hand/5 ] && [ -z "$stop" ]; do sleep 0.02; done
    for item in $(ls /srv/hand); do mv "/srv/hand/$item" /srv/done; done
    sleep 0.02
done
echo ends
END
chmod 755 /usr/bin/exo
mkdir -p /srv/queue /srv/hand /srv/done
chmod 777 /srv/*
"#;

/// `deb VERSION` makes the package of a version as the instructions tell, be it without debhelper where there is none.
const DEB: &str = r#"
mkdir /build /debs /home/it
ln -s / /usr/share/servicedir
export HOME=/home/it
echo 'version 1' >~/logic.py
cp -r /packaging/participant-template /build/it
cd /build/it
INSTRUCTIONS
deb() {
    echo "version $1" >participant/participant_logic.py
    sed -i "1s/(.*)/($1)/" debian/changelog
    if command -v dh >/dev/null; then
        dpkg-buildpackage --build=binary --no-sign >/dev/null 2>&1
        mv ../*.deb "/debs/$1.deb"
    else
        rm -rf tree
        make install DESTDIR=tree >/dev/null
        mkdir tree/DEBIAN
        sed "/^Source/,/^$/d; s/, \${misc:Depends}//; s/^Architecture/Version: $1\nMaintainer: it\n&/" \
            debian/control >tree/DEBIAN/control
        for script in postinst prerm postrm; do
            sed /#DEBHELPER#/d "debian/$script" >"tree/DEBIAN/$script"
            chmod 755 "tree/DEBIAN/$script"
        done
        dpkg-deb --root-owner-group --build tree "/debs/$1.deb" >/dev/null
    fi
}
# The toolkit is here, but not as a package.
dpkg_() { dpkg --force-depends "$@" >/tmp/dpkg 2>&1 || { cat /tmp/dpkg; exit 1; }; }
place=/usr/lib/boss/participant-services/build_image
log=/var/log/boss/build_image/current
member() { skynet status --json build_image | tr ',{}' '\n\n\n' | sed -n "s/^\"$1\"://p"; }
"#;

#[track_caller]
fn check(script: &str, expected: &str) {
    // A system of its own takes root's privileges.
    if !is_root() {
        return;
    }
    let mut blocks = INSTRUCTIONS.split("```\n");
    let [first, last] = [blocks.nth(1).unwrap(), blocks.nth(1).unwrap()];
    assert!(last.starts_with("dpkg-buildpackage --build=binary --no-sign\n"), "{last}");
    let deb = DEB.replace("INSTRUCTIONS\n", first);
    assert_eq!(Sandbox::new().system(&format!("{EXO}{deb}{script}")), expected);
}

#[test]
fn d5_a_package_comes_from_the_template_by_its_instructions_alone() {
    check(
        "cat participant/participant_logic.py; deb 1\n\
         dpkg-deb --contents /debs/1.deb | awk '/participant-services.build_image/ {print $1, $2, $6, $7, $8}' | sort -k 3\n",
        "version 1\n\
         drwxr-xr-x root/root ./usr/lib/boss/participant-services/build_image/  \n\
         -rw-r--r-- root/root ./usr/lib/boss/participant-services/build_image/config.exo  \n\
         -rwxr-xr-x root/root ./usr/lib/boss/participant-services/build_image/exo  \n\
         drwxr-xr-x root/root ./usr/lib/boss/participant-services/build_image/log/  \n\
         -rwxr-xr-x root/root ./usr/lib/boss/participant-services/build_image/log/run  \n\
         lrwxrwxrwx root/root ./usr/lib/boss/participant-services/build_image/log/supervise -> /run/skynet-build_image-log\n\
         -rwxr-xr-x root/root ./usr/lib/boss/participant-services/build_image/notify  \n\
         -rw-r--r-- root/root ./usr/lib/boss/participant-services/build_image/participant_logic.py  \n\
         -rwxr-xr-x root/root ./usr/lib/boss/participant-services/build_image/run  \n\
         lrwxrwxrwx root/root ./usr/lib/boss/participant-services/build_image/supervise -> /run/skynet-build_image\n",
    );
}

#[test]
fn a6_a_package_is_installed_upgraded_and_removed_and_no_item_is_lost() {
    check(
        "deb 1; deb 2; scan\n\
         dpkg_ --install /debs/1.deb\n\
         wait_for grep -q 'begins as build_image with version 1' $log\n\
         stat -c %U $log; ps -o user= -p \"$(member pid)\"\n\
         mkdir -m 777 /srv/new; for item in 1 2 3 4 5 6 7; do : >/srv/new/$item; done\n\
         mv -T /srv/new /srv/queue; wait_for test -e /srv/hand/5\n\
         dpkg_ --install /debs/2.deb\n\
         ls /srv/done | head -n 5\n\
         wait_for sh -c '[ $(ls /srv/done | wc -l) = 7 ]'\n\
         wait_for grep -q 'begins as build_image with version 2' $log\n\
         cut -d ' ' -f 2- $log; member restarts\n\
         dpkg_ --remove boss-participant-build-image\n\
         ! pidof supervise; ! pgrep -u build_image; ! pgrep -u build_imagelog; ls /service\n\
         ls -d $place /run/skynet-build_image 2>/dev/null || :; tail -n 1 $log | cut -d ' ' -f 2-\n\
         dpkg_ --purge boss-participant-build-image\n\
         ls -d /var/log/boss/build_image 2>/dev/null || :\n",
        "build_imagelog\n\
         build_image\n\
         1\n\
         2\n\
         3\n\
         4\n\
         5\n\
         begins as build_image with version 1\n\
         ends\n\
         begins as build_image with version 2\n\
         1\n\
         ends\n",
    );
}

#[test]
fn a6_a_package_is_installed_and_removed_where_nothing_runs() {
    check(
        "deb 1; dpkg_ --install /debs/1.deb; readlink /service/build_image\n\
         dpkg_ --install /debs/1.deb; dpkg_ --remove boss-participant-build-image; ls /service\n\
         dpkg_ --install /debs/1.deb; scan; wait_for grep -q 'begins as build_image' $log\n",
        "/usr/lib/boss/participant-services/build_image\n",
    );
}

#[test]
fn a7_a_plain_old_linux_without_systemd_is_enough() {
    if !is_root() {
        return;
    }
    let script = r#"
        rm -rf /usr/lib/systemd /etc/systemd /run/systemd /usr/bin/systemctl /usr/bin/dbus* /lib/lsb
        install /packaging/servicedir.sysvinit /etc/init.d/servicedir
        useradd --system boss
        echo pass >x.py
        skynet install -u boss x.py >/dev/null
        skynet enable x
        for boot in 1 2; do
            rm -rf /run/*
            /etc/init.d/servicedir start
            skynet wait -w 200 up x
            wait_for sh -c "[ \$(grep -c 'begins as boss' /var/log/boss/x/current) = $boot ]"
            /etc/init.d/servicedir stop
            skynet status x
        done
    "#;
    let boot = "x RUNNING\nx  is not running and has no supervisor\n";
    assert_eq!(Sandbox::new().system(&format!("{EXO}{script}")), format!("x is enabled\n{boot}{boot}"));
}
