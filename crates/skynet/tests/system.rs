//! The same in a whole system: as root, with accounts, packages, and images of systems.

use crate::support::{Sandbox, is_root};

/// Puts an exoskeleton into the system that says who it is, and a logic.
const EXO: &str = "printf '%s\\n' '#!/bin/sh' 'echo \"exo $(id -un) $*\"' 'exec sleep 1000' >/usr/bin/exo\n\
    chmod 755 /usr/bin/exo; mkdir /src; echo pass >/src/x.py; cd /src\n\
    for account in boss bosslog; do useradd --system \"$account\"; done\n";

#[track_caller]
fn check(script: &str, expected: &str) {
    // A system of its own takes root's privileges.
    if is_root() {
        let sandbox = Sandbox::new();
        assert_eq!(sandbox.system(&format!("{EXO}{script}")), expected);
    }
}

#[test]
fn o1_a_participant_of_the_system_runs_as_its_account_and_logs_as_another() {
    check(
        "mkdir -p /etc/boss; printf '[participant]\\nloguser=bosslog\\n' >/etc/boss/boss.conf\n\
         skynet install -u boss x.py\n\
         skynet install -u boss x.py\n\
         scan\n\
         skynet enable --now x\n\
         wait_for grep -q 'exo boss config.exo' /var/log/boss/x/current\n\
         stat -c '%U %a %n' /var/lib/SkyNET/store/x /var/lib/SkyNET/store/x/run /var/log/boss/x\n\
         ps -o user= -C multilog\n\
         setuidgid nobody tai64nlocal </var/log/boss/x/current | cut -d ' ' -f 3-\n\
         readlink /service/x /var/lib/SkyNET/store/x/exo\n\
         svc -d /var/lib/SkyNET/store/x; svc -d /var/lib/SkyNET/store/x\n\
         svc --wait=down /var/lib/SkyNET/store/x; skynet disable x; skynet uninstall x; ls -d /var/log/boss/x; ls /service\n",
        "x: made in /var/lib/SkyNET/store/x\n\
         x: unchanged\n\
         x is enabled\n\
         x RUNNING\n\
         root 755 /var/lib/SkyNET/store/x\n\
         root 755 /var/lib/SkyNET/store/x/run\n\
         bosslog 755 /var/log/boss/x\n\
         bosslog\n\
         exo boss config.exo\n\
         /var/lib/SkyNET/store/x\n\
         /usr/bin/exo\n\
         x is disabled\n\
         x STOPPED\n\
         x: removed; its log stays in /var/log/boss/x\n\
         /var/log/boss/x\n",
    );
}

#[test]
fn a3_a_log_directory_that_its_account_cannot_enter_is_not_used() {
    check(
        "mkdir -p /var/log/boss; chown boss:boss /var/log/boss; chmod 2750 /var/log/boss\n\
         skynet install x.py >/dev/null; svscan /service 2>/messages & wait_for scans $!\n\
         skynet enable --now x\n\
         wait_for grep -q 'exo nobody config.exo' /var/lib/SkyNET/store/x/log/main/current\n\
         ps -o user= -C multilog; cat /messages; skynet log x | cut -d ' ' -f 3-\n\
         skynet status x | grep -c logger || :\n",
        "x is enabled\n\
         x RUNNING\n\
         nobody\n\
         x: the account nobody cannot write to /var/log/boss/x: the log is in /var/lib/SkyNET/store/x/log/main\n\
         x: exo nobody config.exo\n\
         0\n",
    );
}

#[test]
fn a3_a_log_goes_on_with_another_account() {
    check(
        "skynet install x.py >/dev/null; scan; skynet enable --now x\n\
         wait_for grep -q 'exo nobody' /var/log/boss/x/current; cd /var/log/boss/x\n\
         mkdir -p /etc/boss; printf '[participant]\\nloguser=bosslog\\n' >/etc/boss/boss.conf\n\
         skynet rebuild x; svc -t /service/x/log; wait_for pgrep -u bosslog multilog >/dev/null\n\
         svc -t /service/x; wait_for sh -c '[ $(grep -c \"exo nobody\" current) = 2 ]'\n\
         stat -c '%U %n' lock state current; ls -A | grep -v -e lock -e state -e current || :\n",
        "x is enabled\n\
         x RUNNING\n\
         x: written again: /var/log/boss/x, log/run\n\
         bosslog lock\n\
         bosslog state\n\
         bosslog current\n",
    );
}

#[test]
fn a1_a_change_of_the_account_holds_after_rebuild() {
    check(
        "skynet install x.py >/dev/null\n\
         echo runas=boss >>/var/lib/SkyNET/store/x/config.exo\n\
         skynet rebuild --all\n\
         sed -n '/^account/p' /var/lib/SkyNET/store/x/run\n\
         skynet install -u nosuch x.py 2>&1 || echo $?\n",
        "x: written again: run\n\
         account=boss\n\
         skynet: There is no account nosuch; make one with useradd --system nosuch, or choose another\n\
         100\n",
    );
}

#[test]
fn a1_what_boots_is_chosen() {
    check(
        "skynet install -n x x.py >/dev/null; skynet install -n y x.py >/dev/null\n\
         skynet install -n z x.py >/dev/null; touch /var/lib/SkyNET/store/z/down\n\
         skynet enable --all; skynet disable x; scan; svscan=$!\n\
         wait_for svok /service/y; wait_for svok /service/z; svc --wait=up /service/y; ls /service\n\
         svstat /service/z | cut -d ' ' -f 2\n\
         skynet enable --now z\n\
         kill $svscan; wait $svscan; scan; wait_for svok /service/y; wait_for svok /service/z\n\
         svstat /service/z | cut -d ' ' -f 2; ! svok /var/lib/SkyNET/store/x\n",
        "x is enabled\ny is enabled\nz is enabled\nx is disabled\ny\nz\ndown\nz is enabled already\nz RUNNING\ndown\n",
    );
}

#[test]
fn a1_directories_are_moved_by_settings_and_by_older_shell_fragments() {
    check(
        "mkdir -p /etc/default /etc/boss /etc/skynet/conf.d\n\
         printf 'STORAGE_DIR=/srv/a\\nSERVICE_DIR=/srv/b\\n' >/etc/default/boss-skynet\n\
         skynet install -n x x.py; skynet enable x; ls /srv/b\n\
         printf '[skynet]\\nstorage_dir=/srv/c\\n' >/etc/skynet/skynet.conf\n\
         printf '[skynet]\\nservice_dir=/srv/d\\n' >/etc/skynet/conf.d/site.conf\n\
         echo '[boss]' >/etc/boss/boss.conf; chmod 600 /etc/boss/boss.conf\n\
         skynet install -n y x.py; skynet enable y; ls /srv/d; setuidgid nobody skynet list\n",
        "x: made in /srv/a/x\nx is enabled\nx\ny: made in /srv/c/y\ny is enabled\ny\n  y\n",
    );
}

#[test]
fn settings_of_the_supervisord_era_hold_as_far_as_they_can() {
    check(
        "mkdir -p /etc/skynet /etc/more /srv/conf.d; skynet install -n x x.py\n\
         printf '[program:x]\\ncommand=/x\\n[skynet]\\nstorage_dir=/srv/no\\n' >/etc/more/x.conf\n\
         printf '[boss]\\namqp_host=broker\\n[skynet]\\nstorage_dir=/srv/a\\n' >/etc/more/y.conf\n\
         printf '[skynet]\\nservice_dir=/etc/more\\ninclude_dir=../more\\n' >/etc/skynet/skynet.conf\n\
         skynet install -n y x.py 2>&1; skynet enable y 2>/dev/null; readlink /service/y\n\
         for dir in /srv/conf.d /srv/x.py; do\n\
             printf '[skynet]\\nservice_dir=%s\\ninclude_dir=/no\\n' $dir >/etc/skynet/skynet.conf\n\
             touch /srv/x.py; skynet list 2>&1; skynet rebuild x 2>&1\n\
         done\n\
         printf 'SERVICE_DIR=/srv/conf.d\\n' >/etc/default/boss-skynet; rm /etc/skynet/skynet.conf\n\
         skynet enable x 2>&1; readlink /service/x\n",
        "x: made in /var/lib/SkyNET/store/x\n\
         skynet: /etc/skynet/skynet.conf:2: service_dir: /etc/more is not a scan directory: it contains the settings file /etc/more/x.conf. Using /service; correct this setting\n\
         y: made in /srv/a/y\n\
         y is enabled\n\
         /srv/a/y\n\
         skynet: /etc/skynet/skynet.conf:2: service_dir: /srv/conf.d is not a scan directory: a conf.d contains settings files. Using /service; correct this setting\n\
         \x20\x20x\n\
         \x20\x20y\n\
         skynet: /etc/skynet/skynet.conf:2: service_dir: /srv/conf.d is not a scan directory: a conf.d contains settings files. Using /service; correct this setting\n\
         skynet: /etc/skynet/skynet.conf:3: unable to read include_dir /no: No such file or directory (os error 2)\n\
         x: unchanged\n\
         skynet: /etc/skynet/skynet.conf:2: service_dir: /srv/x.py is not a scan directory: it is not a directory. Using /service; correct this setting\n\
         \x20\x20x\n\
         \x20\x20y\n\
         skynet: /etc/skynet/skynet.conf:2: service_dir: /srv/x.py is not a scan directory: it is not a directory. Using /service; correct this setting\n\
         skynet: /etc/skynet/skynet.conf:3: unable to read include_dir /no: No such file or directory (os error 2)\n\
         x: unchanged\n\
         skynet: /etc/default/boss-skynet: SERVICE_DIR: /srv/conf.d is not a scan directory: a conf.d contains settings files. Using /service; correct this setting\n\
         x is enabled\n\
         /var/lib/SkyNET/store/x\n",
    );
}

#[test]
fn a1_apply_stops_what_has_vanished() {
    check(
        "skynet install x.py >/dev/null; scan; skynet enable --now x >/dev/null\n\
         rm /service/x; skynet apply | tr -d 0-9\n\
         wait_for sh -c '! svok /var/lib/SkyNET/store/x'; wait_for sh -c '! svok /var/lib/SkyNET/store/x/log'\n",
        "svscan (pid ) looks at /service now\n",
    );
}

#[test]
fn who_is_not_root_is_told_what_is_in_the_way() {
    check(
        "setuidgid nobody skynet install x.py 2>&1 || echo $?\n",
        "skynet: unable to write /var/lib/SkyNET/store/x: Permission denied (os error 13); root may, and a mini-SkyNET of your own needs no root: see --root\n111\n",
    );
}

#[test]
fn who_may_not_see_whether_it_runs_does_not_run_it_again() {
    check(
        "skynet install x.py >/dev/null; scan; skynet enable --now x >/dev/null; skynet list\n\
         setuidgid nobody skynet list; setuidgid nobody timeout 200 skynet manual x 2>&1 || echo $?\n\
         setuidgid nobody skynet uninstall x 2>&1 || echo $?\n",
        "* x\n\
         ? x\n\
         skynet: x may be running: unable to look at its supervise: access denied\n1\n\
         skynet: x may be running: unable to look at its supervise: access denied\n1\n",
    );
}

#[test]
fn what_runs_without_supervise_is_not_removed() {
    check(
        "skynet install x.py >/dev/null; scan; svscan=$!; skynet enable --now x >/dev/null\n\
         kill -9 $svscan $(pidof supervise)\n\
         wait_for sh -c '! pidof supervise'\n\
         skynet uninstall x 2>&1 | tr -d 0-9; ls /var/lib/SkyNET/store\n\
         skynet status x | tr -d 0-9; skynet stop x 2>&1 | tr -d 0-9\n\
         # The copy of its directory has its records, too.\n\
         cp -a /var/lib/SkyNET/store/x /var/lib/SkyNET/store/y; skynet status y\n",
        "skynet: x is enabled, and running (pid ): skynet disable --now x first\nx\n\
         x  is running (pid ), but has no supervisor\n\
         x FAILED\nskynet: x: it runs (pid ), but its supervisor was killed\n\
         y  is not running and has no supervisor. It is not enabled for automatic running\n",
    );
}

#[test]
fn the_skeleton_works_as_it_is() {
    check(
        "cp -r /skeletons/participant /srv/example; ln -s /srv/example /service; scan\n\
         wait_for grep 'exo nobody config.exo' /var/log/boss/example/current\n\
         stat -c '%U %n' /var/log/boss/example\n\
         skynet disable --now example\n\
         skynet uninstall example 2>&1 || echo $?\n",
        "nobody /var/log/boss/example\n\
         example is disabled\n\
         example STOPPED\n\
         skynet: There is no participant example in /var/lib/SkyNET/store, /usr/lib/boss/participant-services, /service\n\
         1\n",
    );
}

#[test]
fn a3_the_log_is_seen_where_log_run_can_write_it() {
    check(
        "skynet install x.py >/dev/null; mount -t tmpfs -o ro none /var/log/boss; scan\n\
         skynet enable --now x >/dev/null\n\
         wait_for grep -q 'exo nobody' /var/lib/SkyNET/store/x/log/main/current\n\
         skynet log x | cut -d ' ' -f 3-; stat -c %U /var/lib/SkyNET/store/x/log/main\n\
         umount /var/log/boss; skynet stop x; svc -t --wait=up /var/lib/SkyNET/store/x/log; skynet start x\n\
         wait_for grep -q 'exo nobody' /var/log/boss/x/current; skynet log x | cut -d ' ' -f 3-\n",
        "x: exo nobody config.exo\nnobody\nx STOPPED\nx RUNNING\nx: exo nobody config.exo\n",
    );
}

#[test]
fn a3_the_log_is_seen_where_svscan_is_not_roots() {
    check(
        "cp -r /skeletons/participant /srv/example; chown -R boss: /srv/example /service\n\
         ln -s /srv/example /service; setuidgid boss svscan /service 2>/dev/null &\n\
         wait_for grep -q 'exo boss' /srv/example/log/main/current\n\
         test ! -e /var/log/boss; skynet log exam | cut -d ' ' -f 3-\n",
        "example: exo boss config.exo\n",
    );
}

/// Puts a participant into the system as a package would, on a file system that is read-only from then on.
const PACKAGE: &str = "skynet install x.py >/dev/null; s=/var/lib/SkyNET/store/x\n\
    p=/usr/lib/boss/participant-services/x; mkdir -p $p/log\n\
    cp -a $s/run $s/exo $s/config.exo $s/x.py $p; cp -a $s/log/run $p/log; skynet uninstall x >/dev/null\n\
    ln -s LINK $p/supervise; ln -s LOGLINK $p/log/supervise\n\
    mount --bind /usr /usr && mount -o remount,bind,ro /usr\n";

#[test]
fn participants_of_packages_run_on_a_read_only_usr_and_again_after_a_boot() {
    // Where the link leads to something right in /run, supervise needs nobody's help at boot.
    on_read_only_usr("/run/skynet-x", "/run/skynet-x-log", "");
    on_read_only_usr("/run/skynet/x", "/run/skynet/x.log", "skynet apply >/dev/null\n");
    on_read_only_usr("/run/a/x/main", "/run/b/x/log", "skynet apply >/dev/null\n");
}

#[test]
fn after_a_boot_the_directories_that_links_into_run_lead_to_are_made_again() {
    let script = include_str!("../../../packaging/servicedir.sysvinit");
    check(
        &format!(
            "{}\
             cat >/etc/init.d/servicedir <<'END'\n{script}END\n\
             skynet enable x; rm -rf /run/*\n\
             sh /etc/init.d/servicedir start; wait_for grep 'exo nobody' /var/log/boss/x/current\n\
             ls /run/skynet; sh /etc/init.d/servicedir stop\n",
            PACKAGE.replace("LOGLINK", "/run/skynet/x.log").replace("LINK", "/run/skynet/x")
        ),
        "x is enabled\nx\nx.log\n",
    );
}

#[track_caller]
fn on_read_only_usr(link: &str, log_link: &str, at_boot: &str) {
    let package = PACKAGE.replace("LOGLINK", log_link).replace("LINK", link);
    check(
        &format!(
            "{package}\
             ! touch $p/file 2>/dev/null\n\
             scan; svscan=$!\n\
             skynet enable --now x\n\
             wait_for grep -q 'exo nobody config.exo' /var/log/boss/x/current\n\
             svok /service/x; svok /service/x/log; test -e {link}/status; test -e {log_link}/status\n\
             skynet uninstall x 2>&1 || echo $?\n\
             skynet rebuild x 2>&1 || echo $?\n\
             skynet install x.py 2>&1 || echo $?\n\
             skynet disable --now x\n\
             ! svok /service/x 2>/dev/null\n\
             skynet enable --now x\n\
             kill $svscan; wait $svscan; rm -rf /run/*\n\
             {at_boot}scan; wait_for svok /service/x; wait_for svok /service/x/log; skynet apply | cut -d ' ' -f 1\n",
        ),
        "x is enabled\n\
         x RUNNING\n\
         skynet: x belongs to a package: use the package manager\n\
         1\n\
         skynet: x was not made by skynet install, and is left alone\n\
         1\n\
         skynet: x is a participant that a package owns; choose another name with -n\n\
         100\n\
         x is disabled\n\
         x STOPPED\n\
         x is enabled\n\
         x RUNNING\n\
         svscan\n",
    );
}

#[test]
fn participants_are_installed_in_images_where_nothing_runs() {
    check(
        "mkdir -p /image/etc/default; echo 'boss:x:812:813::/:/bin/false' >/image/etc/passwd\n\
         echo 'nobody:x:65534:65534::/:/bin/false' >>/image/etc/passwd\n\
         echo 'STORAGE_DIR=/srv/participants' >/image/etc/default/boss-skynet\n\
         skynet --sysroot /image install -u boss x.py\n\
         skynet --sysroot /image enable --now x\n\
         skynet --sysroot /image enable x\n\
         skynet --sysroot /image apply\n\
         readlink /image/etc/service/x\n\
         stat -c '%u %n' /image/var/log/boss/x /image/srv/participants/x\n\
         grep -c /image /image/srv/participants/x/run /image/srv/participants/x/log/run || :\n\
         skynet --sysroot /image disable --now x\n\
         skynet --sysroot /image uninstall x\n\
         ls /image/etc/service /image/srv/participants\n",
        "x: made in /image/srv/participants/x\n\
         x is enabled\n\
         No svscan runs on /image/etc/service; they start when one does\n\
         x is enabled already\n\
         No svscan runs on /image/etc/service; changes hold when one does\n\
         /srv/participants/x\n\
         65534 /image/var/log/boss/x\n\
         0 /image/srv/participants/x\n\
         /image/srv/participants/x/run:0\n\
         /image/srv/participants/x/log/run:0\n\
         x is disabled\n\
         x: removed; its log stays in /image/var/log/boss/x\n\
         /image/etc/service:\n\
         \n\
         /image/srv/participants:\n",
    );
}
