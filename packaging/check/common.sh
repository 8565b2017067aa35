#!/bin/sh
# common.sh: what the other scripts here read.
set -eu
umask 022

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
