#!/bin/sh
# requirements.sh [check|bench]: sees to what `make check` or `make bench` needs. As root on Debian it installs what is
# missing, and says so; otherwise it says what is missing, and fails. `make requirements` calls it, and nothing else in
# this repository changes the machine.
set -eu

purpose=${1:-check}

# Where Debian has its servers, and most accounts do not look.
PATH=$PATH:/usr/sbin:/sbin

# command:package
case $purpose in
check)
    # The fuzz targets have a part in C++.
    needed='cc:gcc c++:g++ git:git svscan:daemontools mandoc:mandoc shellcheck:shellcheck strace:strace python3:python3 curl:curl socat:socat'
    needed="$needed rabbitmq-server:rabbitmq-server openssl:openssl jq:jq node:nodejs"
    if [ "$(id -u)" -eq 0 ]; then
        # Only root can run servers on port 53. These packages start nothing: they have their init scripts disabled, and
        # what else would start them, runit, is only recommended.
        needed="$needed tinydns-conf:djbdns-conf tinydns:tinydns axfrdns:axfrdns dnscache:dnscache rbldns:rbldns"
        needed="$needed walldns:walldns dnsq:djbdns-utils tcpserver:ucspi-tcp"
    fi
    ;;
bench)
    # Their programs only: what would have them run at boot is in other packages.
    needed='svscan:daemontools runsv:runit s6-svscan:s6'
    ;;
*)
    echo "usage: requirements.sh [check|bench]" >&2
    exit 100
    ;;
esac

may_install() { [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; }

say() { echo "requirements: $*"; }

# Init systems cannot be installed beside the one that runs. tests/startup.rs runs them from a directory of their own;
# what cannot be had is not tried.
inits=${CARGO_TARGET_DIR:-target}/inits
init_packages='sysvinit-core busybox-static openrc librc1 libeinfo1'

unpack_inits() {
    packages=$(mktemp -d)
    (
        cd "$packages"
        chmod 755 .
        # shellcheck disable=SC2086 # a list of packages
        download() { apt-get download $init_packages; }
        download || { apt-get update && download; }
    ) >/dev/null 2>&1 </dev/null || say "they are not to be had, so not all of tests/startup.rs runs"
    rm -rf "$inits.new"
    mkdir -p "${inits%/*}"
    for package in "$packages"/*.deb; do
        [ ! -e "$package" ] || dpkg-deb --extract "$package" "$inits.new"
    done
    [ ! -d "$inits.new" ] || mv "$inits.new" "$inits"
    rm -rf "$packages"
}

install_packages() {
    # The tests start servers of their own: none is to run because its package is there.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    {
        apt-get update
        RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$@"
    } >/dev/null </dev/null
}

if [ "$purpose" = check ] && [ ! -d "$inits" ] && may_install; then
    say "unpacks the packages $init_packages into $inits, for tests under other init systems; they are not installed"
    unpack_inits
fi

missing=
for pair in $needed; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair##*:}"
done

if [ -z "$missing" ]; then
    say "nothing is missing for make $purpose"
elif may_install; then
    say "installs these Debian packages with apt-get, and starts none of their servers:$missing"
    # shellcheck disable=SC2086 # a list of packages
    install_packages $missing
else
    echo "make $purpose needs these Debian packages:$missing" >&2
    echo "install them (apt-get install$missing), or run make requirements FOR=$purpose as root, which does" >&2
    exit 1
fi
