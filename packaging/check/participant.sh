#!/bin/sh
# participant.sh: what packages of a participant do for an administrator, in either format.
# shellcheck disable=SC2016 # What is in single quotes is for `eventually`, or is a script.

place=/usr/lib/boss/participant-services/build_image
items=/srv/items

# Works on one item each second, and finishes the one in hand before it ends.
cat >/tmp/exo <<'END'
cd /srv/items
trap 'is_over=yes' TERM
while [ -z "${is_over-}" ]; do
    item=$(ls todo | head -n 1)
    [ -z "$item" ] || mv "todo/$item" hand
    sleep 1
    [ -z "$item" ] || { rm "hand/$item" && echo "$item is done"; }
done
END

# make_participant VERSION TOOL: makes a package in a new directory, which becomes the current one, with the commands of
# the template's README.md: the first ones, then the one with TOOL.
make_participant() {
    mkdir -p "$items/todo" "$items/hand"
    chmod -R 777 "$items"
    rm -rf "/tmp/make/$1"
    mkdir -p /tmp/make
    cp -r /usr/share/servicedir/participant-template "/tmp/make/$1"
    cd "/tmp/make/$1" || exit
    cp /usr/share/servicedir/skeletons/participant/participant_logic.py ~/logic.py
    quiet sh -euc "$(awk '/^```$/ { block++; next } block == 1' README.md)"
    { printf '#!/bin/sh\necho "version %s"\n' "$1" && cat /tmp/exo; } >participant/exo
    sed -i "s/0\.1\.0/$1/" debian/changelog ./*.spec
    quiet sh -euc "$(awk -v tool="$2" '/^```$/ { block++; next } block == 3 && $1 == tool' README.md)"
}

# From a list of what is in the package: scripts can be run, and what supervise writes is not there but for the links.
check_contents() {
    cat >/tmp/contents
    for script in run log/run; do
        grep -q -e "^-rwxr-xr-x .*$place/$script\$" /tmp/contents || fail "$script is not executable: $(cat /tmp/contents)"
    done
    ! grep -e '^[^l].*/supervise' /tmp/contents || fail "supervise is in the package"
}

participant_runs() {
    start=$(date +%s%3N)
    eventually 'svstat $place | grep ": up (pid "'
    echo "participant: up $(($(date +%s%3N) - start)) ms after its installation"
    eventually '[ "$(stat -c %U "/proc/$(pid_of)" "/proc/$(pid_of log)")" = "$(printf "build_image\nbuild_imagelog")" ]'
    eventually 'skynet log build_image | grep "version 0.1.0"'
}

pid_of() {
    svstat "$place/${1-}" | sed -n 's/.* up (pid \([0-9]*\)).*/\1/p'
}

# participant_upgraded COMMAND...: while five items are there, the first of them in hand.
participant_upgraded() {
    touch "$items/todo/1" "$items/todo/2" "$items/todo/3" "$items/todo/4" "$items/todo/5"
    eventually '[ -e "$items/hand/1" ]'
    quiet "$@"
    eventually '[ -z "$(ls "$items/todo" "$items/hand" | grep "^[0-9]")" ]'
    eventually 'skynet log build_image | grep "5 is done"'
    seen=$(skynet log build_image | cut -d ' ' -f 4- | tr '\n' ',')
    case $seen in
    "version 0.1.0,1 is done,"*"version 0.2.0,"*"5 is done,") ;;
    *) fail "the log says $seen" ;;
    esac
    [ "$(skynet log build_image | wc -l)" -eq 7 ] || fail "started or done twice: $seen"
    echo "participant: upgraded: $seen"
}

participant_removed() {
    [ -z "$(find /proc -maxdepth 1 -user build_image -o -maxdepth 1 -user build_imagelog)" ] || fail "it still runs"
    left=$(ls -d /service/build_image /etc/service/build_image /run/skynet-build_image* "$place" 2>/dev/null) || :
    [ -z "$left" ] || fail "removed, but these are left: $left"
    grep -q "version 0.2.0" /var/log/boss/build_image/current || fail "its log is gone"
    echo "participant: removed; its log is kept"
}
