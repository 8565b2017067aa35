#!/bin/sh
# Installs what `make check` needs, when root on Debian; says what is missing otherwise.
set -eu

# Where Debian has its servers, and most accounts do not look.
PATH=$PATH:/usr/sbin:/sbin

# command:package
needed='svscan:daemontools mandoc:mandoc shellcheck:shellcheck strace:strace python3:python3 curl:curl'

# Only root can run servers on port 53. These packages start nothing: they have their init scripts disabled, and what
# else would start them, runit, is only recommended.
if [ "$(id -u)" -eq 0 ]; then
    needed="$needed tinydns-conf:djbdns-conf tinydns:tinydns axfrdns:axfrdns dnscache:dnscache rbldns:rbldns"
    needed="$needed walldns:walldns dnsq:djbdns-utils tcpserver:ucspi-tcp"
fi

missing=
for pair in $needed; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair##*:}"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing$missing"
    # shellcheck disable=SC2086 # a list of packages
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $missing; } \
        >/dev/null </dev/null
else
    echo "make check needs these Debian packages:$missing" >&2
    echo "install them (apt-get install$missing), or run make check as root, which does" >&2
    exit 1
fi
