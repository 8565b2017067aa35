# shellcheck shell=sh disable=SC2154,SC2016 # variables come from the prelude; some $ are for the child

#= fghack: no operand is a usage error
try fghack

#= fghack: an option is just the name of a program
try fghack -h
try fghack -- true
try fghack --

#= fghack: the exit code is that of the child
for number in 0 1 7 99 100 111 127 128 255; do try fghack sh -c "exit $number"; done

#= fghack: a child that a signal ends has crashed
for name in HUP INT KILL TERM SEGV PIPE; do try fghack sh -c "kill -$name \$\$"; done
sh -c 'ulimit -c 0; exec fghack sh -c "kill -ABRT \$\$"'
echo $?

#= fghack: a child that is stopped and goes on has not crashed
fghack sh -c 'kill -STOP $$; exit 3' &
wait_until set_kid $!
wait_until in_state "$kid" T
kill -CONT "$kid"
end fghack $!

#= fghack: missing programs and programs that cannot be executed
echo x >plain
mkdir dir
for program in no-such-program ./no-such-program '' ./plain ./dir ./plain/x; do try fghack "$program"; done
PATH=$PATH:$PWD/plain:/bin try fghack no-such-program

#= fghack: output, input and arguments are passed on unchanged
try fghack sh -c 'echo out; echo err >&2; cat; printf "<%s>" "$0" "$@"' zero '' 'a b' -- <"$CASE/body"
echo input | fghack cat

#= fghack: what the child has from its caller
seen_oddly fghack

#= fghack: what the child has from a caller that closed its standard descriptors
seen_closed fghack

#= fghack: the child is a child
sh -c 'echo $$; exec fghack sh -c "echo \$PPID; echo \$\$"' | uniq -c | awk '{ print $1 }'

#= fghack: waits for a background process that goes on when the child has ended
mkfifo go
fghack sh -c 'sh -c "read -r word; echo \$word >done; sleep 0.1; echo \$word again >>done" <go & exit 5' &
wait_until set_kid $!
exec 4>go
wait_until in_state "$kid" Z
wait_until sleeping $! fghack
echo word >&4
end fghack $!

#= fghack: a background process that closes some descriptors is still waited for
mkfifo go
fghack sh -c 'sh -c "read -r word; sleep 0.1; echo \$word >done" <go 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- & exit 6' &
exec 4>go
echo word >&4
end fghack $!

#= fghack: a background process that closes every descriptor is not waited for
code=0
fghack perl -MPOSIX -e 'exit 7 if fork; POSIX::close($_) for 0..100; sleep 1000' || code=$?
echo "$code"

#= fghack: a child that closes every descriptor is waited for
code=0
fghack perl -MPOSIX -e 'POSIX::close($_) for 0..100; select undef, undef, undef, 0.3; _exit 8' || code=$?
echo "$code"

#= fghack: a crash is told when the background process has ended
fghack sh -c 'sh -c "sleep 0.2; touch done" & kill -KILL $$' 2>err &
end fghack $!
cat err

#= fghack: what comes through the pipe is thrown away
try fghack sh -c 'for fd in 3 4 5 6 7 8 9; do echo data >&$fd; done; exit 4'
fghack sh -c 'head -c 300000 /dev/zero >&5; echo written; exit 9'
echo $?

#= fghack: signals are not passed on
for name in HUP USR1 TERM; do
    fghack sleep 1000 &
    wait_until found_asleep $!
    kill -$name $!
    end $name $!
    sleeping "$asleep" sleep && echo sleeps on
done

#= fghack: SIGCHLD that is ignored takes the exit code away
code=0
(odd ignore=CHLD -- fghack sh -c 'exit 3') 2>&1 || code=$?
echo "$code"

#= fghack: SIGCHLD and others that are blocked do not matter
code=0
(odd block=CHLD,TERM,PIPE -- fghack sh -c 'exit 3') 2>&1 || code=$?
echo "$code"

#= fghack: children that it had before it became fghack are not waited for
code=0
perl -e 'if (!fork) { exit 9 } if (!fork) { sleep 1000; exit 9 } select undef, undef, undef, 0.2; exec "fghack", "sh", "-c", "exit 3"' || code=$?
echo "$code"

#= fghack: no descriptors for a pipe
for number in 5 4; do try softlimit -o $number fghack true 3<&-; done

#= fghack: descriptors for a pipe, but not for thirty copies
try softlimit -o 10 fghack sh -c 'echo data >&9; exit 3'

#= fghack: no process for the child
#! root
try unprivileged softlimit -p 0 fghack true
