#!/bin/sh
# check.sh DIRECTORY: tries the packages servicedir*.deb in DIRECTORY as the administrator of this Debian would: they
# replace Debian's daemontools while services run, what depends on that still works, and back again. All happens in a
# copy-on-write view of this system, in namespaces, of which nothing is left. It needs root, and the network for apt.
# shellcheck disable=SC2016,SC2034 # What is in single quotes is for another shell, or for `eventually`.
set -eu
umask 022

# Outside: makes the view, in which no symbolic link leads out, and goes on in it.
outside() {
    packages=$(cd "$1" && pwd)
    work=$(mktemp -d)
    trap 'rmdir "$work"/machine "$work" 2>/dev/null' EXIT
    mkdir "$work/machine"
    cp "$packages"/servicedir*.deb "$0" "$work"
    unshare --mount --pid --fork --kill-child --mount-proc sh -eu -c '
        cd "$0"
        mount --bind . .
        cd "$PWD"
        # Should a mistake lead out nevertheless, it changes nothing there.
        mount -o remount,bind,ro /
        mount -t tmpfs machine machine
        cd machine
        mkdir upper work system
        mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work machine system
        cd system
        mount -t proc proc proc
        mount -t tmpfs run run
        mount -t tmpfs dev dev
        mount -t tmpfs tmp tmp
        chmod 1777 tmp
        for device in null zero random urandom; do
            : >dev/$device
            mount --bind /dev/$device dev/$device
        done
        ln -s /proc/self/fd dev/fd
        mkdir tmp/packages
        cp ../../*.deb ../../check.sh tmp/packages
        exec chroot . env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 \
            sh /tmp/packages/check.sh inside
    ' "$work" && status=0 || status=$?
    rm -f "$work"/*.deb "$work"/check.sh
    return "$status"
}

quiet() {
    "$@" >/tmp/output 2>&1 </dev/null || { cat /tmp/output; fail "$*"; }
}

fail() {
    echo "check.sh: failed: $*" >&2
    exit 1
}

# eventually COMMAND: tries it for up to 10 seconds.
eventually() {
    tries=100
    until eval "$1" >/tmp/output 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || { cat /tmp/output; ps ax; fail "$1"; }
        sleep 0.1
    done
}

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

inside() {
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
}

if [ "${1-}" = inside ]; then
    inside
else
    outside "$@"
fi
