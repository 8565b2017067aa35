#!/bin/sh
# rpm.sh: the rpms, and a participant's rpm, installed, upgraded and removed, each with what it depends on.
# shellcheck disable=SC2016,SC2034 # What is in single quotes is for `eventually`.
# shellcheck source=/dev/null
. /tmp/packages/common.sh
# shellcheck source=/dev/null
. /tmp/packages/participant.sh

# Where rpm is not the package manager, it insists on another root. This is the view itself.
root=/mnt/system

in_root() {
    rpm --root "$root" --dbpath /var/lib/rpm "$@"
}

# make_system: makes a package without files that provides what ours need from the system, which is there, but from
# packages of Debian. There may be nothing unexpected among it.
make_system() {
    rpm --query --package --requires /tmp/packages/*.rpm | grep -v -e '^rpmlib(' -e '^servicedir\>' >/tmp/needed
    ! grep -v -x -e /bin/sh -e 'lib[a-z_]*\.so\..*' -e 'ld-linux-.*' -e 'rtld(GNU_HASH)' /tmp/needed ||
        fail "these are needed"
    # A participant's script needs it.
    echo /usr/sbin/useradd >>/tmp/needed
    {
        printf '%s\n' 'Name: system' 'Version: 1' 'Release: 1' 'Summary: What is here' 'License: MIT' 'BuildArch: noarch'
        sort -u /tmp/needed | sed 's/^/Provides: /'
        printf '%s\n' %description %files
    } >/tmp/system.spec
    quiet rpmbuild -bb /tmp/system.spec
    echo "from the system: $(sed 's/(.*//' /tmp/needed | sort -u | tr '\n' ' ')"
}

mkdir -p "$root" /service
mount --rbind / "$root"
rpms=$HOME/rpmbuild/RPMS/noarch
make_system
quiet in_root --install /tmp/packages/*.rpm "$rpms"/system-*.rpm
for version in 0.1.0 0.2.0; do
    make_participant "$version" rpmbuild
    rpm --query --package --list --verbose "$rpms"/boss-*-"$version"-1.noarch.rpm | check_contents
done
cd /

setsid svscan /service </dev/null >/dev/null 2>&1 &
quiet in_root --install "$rpms"/boss-*-0.1.0-*.rpm
echo "installed: $(in_root --query --all | sort | tr '\n' ' ')"
participant_runs
! in_root --erase servicedir 2>/tmp/output || fail "the toolkit was removed from below a participant"
grep -q 'servicedir is needed by' /tmp/output || fail "$(cat /tmp/output)"

participant_upgraded in_root --upgrade "$rpms"/boss-*-0.2.0-*.rpm
quiet in_root --erase boss-participant-build-image
participant_removed
quiet in_root --erase servicedir-run servicedir system
[ ! -e /usr/bin/skynet ] || fail "the toolkit is still there"
