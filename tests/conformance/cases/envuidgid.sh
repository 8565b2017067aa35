# shellcheck shell=sh disable=SC2154,SC2016 # variables come from the prelude; some $ are for the child

#= envuidgid: usage errors
try envuidgid
try envuidgid nobody
try envuidgid missing-account
try envuidgid ''

#= envuidgid: unknown accounts, options and numbers are none either
for account in no-such-account '' -h -- 65534 0 nobody:nogroup ' nobody' "$(bytes 300)" "$(printf 'a\377\nb')"; do
    try envuidgid "$account" true
done
try envuidgid -- nobody true

#= envuidgid: sets GID and UID, in this order
for account in root nobody daemon; do env -i "PATH=$PATH" envuidgid $account env; done
env -i UID=1 GID=2 "${PATH%%:*}/envuidgid" nobody env
env -i GID=2 A=3 UID=1 B=4 "${PATH%%:*}/envuidgid" nobody env
env -i UID=1 A=3 B=4 "${PATH%%:*}/envuidgid" nobody env
env -i UIDX=1 XGID=2 GID_=3 "${PATH%%:*}/envuidgid" nobody env

#= envuidgid: what the child has from its caller
seen_oddly envuidgid nobody
seen_closed envuidgid nobody

#= envuidgid: UID and GID that are there several times, or without an equals sign
seen env=UID env=GID env=UID=1 env=GID=2 env=UID=3 env=GID=4 env=UID=5 env="CASE=$CASE" -- envuidgid nobody
seen env=UID=1 env=UID=1 env=UID=1 env="CASE=$CASE" -- envuidgid daemon

#= envuidgid: ids are not changed, and nobody needs to be root
#! root
try unprivileged envuidgid root sh -c 'id; echo $UID $GID'
try envuidgid nobody id

#= envuidgid: the exit code is that of the child
try envuidgid nobody true
try envuidgid nobody sh -c 'exit 7'
try envuidgid nobody sh -c 'exit 100'
try envuidgid nobody sh -c 'kill -KILL $$'

#= envuidgid: programs that cannot be run
echo x >plain
mkdir dir
for program in no-such-program '' ./plain ./dir ./plain/x --; do try envuidgid nobody "$program"; done
PATH=$PATH:$PWD/plain:/bin try envuidgid nobody no-such-program
try envuidgid no-such-account no-such-program

#= envuidgid: the variables are those of the account even if PATH finds another program
mkdir dir
printf '#!/bin/sh\necho "$UID:$GID $0 $*"\n' >dir/prog
chmod 755 dir/prog
PATH=$PATH:$PWD/dir try envuidgid nobody prog a b
