# shellcheck shell=sh disable=SC2154,SC2016,SC2317 # variables come from the prelude; some $ are for run scripts; conditions are called by it

#= supervise: usage errors
try supervise
try supervise a b
try supervise . ''
mkdir dir
try supervise dir dir

#= supervise: an option is just a directory name
try supervise -h
try supervise --

#= supervise: a word that begins with two dashes is a directory where there is one
sleeper ./--help
supervised --help
up ./--help
outcome stat_of ./--help
svc -dx ./--help
end supervise "$sv"

#= supervise: a word that begins with two dashes and is neither an option nor there
#! differs 1.0
try supervise --help
#| $ supervise --help
#| 2> supervise: unknown option --help
#| 2> supervise: usage: supervise dir
#| = 100
#| exit 0

#= supervise: missing directory, empty name, file, loop, long name
echo x >file
ln -s loop loop
try supervise missing
try supervise ''
try supervise file
try supervise file/below
try supervise loop
try supervise "$(bytes 256)"
try supervise 'new
line'

#= supervise: a directory that may not be entered
#! root
mkdir -m 700 closed
try unprivileged supervise closed

#= supervise: a directory that may not be written
#! root
mkdir sv
try unprivileged supervise sv
mkdir -m 700 sv/supervise
try unprivileged supervise sv

#= supervise: down that cannot be looked at
mkdir sv
ln -s down sv/down
try supervise sv

#= supervise: a file in place of supervise/
mkdir sv
echo x >sv/supervise
try supervise sv

#= supervise: a loop in place of supervise/
mkdir sv
ln -s supervise sv/supervise
try supervise sv

#= supervise: a directory in place of lock
mkdir -p sv/supervise/lock
try supervise sv

#= supervise: a lock that is a loop
mkdir -p sv/supervise
ln -s lock sv/supervise/lock
try supervise sv

#= supervise: links in place of its files are not followed
#! differs 1.3/links
for file in lock control ok status.new; do
    mkdir -p sv/supervise
    touch sv/down victim
    ln -s ../../victim sv/supervise/$file
    supervise sv 2>&1 &
    sv=$!
    # Where `ok` is no fifo, nothing tells when supervise reads commands.
    wait_until gone_when_told "$sv"
    end "$file" "$sv"
    [ -s victim ] && echo "and the victim was written to"
    rm -r sv victim
done
#| supervise: fatal: unable to acquire sv/supervise/lock: symbolic link loop
#| lock = 111
#| supervise: fatal: unable to read sv/supervise/control: symbolic link loop
#| control = 111
#| supervise: fatal: unable to read sv/supervise/ok: symbolic link loop
#| ok = 111
#| status.new = 0
#| exit 0

#= supervise: a lock that is there already is used and kept
mkdir -p sv/supervise
echo text >sv/supervise/lock
chmod 644 sv/supervise/lock
touch sv/down
supervised sv
svc -x sv
end supervise "$sv"

#= supervise: somebody else holds the lock
mkdir -p sv/supervise
touch sv/down
flock -n sv/supervise/lock supervise sv 2>err &
wait $!
cat err
flock -s sv/supervise/lock -c 'supervise sv'
echo $?

#= supervise: a second one for the same directory
sleeper sv
supervised sv
try supervise sv
try supervise sv/.
svok sv && echo the first one is still there
svc -dx sv
end supervise "$sv"

#= supervise: a regular file in place of control
#! differs 1.3/control
mkdir -p sv/supervise
touch sv/down
printf x >sv/supervise/control
try supervise sv
#| $ supervise sv
#| 2> supervise: fatal: unable to read sv/supervise/control: it is not a fifo; remove it, and supervise makes one
#| = 111
#| exit 0
#| dir 0755 sv/
#| file 0644 0 sv/down
#| dir 0755 sv/supervise/
#| file 0644 1 sv/supervise/control
#|     | x<no newline>
#| file 0600 0 sv/supervise/lock

#= supervise: a directory in place of control
mkdir -p sv/supervise/control
touch sv/down
try supervise sv

#= supervise: a regular file in place of ok will do
mkdir -p sv/supervise
touch sv/down
echo x >sv/supervise/ok
supervised sv
wait_until status_is sv 'stamp now pid 0 paused 00 want 64'
wait_until listens sv
svc -x sv
end supervise "$sv"

#= supervise: a directory in place of ok will do
mkdir -p sv/supervise/ok
touch sv/down
supervise sv 2>err &
wait_until status_is sv 'stamp now pid 0 paused 00 want 64'
wait_until listens sv
svc -x sv
end supervise $!

#= supervise: a loop in place of ok
mkdir -p sv/supervise
touch sv/down
ln -s ok sv/supervise/ok
try supervise sv

#= supervise: supervise/ is a link to a directory elsewhere
mkdir sv elsewhere
touch sv/down
ln -s ../elsewhere sv/supervise
supervised sv
svc -x sv
end supervise "$sv"

#= supervise: a dangling link in place of supervise/ gets its directory made
mkdir sv
touch sv/down
ln -s ../elsewhere sv/supervise
supervised sv
svc -x sv
end supervise "$sv"

#= supervise: a dangling link to an absolute name
mkdir sv
touch sv/down
ln -s "$PWD/elsewhere" sv/supervise
supervised sv
svc -x sv
end supervise "$sv"

#= supervise: a dangling link whose parent is missing
mkdir sv
ln -s ../no/where sv/supervise
try supervise sv

#= supervise: dangling links of 255 and 256 bytes
mkdir a b
touch a/down b/down
ln -s "../$(bytes 252)" a/supervise
ln -s "./../$(bytes 251)" b/supervise
supervised a
svc -x a
end supervise "$sv"
try supervise b

#= supervise: a link to a link that dangles
mkdir sv
touch sv/down
ln -s middle sv/supervise
ln -s ../end sv/middle
try supervise sv

#= supervise: status.new that cannot be opened is a warning
mkdir -p sv/supervise/status.new
touch sv/down
supervised sv
svc -x sv
end supervise "$sv"
sort -u "$CASE/sv"

#= supervise: status that cannot be replaced is a warning
mkdir -p sv/supervise/status
touch sv/down
supervised sv
svc -x sv
end supervise "$sv"
sort -u "$CASE/sv"

#= supervise: old status, status.new, control and ok are used with the modes that they have
mkdir -p sv/supervise
chmod 755 sv/supervise
mkfifo -m 622 sv/supervise/control
mkfifo -m 606 sv/supervise/ok
echo 'an old record that is longer than eighteen bytes' >sv/supervise/status
echo 'an old record that is longer than eighteen bytes' >sv/supervise/status.new
chmod 600 sv/supervise/status.new
touch sv/down
supervised sv
wait_until status_is sv 'stamp now pid 0 paused 00 want 64'
svc -x sv
end supervise "$sv"

#= supervise: modes under umask 077, which the service inherits
service sv <<'END'
umask >umask.new
mv umask.new umask
exec sleep 1000
END
umask 077
supervised sv
wait_until test -e sv/umask
svc -dx sv
end supervise "$sv"

#= supervise: modes under umask 0
service sv <<'END'
umask >umask.new
mv umask.new umask
exec sleep 1000
END
umask 0
supervised sv
wait_until test -e sv/umask
svc -dx sv
end supervise "$sv"

#= supervise: with umask 777 it cannot open its own fifos
#! root
mkdir sv
touch sv/down
chown nobody sv
umask 777
outcome unprivileged supervise sv 2>&1

#= supervise: run that is missing
mkdir sv
supervised sv
wait_until lines "$CASE/sv" 1
svc -x sv
end supervise "$sv"
sort -u "$CASE/sv"

#= supervise: run that is not executable
mkdir sv
echo '#!/bin/sh' >sv/run
supervised sv
wait_until lines "$CASE/sv" 1
svc -x sv
end supervise "$sv"
sort -u "$CASE/sv"

#= supervise: run without interpreter line
mkdir sv
echo 'echo hello >hello' >sv/run
chmod 755 sv/run
supervised sv
wait_until lines "$CASE/sv" 1
svc -x sv
end supervise "$sv"
sort -u "$CASE/sv"

#= supervise: run is a directory
mkdir -p sv/run
supervised sv
wait_until lines "$CASE/sv" 1
svc -x sv
end supervise "$sv"
sort -u "$CASE/sv"

#= supervise: run with a missing interpreter, empty run, loop
mkdir a b c
echo '#!/no/such/interpreter' >a/run
: >b/run
chmod 755 a/run b/run
ln -s run c/run
for service in a b c; do
    supervised $service
    wait_until file_has "$CASE/sv" "start $service/run"
    svc -x $service
    end supervise "$sv"
done
sort -u "$CASE/sv"

#= supervise: the directory is named in messages as it was given
mkdir -p dir/sv
for name in dir/sv "$PWD/dir/sv" dir//sv/. 'dir/../dir/sv'; do
    : >"$CASE/sv"
    supervised "$name"
    wait_until lines "$CASE/sv" 1
    svc -x "$name"
    end supervise "$sv"
    sort -u "$CASE/sv"
done

#= supervise: run that is missing is tried again every second until it is there
mkdir sv
supervised sv
wait_until lines "$CASE/sv" 2
sort -u "$CASE/sv"
sleeper new
mv new/run sv/run
asleep sv
outcome stat_of sv
status sv
svc -dx sv
end supervise "$sv"

#= supervise: the current directory as service
sleeper .
supervised .
up .
outcome stat_of .
svc -dx .
end supervise "$sv"

#= supervise: names with blanks, newlines and odd bytes
for name in 'a b' 'new
line' "$(printf 'x\377')" -dx; do
    sleeper "./$name"
    supervised "$name"
    up "$name"
    outcome stat_of "$name"
    svc -dx -- "$name"
    end supervise "$sv"
done

#= supervise: a directory that is renamed while it runs
sleeper sv
supervised sv
up sv
mv sv new
outcome stat_of new
svc -d new
wait_until says new ': down'
svc -u new
up new
svc -dx new
end supervise "$sv"

#= supervise: run gets no arguments, the service directory, and the environment
mkdir sv
ln -s /usr/bin/env sv/run
env -i A=1 B='x y' C= PATH="$PATH" supervise sv >"$CASE/out" 2>"$CASE/sv" &
wait_until lines "$CASE/out" 4
svc -x sv
end supervise $!
head -4 "$CASE/out"
cat "$CASE/sv"

#= supervise: the arguments of run
service sv <<'END'
tr '\0' '\n' <"/proc/$$/cmdline" >arguments.new
pwd -P >>arguments.new
mv arguments.new arguments
exec sleep 1000
END
supervised sv
wait_until test -e sv/arguments
svc -dx sv
end supervise "$sv"

#= supervise: the service is in the process group and session of supervise
service sv <<'END'
cut -d ' ' -f 5,6 "/proc/$$/stat" >ids
echo "$PPID" >parent
exec sleep 1000
END
supervised sv
wait_until lines sv/parent 1
cut -d ' ' -f 5,6 "/proc/$sv/stat" | cmp - sv/ids && echo same group and session
[ "$sv" = "$(cat sv/parent)" ] && echo child of supervise
svc -dx sv
end supervise "$sv"
rm sv/ids sv/parent

#= supervise: the service sees the descriptors that supervise was given, and no others
service sv <<'END'
cd "/proc/$$/fd" || exit
# The shell itself has the script at 10 or above.
set -- ?
for fd; do [ -L "$fd" ] && seen="$seen$fd "; done
echo "$seen" >"$SEEN.new"
mv "$SEEN.new" "$SEEN"
exec sleep 1000
END
export SEEN="$PWD/seen"
look() {
    # What this case itself has inherited must not show up.
    perl -MPOSIX -e 'POSIX::close($_) for 3..1023; exec @ARGV' sh -c "exec supervise sv $1" &
    wait_until test -e seen
    echo "$1: $(cat seen)"
    rm seen
    svc -dx sv
    end supervise $!
}
look '</dev/null >/dev/null 2>&1'
look '<&- >&- 2>&-'
look '<&- >/dev/null 2>&1'
look '</dev/null >&- 2>/dev/null'
look '</dev/null >/dev/null 2>&-'
look '</dev/null >/dev/null 2>&1 5<. 7>/dev/null'

#= supervise: output and input of the service are those of supervise
service sv <<'END'
read -r line
echo "read: $line"
echo "to stderr" >&2
exec sleep 1000
END
mkfifo in
exec 3<>in
echo hello >&3
supervise sv <in >out 2>err &
wait_until lines err 1
svc -dx sv
end supervise $!

#= supervise: signals are at their defaults for the service
service sv <<'END'
exec grep -E '^Sig(Blk|Ign)' /proc/self/status >>seen
END
env --default-signal=INT,QUIT supervise sv &
wait_until lines sv/seen 2
svc -x sv
end supervise $!
sort -u sv/seen
rm sv/seen

#= supervise: signals that its caller has blocked or ignored
#! differs 1.3
service sv <<'END'
# Not exec'd, the shell would clear the mask.
exec grep -E '^Sig(Blk|Ign)' /proc/self/status >>seen
END
setup() { perl -MPOSIX -e '
    my $block = POSIX::SigSet->new; my @words = split " ", shift;
    for (@words) { /^-(\w+)/ ? ($SIG{$1} = "IGNORE") : /^\+(\w+)/ ? ($SIG{$1} = "DEFAULT") : $block->addset(eval "SIG$_") }
    sigprocmask(SIG_SETMASK, $block); $SIG{FPE} = "DEFAULT"; exec @ARGV' "$@"; }
for words in '-PIPE' '-CHLD' '-INT -HUP -TERM -ALRM' 'TERM HUP' 'CHLD' 'PIPE CHLD USR1 -USR2'; do
    setup "+INT +QUIT $words" supervise sv &
    wait_until lines sv/seen 2
    svc -x sv
    wait $!
    echo "$words"
    signals_in sv/seen
    rm sv/seen
done
#| -PIPE
#| -CHLD
#| -INT -HUP -TERM -ALRM
#| TERM HUP
#| CHLD
#| PIPE CHLD USR1 -USR2
#| exit 0
#| dir 0755 sv/
#| file 0755 110 sv/run
#|     | #!/bin/sh
#|     | # Not exec'd, the shell would clear the mask.
#|     | exec grep -E '^Sig(Blk|Ign)' /proc/self/status >>seen
#| dir 0700 sv/supervise/
#| fifo 0600 sv/supervise/control
#| file 0600 0 sv/supervise/lock
#| fifo 0600 sv/supervise/ok
#| file 0644 18 sv/supervise/status
#|     | stamp now pid 0 paused 00 want 75

#= supervise: it notices the end of its service also when CHLD was ignored or blocked
sleeper sv
(trap '' CHLD; exec supervise sv) &
sv=$!
wait_until svok sv
up sv
svc -d sv
wait_until says sv ': down'
svc -x sv
end supervise $sv
perl -MPOSIX -e 'sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGCHLD)); exec @ARGV' supervise sv &
sv=$!
wait_until svok sv
up sv
svc -d sv
wait_until says sv ': down'
svc -x sv
end supervise $sv

#= supervise: children that it had before are reaped and do not disturb
sleeper sv
sh -c 'sleep 0.1 & exec supervise sv' &
sv=$!
wait_until svok sv
up sv
one_child() { [ "$(children $sv)" = 'sleep 1000 ' ]; }
wait_until one_child
outcome stat_of sv
svc -dx sv
end supervise $sv

#= supervise: as an ordinary user
#! root
mkdir -m 777 home
cd home || exit
sleeper sv
chmod 777 sv
unprivileged supervise sv &
sv=$!
wait_until svok sv
up sv
grep ^Uid "/proc/$pid/status"
unprivileged svc -d sv
wait_until says sv ': down'
svc -x sv
end supervise $sv

#= status: down at the start
mkdir sv
touch sv/down
supervised sv
wait_until status_is sv 'stamp now pid 0 paused 00 want 64'
status sv
outcome stat_of sv
svc -x sv
end supervise "$sv"

#= status: any kind of down keeps it down, but not a dangling one
mkdir -p a/down b c
mkfifo b/down
sleeper c
ln -s nowhere c/down
for service in a b; do
    supervised $service
    wait_until status_is $service 'stamp now pid 0 paused 00 want 64'
    svc -x $service
    end supervise "$sv"
done
supervised c
up c
svc -dx c
end supervise "$sv"

#= status: up
sleeper sv
supervised sv
up sv
status sv
[ "$pid" = "$(od -An -tu4 -j 12 -N 4 sv/supervise/status | tr -d ' ')" ] && echo pid as svstat says
svc -dx sv
end supervise "$sv"

#= status: paused and continued; the time of the record stays
sleeper sv
supervised sv
up sv
stamp sv >"$CASE/stamp"
svc -p sv
wait_until status_is sv 'stamp now pid N paused 01 want 75'
wait_until in_state "$pid" T
outcome stat_of sv
svc -p sv
svc -c sv
wait_until status_is sv 'stamp now pid N paused 00 want 75'
wait_until in_state "$pid" S
outcome stat_of sv
stamp sv | cmp - "$CASE/stamp" && echo same stamp
svc -dx sv
end supervise "$sv"

#= status: once while up
sleeper sv
supervised sv
up sv
svc -o sv
wait_until status_is sv 'stamp now pid N paused 00 want 00'
outcome stat_of sv
svc -t sv
wait_until status_is sv 'stamp now pid 0 paused 00 want 00'
outcome stat_of sv
svc -x sv
end supervise "$sv"

#= status: once while down
service sv <<'END'
echo run >>runs
exec sleep 1000
END
touch sv/down
supervised sv
svc -o sv
wait_until lines sv/runs 1
wait_until status_is sv 'stamp now pid N paused 00 want 00'
outcome stat_of sv
svc -k sv
wait_until status_is sv 'stamp now pid 0 paused 00 want 00'
outcome stat_of sv
svc -x sv
end supervise "$sv"

#= status: want down while the service does not listen, then want up again
service sv <<'END'
trap '' TERM
echo ready >ready
while :; do sleep 1000; done
END
supervised sv
wait_until test -s sv/ready
up sv
first=$pid
svc -d sv
wait_until status_is sv 'stamp now pid N paused 00 want 64'
outcome stat_of sv
svc -u sv
wait_until status_is sv 'stamp now pid N paused 00 want 75'
outcome stat_of sv
svc -x sv
svc -o sv
wait_until status_is sv 'stamp now pid N paused 00 want 00'
[ "$first" = "$(pid_of sv)" ] && echo same process
svc -k sv
end supervise "$sv"

#= status: killed and started again has a new stamp and a new pid
sleeper sv
supervised sv
up sv
first=$pid
stamp sv >"$CASE/stamp"
svc -k sv
wait_until gone "$first"
another() { [ "$(pid_of sv)" != "$first" ] && [ -n "$(pid_of sv)" ]; }
wait_until another
status sv
outcome stat_of sv
stamp sv | cmp -s - "$CASE/stamp" || echo new stamp
svc -dx sv
end supervise "$sv"

#= status: down after -d
sleeper sv
supervised sv
up sv
stamp sv >"$CASE/stamp"
svc -d sv
wait_until status_is sv 'stamp now pid 0 paused 00 want 64'
outcome stat_of sv
stamp sv | cmp -s - "$CASE/stamp" || echo new stamp
svc -d sv
svc -x sv
end supervise "$sv"
status sv

#= status: paused, then -d: the service is continued and ends
sleeper sv
supervised sv
up sv
svc -p sv
wait_until in_state "$pid" T
svc -d sv
wait_until status_is sv 'stamp now pid 0 paused 00 want 64'
svc -x sv
end supervise "$sv"

#= status: paused, then -d for a service that stays: paused is cleared
service sv <<'END'
trap '' TERM
echo ready >ready
while :; do sleep 1000; done
END
supervised sv
wait_until test -s sv/ready
svc -p sv
wait_until status_is sv 'stamp now pid N paused 01 want 75'
svc -d sv
wait_until status_is sv 'stamp now pid N paused 00 want 64'
svc -kx sv
end supervise "$sv"
status sv

#= status: paused, then killed: the next one is not paused
sleeper sv
supervised sv
up sv
first=$pid
svc -p sv
wait_until in_state "$pid" T
svc -k sv
another() { [ "$(pid_of sv)" != "$first" ] && [ -n "$(pid_of sv)" ]; }
wait_until another
wait_until status_is sv 'stamp now pid N paused 00 want 75'
svc -dx sv
end supervise "$sv"

#= status: pause and continue while down
sleeper sv
touch sv/down
supervised sv
svc -p sv
svc -c sv
svc -p sv
svc -u sv
up sv
status sv
wait_until in_state "$pid" S
svc -dx sv
end supervise "$sv"

#= status: pause while down
mkdir sv
touch sv/down
supervised sv
svc -p sv
svc -x sv
end supervise "$sv"
status sv

#= status: pause while down, then down again
mkdir sv
touch sv/down
supervised sv
svc -pdx sv
end supervise "$sv"
status sv

#= status: paused, then -t: the signal waits until -c
sleeper sv
supervised sv
up sv
first=$pid
svc -p sv
wait_until in_state "$pid" T
svc -o sv
svc -t sv
wait_until status_is sv 'stamp now pid N paused 01 want 00'
[ "$first" = "$(pid_of sv)" ] && echo same process
svc -c sv
wait_until status_is sv 'stamp now pid 0 paused 00 want 00'
svc -x sv
end supervise "$sv"

#= commands: hup, int, alarm and term arrive, once each
service sv <<'END'
for name in HUP INT ALRM TERM; do trap "echo $name >>got" $name; done
echo ready >>got
while :; do sleep 1000 & wait; done
END
supervised sv
wait_until lines sv/got 1
count=1
for letter in h i a t; do
    svc -$letter sv
    count=$((count + 1))
    wait_until lines sv/got $count
done
outcome stat_of sv
status sv
svc -oxk sv
end supervise "$sv"

#= commands: -ox right after a run gives one more
service sv <<'END'
echo run >>runs
END
touch sv/down
supervised sv
svc -o sv
wait_until lines sv/runs 1
wait_until status_is sv 'stamp now pid 0 paused 00 want 00'
svc -ox sv
end supervise "$sv"
cat sv/runs

#= commands: -d sends TERM, then CONT
mkdir sv
cat >sv/run <<'END'
#!/usr/bin/perl
use POSIX;
# Both at once are delivered in the order of their numbers, so they are written down one by one.
$SIG{TERM} = sub { open F, ">>got"; print F "TERM\n"; close F };
$SIG{CONT} = sub { open F, ">>got"; print F "CONT\n"; close F };
open F, ">>got"; print F "ready\n"; close F;
sleep 1 while 1;
END
chmod 755 sv/run
supervised sv
wait_until lines sv/got 1
svc -d sv
wait_until lines sv/got 3
sort sv/got
svc -kx sv
end supervise "$sv"
rm sv/got

#= commands: signals while down do nothing
mkdir sv
touch sv/down
supervised sv
svc -haitk sv
svc -d sv
wait_until obeyed sv "$sv"
wait_until status_is sv 'stamp now pid 0 paused 00 want 64'
svc -x sv
end supervise "$sv"

#= commands: -u while up does nothing
sleeper sv
supervised sv
up sv
first=$pid
stamp sv >"$CASE/stamp"
svc -u sv
svc -uuu sv
svc -p sv
wait_until status_is sv 'stamp now pid N paused 01 want 75'
[ "$first" = "$(pid_of sv)" ] && echo same process
stamp sv | cmp - "$CASE/stamp" && echo same stamp
svc -dx sv
end supervise "$sv"

#= commands: -u starts a service with a down file, and it is started again
service sv <<'END'
echo run >>runs
exec sleep 1000
END
touch sv/down
supervised sv
svc -u sv
wait_until lines sv/runs 1
up sv
outcome stat_of sv
svc -t sv
wait_until lines sv/runs 2
svc -dx sv
end supervise "$sv"

#= commands: down is read only at the start
service sv <<'END'
echo run >>runs
exec sleep 1000
END
supervised sv
wait_until lines sv/runs 1
touch sv/down
svc -t sv
wait_until lines sv/runs 2
svc -d sv
wait_until says sv ': down'
rm sv/down
outcome stat_of sv
svc -x sv
end supervise "$sv"

#= commands: a service that ends by itself is started again, whatever its exit
service sv <<'END'
echo run >>runs
case $(wc -l <runs) in
1) exit 0 ;; 2) exit 100 ;; 3) exit 111 ;; 4) kill -KILL $$ ;;
esac
exec sleep 1000
END
supervised sv
wait_until lines sv/runs 5
up sv
outcome stat_of sv
svc -dx sv
end supervise "$sv"
# Ours says more, which another case shows.
sed '/ warning: sv: run /d' "$CASE/sv"

#= commands: a service that keeps failing is reported
#! differs 1.3/failing
service sv <<'END'
echo >>runs
exit 3
END
supervised sv
# The third end in a row is told before the fourth start.
wait_until lines sv/runs 4
svc -dx sv
end supervise "$sv"
sed 's/[0-9]* times in [0-9]* s/N times in T s/' "$CASE/sv" | sort -u
rm -r sv
#| supervise = 0
#| supervise: warning: sv: run exited 3, N times in T s
#| exit 0

#= commands: at most one start a second
# The kernel knows since when it is a process, in hundredths of a second; date may get to run much later.
service sv <<'END'
cut -d ' ' -f 22 /proc/$$/stat >>runs
END
supervised sv
wait_until lines sv/runs 4
svc -x sv
end supervise "$sv"
first=$(sed -n 1p sv/runs)
fourth=$(sed -n 4p sv/runs)
[ $((fourth - first)) -gt 290 ] && echo three seconds for three more
rm sv/runs

#= commands: once for a service that ends by itself
service sv <<'END'
echo run >>runs
END
touch sv/down
supervised sv
svc -o sv
wait_until lines sv/runs 1
wait_until status_is sv 'stamp now pid 0 paused 00 want 00'
svc -o sv
wait_until lines sv/runs 2
wait_until status_is sv 'stamp now pid 0 paused 00 want 00'
svc -x sv
end supervise "$sv"

#= commands: -x while up waits for the service, which is not started again
service sv <<'END'
echo run >>runs
exec sleep 1000
END
supervised sv
wait_until lines sv/runs 1
svc -x sv
svc -p sv
wait_until status_is sv 'stamp now pid N paused 01 want 75'
svok sv && echo still running
svc -k sv
end supervise "$sv"
status sv

#= commands: -x while down
mkdir sv
touch sv/down
supervised sv
svc -x sv
end supervise "$sv"
status sv
try svok sv
try svstat sv

#= commands: -ux while down runs the service a last time
service sv <<'END'
echo run >>runs
until [ -e go ]; do sleep 0.02; done
END
touch sv/down
supervised sv
svc -ux sv
wait_until obeyed sv "$sv"
touch sv/go
end supervise "$sv"

#= commands: -du stops and starts
service sv <<'END'
echo run >>runs
exec sleep 1000
END
supervised sv
wait_until lines sv/runs 1
svc -du sv
wait_until lines sv/runs 2
up sv
status sv
svc -dx sv
end supervise "$sv"

#= commands: -ud ends down
sleeper sv
touch sv/down
supervised sv
svc -ud sv
# It is like that before, too.
wait_until obeyed sv "$sv"
wait_until status_is sv 'stamp now pid 0 paused 00 want 64'
svc -x sv
end supervise "$sv"

#= commands: what is in the fifo is done in order, unknown bytes are ignored
sleeper sv
supervised sv
up sv
first=$pid
printf 'zbUD\n\000 p?9' >sv/supervise/control
wait_until status_is sv 'stamp now pid N paused 01 want 75'
printf 'cpcpco' >sv/supervise/control
wait_until status_is sv 'stamp now pid N paused 00 want 00'
[ "$first" = "$(pid_of sv)" ] && echo same process
printf 'dx' >sv/supervise/control
end supervise "$sv"

#= commands: written by echo, with a newline
sleeper sv
supervised sv
up sv
echo d >sv/supervise/control
wait_until status_is sv 'stamp now pid 0 paused 00 want 64'
echo u >sv/supervise/control
up sv
echo dx >sv/supervise/control
end supervise "$sv"

#= commands: what was sent while nobody ran is lost
sleeper sv
supervised sv
svc -dx sv
end supervise "$sv"
try svc -u sv
supervised sv
up sv
svc -dx sv
end supervise "$sv"

#= commands: a thousand letters
sleeper sv
supervised sv
up sv
bytes 1000 p >sv/supervise/control
bytes 999 c >sv/supervise/control
printf o >sv/supervise/control
wait_until status_is sv 'stamp now pid N paused 00 want 00'
svc -dx sv
end supervise "$sv"

#= commands: a service whose supervise is killed lives on
sleeper sv
for signal in KILL TERM HUP ALRM USR1; do
    supervised sv
    up sv
    kill -$signal "$sv"
    code=0
    wait "$sv" 2>/dev/null || code=$?
    echo "$signal: $code"
    gone "$pid" || echo service alive
    svok sv || echo not running
    kill "$pid"
    wait_until gone "$pid"
done
rm -r sv/supervise

#= commands: a service that closes everything and its supervise
service sv <<'END'
exec sleep 1000 <&- >&- 2>&-
END
supervised sv
up sv
svc -dx sv
end supervise "$sv"

#= commands: a service that forks into the background counts as ended
service sv <<'END'
echo run >>runs
sleep 1000 &
END
supervised sv
wait_until lines sv/runs 2
svc -dx sv
end supervise "$sv"
rm sv/runs

#= commands: a service that stops itself
service sv <<'END'
kill -STOP $$
echo continued >continued
exec sleep 1000
END
supervised sv
wait_until says sv ': up'
wait_until in_state "$(pid_of sv)" T
outcome stat_of sv
svc -c sv
wait_until test -s sv/continued
outcome stat_of sv
svc -dx sv
end supervise "$sv"

#= pacing: a service that ended at once is seen as down until its next start
#! differs 1.18/5
service sv <<'END'
echo run >>runs
END
supervised sv
wait_until lines sv/runs 2
# Ours is down for most of every second, and the original only for a moment between two runs.
seen_down() {
    looks=0
    downs=0
    while [ "$looks" -lt 30 ]; do
        looks=$((looks + 1))
        case $(stat_of sv) in
        'sv: down T seconds, normally up, want up') downs=$((downs + 1)) ;;
        esac
        sleep 0.1
    done
    [ "$downs" -lt 15 ] || echo 'mostly down, want up'
}
outcome seen_down
svc -dx sv
end supervise "$sv"
rm sv/runs
#| 1> mostly down, want up
#| = 0
#| supervise = 0
#| exit 0
#| dir 0755 sv/
#| file 0755 26 sv/run
#|     | #!/bin/sh
#|     | echo run >>runs
#| dir 0700 sv/supervise/
#| fifo 0600 sv/supervise/control
#| file 0600 0 sv/supervise/lock
#| fifo 0600 sv/supervise/ok
#| file 0644 18 sv/supervise/status
#|     | stamp now pid 0 paused 00 want 64

#= supervise: what the service has from callers in odd states
served umask=027 nice=5
oddly_but_for_signals served

#= supervise: what the service has from callers that closed their standard descriptors
for closed in 0 1 2 0,1 1,2 0,1,2; do served close=$closed open=4:/dev/null; done
