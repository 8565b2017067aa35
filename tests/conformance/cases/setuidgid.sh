# shellcheck shell=sh disable=SC2154,SC2016 # variables come from the prelude; some $ are for the child

#= setuidgid: usage errors
try setuidgid
try setuidgid nobody
try setuidgid missing-account
try setuidgid ''

#= setuidgid: unknown accounts
try setuidgid no-such-account true
try setuidgid '' true
try setuidgid -h true
try setuidgid -- nobody true

#= setuidgid: numbers are no accounts
try setuidgid 65534 true
try setuidgid 0 true
try setuidgid nobody:nogroup true

#= setuidgid: the child has the ids of the account and only its group
#! root
setpriv --groups 1,2,3 setuidgid nobody sh -c 'grep -E "^(Uid|Gid|Groups)" /proc/self/status'
try setuidgid root id
try setuidgid daemon id

#= setuidgid: the capabilities are gone
#! root
setuidgid nobody sh -c 'grep -E "^Cap(Prm|Eff)" /proc/self/status'

#= setuidgid: environment, directory, umask and arguments are passed on unchanged
#! root
try env -i PATH="$PATH" A=1 B='x y' A2= UID=7 GID=8 setuidgid nobody env
umask 027
mkdir -m 755 dir
cd dir || exit
try setuidgid nobody sh -c 'pwd; umask; printf "<%s>" "$0" "$@"' zero '' 'a b' --

#= setuidgid: the exit code is that of the child
#! root
try setuidgid nobody sh -c 'exit 0'
try setuidgid nobody sh -c 'exit 7'
try setuidgid nobody sh -c 'exit 111'
try setuidgid nobody false
code=0
setuidgid nobody sh -c 'kill -KILL $$' || code=$?
echo "$code"

#= setuidgid: the child has the same pid
#! root
sh -c 'echo $$; exec setuidgid nobody sh -c "echo \$\$"' | uniq | wc -l

#= setuidgid: missing programs
#! root
try setuidgid nobody no-such-program
try setuidgid nobody ./no-such-program
try setuidgid nobody /no/such/program
try setuidgid nobody ''
try setuidgid nobody -- true

#= setuidgid: program without x, directory, file as directory, loop, long name
#! root
echo '#!/bin/sh' >plain
mkdir dir
ln -s loop loop
try setuidgid nobody ./plain
try setuidgid nobody ./dir
try setuidgid nobody ./plain/x
try setuidgid nobody ./loop
try setuidgid nobody "$(bytes 256)"
try setuidgid nobody "./$(bytes 256)"

#= setuidgid: no interpreter line, missing interpreter, interpreter line that is empty
#! root
echo 'echo hello' >none
echo '#!/no/such/interpreter' >missing
: >empty
echo '#!' >bare
echo '#!/etc' >dir
chmod 755 none missing empty bare dir
for program in none missing empty bare dir; do try setuidgid nobody "./$program"; done

#= setuidgid: the account cannot reach or read the program
#! root
mkdir -m 700 closed
cp /bin/true closed/true
try setuidgid nobody closed/true
mkdir open
cp /bin/true open/true
chmod 700 open/true
try setuidgid nobody open/true
chmod 711 open/true
try setuidgid nobody open/true
rm closed/true open/true

#= setuidgid: a name with a slash is never looked for in PATH
#! root
mkdir -p bin/sub
printf '#!/bin/sh\necho found\n' >bin/sub/prog
chmod 755 bin/sub/prog
PATH=$PATH:$PWD/bin try setuidgid nobody sub/prog
cd bin && try setuidgid nobody sub/prog

#= setuidgid: PATH is searched in order
#! root
mkdir a b
printf '#!/bin/sh\necho in a\n' >a/prog
printf '#!/bin/sh\necho in b\n' >b/prog
chmod 755 a/prog b/prog
PATH=$PATH:$PWD/a:$PWD/b try setuidgid nobody prog
PATH=$PATH:$PWD/b:$PWD/a try setuidgid nobody prog
PATH=$PATH:$PWD/missing:$PWD/b try setuidgid nobody prog

#= setuidgid: what cannot be executed is remembered, and the search goes on
#! root
mkdir -p a b c/prog
echo x >a/prog
printf '#!/bin/sh\necho in b\n' >b/prog
chmod 755 b/prog
PATH=$PATH:$PWD/a:$PWD/b try setuidgid nobody prog
PATH=$PATH:$PWD/a:$PWD/missing try setuidgid nobody prog
PATH=$PATH:$PWD/c:$PWD/missing try setuidgid nobody prog
PATH=$PATH:$PWD/c:$PWD/b try setuidgid nobody prog
PATH=$PATH:$PWD/missing try setuidgid nobody prog

#= setuidgid: other trouble stops the search
#! root
mkdir b loop
printf '#!/bin/sh\necho in b\n' >b/prog
chmod 755 b/prog
echo x >file
ln -s prog loop/prog
PATH=$PATH:$PWD/file:$PWD/b try setuidgid nobody prog
PATH=$PATH:$PWD/loop:$PWD/b try setuidgid nobody prog
PATH=$PATH:$PWD/$(bytes 256):$PWD/b outcome setuidgid nobody prog
mkdir none
echo 'echo no interpreter line' >none/prog
chmod 755 none/prog
PATH=$PATH:$PWD/none:$PWD/b try setuidgid nobody prog
echo '#!/no/such/interpreter' >none/prog
PATH=$PATH:$PWD/none:$PWD/b try setuidgid nobody prog

#= setuidgid: an empty component of PATH is the current directory
#! root
printf '#!/bin/sh\necho "here as $0"\n' >prog
chmod 755 prog
try setuidgid nobody prog
PATH=$PATH: try setuidgid nobody prog
PATH=:$PATH try setuidgid nobody prog
PATH=${PATH%%:*}::/bin:/usr/bin try setuidgid nobody prog
PATH=$PATH:. try setuidgid nobody prog

#= setuidgid: PATH that is empty or unset
#! root
printf '#!/bin/sh\necho "here as $0"\n' >prog
chmod 755 prog
bin=${PATH%%:*}
try env PATH= "$bin/setuidgid" nobody prog
try env PATH= "$bin/setuidgid" nobody sh -c 'echo sh'
try env -u PATH "$bin/setuidgid" nobody prog
try env -u PATH "$bin/setuidgid" nobody sh -c 'echo sh'

#= setuidgid: one that is not root
#! root
try unprivileged setuidgid nobody true
try unprivileged setuidgid root true
try unprivileged setuidgid no-such-account true
try unprivileged setuidgid nobody

#= setuidgid: groups may be set, but not the user
#! root
try setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps +setgid --ambient-caps +setgid setuidgid root true
try setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps +setgid --ambient-caps +setgid setuidgid nobody id

#= setuidgid: closed descriptors stay closed in the child
#! root
setuidgid nobody perl -e 'for (0..19) { print "fd $_\n" if -e "/proc/self/fd/$_" && readlink("/proc/self/fd/$_") !~ /^pipe|proc/ }' <&- 2>&-
setuidgid nobody sh -c 'ls /proc/self/fd' <&- 5<. 6>&1

#= setuidgid: signal settings pass through
#! root
look='exec grep -E ^Sig.Blk\|^SigIgn\|^SigBlk\|^SigCgt /proc/self/status'
setuidgid nobody sh -c "$look"
(trap '' PIPE HUP CHLD; setuidgid nobody sh -c "$look")
perl -MPOSIX -e 'sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGTERM, SIGCHLD, SIGPIPE)); $SIG{FPE} = "DEFAULT"; exec @ARGV' \
    setuidgid nobody sh -c "$look"

#= setuidgid: what the child has from its caller
#! root
seen_oddly setuidgid nobody
seen_closed setuidgid nobody
