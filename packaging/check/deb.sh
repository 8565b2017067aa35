#!/bin/sh
# deb.sh: the debs replace Debian's daemontools while services run, what depends on that still works, and back again. A
# participant's deb is made and tried in between.
# shellcheck disable=SC2016,SC2034 # What is in single quotes is for `eventually`.
# shellcheck source=/dev/null
. /tmp/packages/common.sh
# shellcheck source=/dev/null
. /tmp/packages/participant.sh

# installed PACKAGES: just these of all that are about supervision, and all that dpkg and apt know is in order.
installed() {
    found=$(dpkg-query --show --showformat '${db:Status-Status} ${Package}\n' '*daemontools*' '*servicedir*' 2>/dev/null |
        sed -n 's/^installed //p' | sort | tr '\n' ' ')
    [ "$found" = "$* " ] || fail "installed is $found instead of $*"
    [ -z "$(dpkg --audit)" ] || fail "$(dpkg --audit)"
    quiet apt-get check
    echo "installed: $*"
}

# What a service does for people, whoever supervises it with whatever svc.
services_work() {
    eventually "svstat /etc/service/web | grep ': up (pid '"
    pid=$(pidof_web)
    svc -t /etc/service/web
    eventually 'now=$(pidof_web); [ -n "$now" ] && [ "$now" != "$pid" ]'
    eventually 'tail -n 1 /etc/service/web/log/main/current | grep -q "started $(pidof_web)"'
    # mltail and svinfo are of the package svtools.
    eventually 'svinfo web | grep -q up'
    eventually 'dnsq a www.example 127.53.0.1 | grep -q "answer: www.example 86400 A 192.0.2.1"'
    echo "services work: $1"
}

pidof_web() {
    svstat /etc/service/web | sed -n 's/.* up (pid \([0-9]*\)).*/\1/p'
}

goes_on() {
    [ "$(pidof_web)" = "$before" ] || { svstat /etc/service/*; ps ax; fail "the service $before was restarted"; }
}

# As the unit of daemontools-run does it.
boot() {
    setsid svscanboot /etc/service </dev/null >/dev/null 2>&1 &
    eventually 'svok /etc/service/web && svok /etc/service/web/log'
}

# As the end of such a machine does it.
shutdown() {
    for process in $(pidof svscan); do
        kill -KILL "$process"
    done
    svc -dx /etc/service/* /etc/service/*/log
    eventually '! pidof supervise'
}

# No init system runs here.
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
quiet apt-get update
quiet apt-get --yes install --no-install-recommends daemontools daemontools-run svtools \
    djbdns-conf tinydns djbdns-utils make
installed daemontools daemontools-run

mkdir -p /etc/web/log
printf '#!/bin/sh\nexec 2>&1\necho "started $$"\nexec sleep 1000\n' >/etc/web/run
printf '#!/bin/sh\nexec multilog t ./main\n' >/etc/web/log/run
chmod 755 /etc/web/run /etc/web/log/run
for account in tinydns dnslog; do
    getent passwd "$account" >/dev/null || quiet useradd --system "$account"
done
rm -rf /etc/tinydns
tinydns-conf tinydns dnslog /etc/tinydns 127.53.0.1
(cd /etc/tinydns/root && ./add-ns example 127.53.0.1 && ./add-host www.example 192.0.2.1 && quiet make)
# update-service is of the package daemontools-run.
update-service --add /etc/web web
update-service --add /etc/tinydns tinydns
boot
services_work "all by Debian"

before=$(pidof_web)
quiet dpkg --install /tmp/packages/servicedir_*.deb
installed daemontools-run servicedir
goes_on
services_work "our svc and svstat, the supervise by Debian still runs"
shutdown
boot
services_work "all ours, started by Debian's daemontools-run"

before=$(pidof_web)
quiet apt-get --yes install /tmp/packages/servicedir-run_*.deb
installed servicedir servicedir-run
for process in $(pidof svscan); do
    kill -KILL "$process"
done
quiet /etc/init.d/servicedir start
goes_on
services_work "all ours, started by servicedir-run, which has adopted them"
before=$(pidof_web)
quiet apt-get --yes install --reinstall /tmp/packages/servicedir_*.deb /tmp/packages/servicedir-run_*.deb
goes_on
services_work "after an upgrade"

before=$(pidof_web)
quiet apt-get --yes install --no-install-recommends debhelper
make_participant 0.1.0 'dpkg-buildpackage'
dpkg --contents ../boss-*_0.1.0_all.deb | check_contents
quiet dpkg --install ../boss-*_0.1.0_all.deb
participant_runs
make_participant 0.2.0 'dpkg-buildpackage'
participant_upgraded dpkg --install ../boss-*_0.2.0_all.deb
quiet dpkg --remove boss-participant-build-image
participant_removed
quiet dpkg --purge boss-participant-build-image
[ ! -e /var/log/boss/build_image ] || fail "purged, but its log is left"
cd /
goes_on

before=$(pidof_web)
quiet apt-get --yes install daemontools daemontools-run servicedir- servicedir-run-
installed daemontools daemontools-run
goes_on
services_work "svc and svstat by Debian, our supervise still runs"
shutdown
boot
services_work "all by Debian again"
quiet apt-get --yes purge servicedir servicedir-run
left=$(find /etc /lib/systemd /usr/bin /usr/share /var -name 'servicedir' -o -name 'servicedir[.-]*')
[ -z "$left" ] || fail "purged, but these are left: $left"
shutdown
