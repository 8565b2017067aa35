#!/bin/sh
# check.sh deb|rpm DIRECTORY: tries the packages servicedir* in DIRECTORY as the administrator of a system would, as
# check/deb.sh and check/rpm.sh tell. All happens in a copy-on-write view of this Debian, in namespaces, of which nothing
# is left. It needs root, and for deb the network.
set -eu
umask 022

kind=$1
work=$(mktemp -d)
trap 'rm -rf "$work"/packages; rmdir "$work"/machine "$work" 2>/dev/null' EXIT
mkdir "$work/machine" "$work/packages"
find "$2" -name "servicedir*.$kind" -exec cp -t "$work/packages" {} +
cp "$(dirname "$0")"/check/*.sh "$work/packages"

# No symbolic link leads out of the view.
# shellcheck disable=SC2016 # Another shell sees to these.
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
    cp -r ../../packages tmp
    exec chroot . env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 \
        sh "/tmp/packages/$1.sh"
' "$work" "$kind"
