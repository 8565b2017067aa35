# shellcheck shell=sh disable=SC2154,SC2016,SC2013 # variables come from the prelude; some $ are for run scripts; pids are words

#= svscan: a directory that cannot be entered
echo x >file
ln -s loop loop
try svscan missing
try svscan ''
try svscan file
try svscan file/below
try svscan loop
try svscan -h
try svscan --
try svscan "$(bytes 256)"
try svscan missing .

#= svscan: a word that begins with two dashes and is neither an option nor there
#! differs 1.0
try svscan --help
try svscan --stager=1 .
#| $ svscan --help
#| 2> svscan: unknown option --help
#| 2> svscan: usage: svscan [--stagger=SECONDS] [--then=PROGRAM] [dir]
#| = 100
#| $ svscan --stager=1 .
#| 2> svscan: unknown option --stager=1
#| 2> svscan: usage: svscan [--stagger=SECONDS] [--then=PROGRAM] [dir]
#| = 100
#| exit 0

#= svscan: a directory that may not be entered
#! root
mkdir -m 700 closed
try unprivileged svscan closed

#= svscan: a directory that may not be read
#! root
mkdir -m 711 closed
sleeper closed/sv
cd closed || exit
unprivileged svscan >"$CASE/scan" 2>&1 &
wait_until lines "$CASE/scan" 1
kill -KILL $!
sort -u "$CASE/scan"

#= svscan: every directory becomes a service, under its own supervise
sleeper a
sleeper b
touch b/down
scanned
up a
wait_until says b ': down'
children "$scan"
outcome stat_of a b
kill -KILL "$scan"
svc -dx a b
wait_until says a 'not running'
wait_until says b 'not running'
cat "$CASE/scan"

#= svscan: an operand names the directory, further ones are ignored
sleeper dir/sv
scanned dir nothing else
up dir/sv
children "$scan"
tr '\0' ' ' <"/proc/$scan/cmdline" | sed 's,^.*svscan,svscan,'
readlink "/proc/$scan/cwd"
readlink "/proc/$pid/cwd"
kill -KILL "$scan"

#= svscan: names that begin with a dot, files, fifos and dangling links are no services
sleeper .hidden
sleeper ..twice
sleeper sv
echo x >file
mkfifo fifo
ln -s file link
scanned
up sv
children "$scan"
svok .hidden || echo hidden ones stay alone
kill -KILL "$scan"
cat "$CASE/scan"

#= svscan: a dangling link and a loop get a warning
sleeper sv
ln -s nowhere dangling
ln -s loop loop
scanned
up sv
wait_until file_has "$CASE/scan" dangling
wait_until file_has "$CASE/scan" loop
kill -KILL "$scan"
sort -u "$CASE/scan"

#= svscan: a dangling link with a dot is not looked at
sleeper sv
ln -s nowhere .dangling
scanned
up sv
kill -KILL "$scan"
cat "$CASE/scan"

#= svscan: a link to a directory is a service
sleeper elsewhere/sv
mkdir scan
ln -s ../elsewhere/sv scan/link
scanned scan
up scan/link
children "$scan"
readlink "/proc/$pid/cwd"
kill -KILL "$scan"

#= svscan: two names for one directory are one service
sleeper elsewhere/sv
mkdir scan
ln -s ../elsewhere/sv scan/one
ln -s ../elsewhere/sv scan/two
scanned scan
up scan/one
children "$scan" | sed 's/one\|two/NAME/'
kill -KILL "$scan"
cat "$CASE/scan"

#= svscan: names with blanks, newlines, odd bytes and dashes
sleeper 'a b'
sleeper 'new
line'
sleeper "$(printf 'x\377')"
sleeper ./-dx
scanned
for name in 'a b' 'new
line' "$(printf 'x\377')" ./-dx; do up "$name"; done
children "$scan"
kill -KILL "$scan"
cat "$CASE/scan"

#= svscan: a name of 255 bytes, with a log
name=$(bytes 255)
sleeper "$name"
service "$name/log" <<'END'
exec sleep 1000
END
scanned
up "$name"
up "$name/log"
children "$scan" | sed 's/x\{255\}/NAME/'
kill -KILL "$scan"
cat "$CASE/scan"
rm -r "$name"

#= svscan: a service with a log writes into it
service sv <<'END'
echo "from the service"
echo "to stderr" >&2
exec sleep 1000
END
service sv/log <<'END'
pwd
exec cat >../../output
END
scanned
wait_until lines output 1
wait_until file_has "$CASE/scan" 'to stderr'
up sv
up sv/log
children "$scan"
outcome stat_of sv sv/log
kill -KILL "$scan"
sort "$CASE/scan"

#= svscan: the supervise of a log runs in the service directory
sleeper sv
sleeper sv/log
scanned
up sv
up sv/log
for child in $(cat "/proc/$scan/task/$scan/children"); do
    echo "$(tr '\0' ' ' <"/proc/$child/cmdline") in $(readlink "/proc/$child/cwd")"
done | sort
up sv
readlink "/proc/$pid/cwd"
up sv/log
readlink "/proc/$pid/cwd"
kill -KILL "$scan"

#= svscan: descriptors of a service and its log
for dir in sv sv/log plain; do service $dir <<'END'
directory=$PWD
cd "/proc/$$/fd" || exit
set -- ?
for fd; do [ -L "$fd" ] && seen="$seen$fd $(readlink "$fd")
"; done
echo "$seen" | sed 's/:\[[0-9]*\]//' >"$directory/fds.new"
mv "$directory/fds.new" "$directory/fds"
exec sleep 1000
END
done
perl -MPOSIX -e 'POSIX::close($_) for 3..1023; exec @ARGV' svscan </dev/null >out 2>&1 &
scan=$!
for dir in sv sv/log plain; do wait_until test -e $dir/fds; up $dir; done
up sv
writer=$(readlink "/proc/$pid/fd/1")
up sv/log
[ "$writer" = "$(readlink "/proc/$pid/fd/0")" ] && echo one pipe
kill -KILL $scan

#= svscan: closed descriptors stay closed
service plain <<'END'
directory=$PWD
cd "/proc/$$/fd" || exit
set -- ?
for fd; do [ -L "$fd" ] && seen="$seen$fd "; done
echo "$seen" >"$directory/fds.new"
mv "$directory/fds.new" "$directory/fds"
exec sleep 1000
END
perl -MPOSIX -e 'POSIX::close($_) for 3..1023; exec @ARGV' sh -c 'exec svscan <&- >&- 2>&-' &
wait_until test -e plain/fds
up plain
kill -KILL $!

#= svscan: log is a plain file
sleeper sv
echo x >sv/log
scanned
up sv
wait_until file_has "$CASE/scan" log
kill -KILL "$scan"
sort -u "$CASE/scan"

#= svscan: log cannot be looked at
mkdir sv
sleeper good
ln -s log sv/log
scanned
up good
wait_until file_has "$CASE/scan" log
children "$scan"
kill -KILL "$scan"
sort -u "$CASE/scan"

#= svscan: a dangling log is no log
sleeper sv
ln -s nowhere sv/log
scanned
up sv
children "$scan"
kill -KILL "$scan"
cat "$CASE/scan"

#= svscan: log is a link to a directory
sleeper sv
sleeper elsewhere
mkdir scan
mv sv scan/sv
ln -s ../../elsewhere scan/sv/log
scanned scan
up scan/sv/log
readlink "/proc/$pid/cwd"
children "$scan"
kill -KILL "$scan"

#= svscan: a log without run
sleeper sv
mkdir sv/log
scanned
up sv
wait_until file_has "$CASE/scan" 'start log/run'
kill -KILL "$scan"
svc -dx sv/log
wait_until says sv/log 'not running'
sort -u "$CASE/scan"

#= svscan: both have a down file
sleeper sv
sleeper sv/log
touch sv/down sv/log/down
scanned
wait_until says sv ': down'
wait_until says sv/log ': down'
outcome stat_of sv sv/log
svc -o sv/log
up sv/log
outcome stat_of sv sv/log
kill -KILL "$scan"

#= svscan: a directory without run
mkdir sv
scanned
wait_until file_has "$CASE/scan" run
kill -KILL "$scan"
svc -dx sv
wait_until says sv 'not running'
sort -u "$CASE/scan"

#= svscan: supervise is not in PATH
mkdir plain logged logged/log nothing
service plain </dev/null
PATH=$PWD/nothing "$(command -v svscan)" >"$CASE/scan" 2>&1 &
wait_until file_has "$CASE/scan" plain
wait_until file_has "$CASE/scan" logged/log
wait_until file_has "$CASE/scan" nothing
kill -KILL $!
sort -u "$CASE/scan"

#= svscan: another supervise that comes first in PATH is used
mkdir bin scan scan/sv
printf '#!/bin/sh\necho "$0 $*" >../../called.new\nmv ../../called.new ../../called\nexec sleep 1000\n' | sed 's,\.\./\.\./,../,g' >bin/supervise
chmod 755 bin/supervise
service scan/sv </dev/null
PATH=$PWD/bin:$PATH svscan scan 2>&1 &
wait_until test -e called
kill -KILL $!

#= svscan: the environment reaches the service
service sv <<'END'
env | grep -v PWD | sort >env.new
mv env.new env
exec sleep 1000
END
env -i PATH="$PATH" A=1 B='x y' svscan &
wait_until test -e sv/env
up sv
kill -KILL $!

#= svscan: the umask reaches the service
service sv <<'END'
umask >state.new
mv state.new state
exec sleep 1000
END
umask 077
svscan &
wait_until test -e sv/state
up sv
kill -KILL $!

#= svscan: the service is in the process group and session of svscan
service sv <<'END'
cut -d ' ' -f 5,6 "/proc/$$/stat" >ids.new
mv ids.new ids
exec sleep 1000
END
scanned
wait_until test -e sv/ids
up sv
cut -d ' ' -f 5,6 "/proc/$scan/stat" | cmp - sv/ids && echo same group and session
kill -KILL "$scan"
rm sv/ids

#= svscan: a supervise that exits is started again
sleeper sv
touch sv/down
scanned
wait_until svok sv
first=$(cat "/proc/$scan/task/$scan/children")
rm sv/down
svc -x sv
# The original may start the next one at once, so nobody need see that there was none.
another() { [ "$first" != "$(cat "/proc/$scan/task/$scan/children")" ]; }
wait_until another
up sv
children "$scan"
another && echo another supervise
kill -KILL "$scan"

#= svscan: a logged supervise that exits is started again, with the same pipe
service sv <<'END'
echo "line $(wc -l <runs)"
echo run >>runs
exec sleep 1000
END
: >sv/runs
service sv/log <<'END'
exec cat >>../../output
END
scanned
wait_until lines output 1
wait_until lines sv/runs 1
svc -dx sv sv/log
wait_until lines output 2
wait_until lines sv/runs 2
up sv/log
svc -dx sv/log
wait_until gone "$pid"
svc -t sv
wait_until lines sv/runs 3
wait_until lines output 3
up sv
up sv/log
children "$scan"
kill -KILL "$scan"
cat "$CASE/scan"

#= svscan: what is written while the logger is down is not lost
service sv <<'END'
while read -r line; do echo "$line"; echo "$line" >>copied; done <../in
exec sleep 1000
END
service sv/log <<'END'
exec cat >>../../output
END
mkfifo in
scanned
exec 3>in
echo one >&3
wait_until lines output 1
svc -d sv/log
wait_until says sv/log ': down'
echo two >&3
echo three >&3
wait_until lines sv/copied 3
svc -d sv
wait_until says sv ': down'
exec 3>&-
svc -u sv/log
wait_until lines output 3
up sv/log
kill -KILL "$scan"

#= svscan: a new directory is noticed
sleeper one
scanned
up one
sleeper .two
mv .two two
up two
children "$scan"
kill -KILL "$scan"
cat "$CASE/scan"

#= svscan: a service whose directory vanishes runs on; one that is renamed keeps its supervise
sleeper one
sleeper two
scanned
up one
up two
second=$pid
mv one .one
mv two three
sleeper .four
mv .four four
up four
outcome stat_of .one three
[ "$(pid_of three)" = "$second" ] && echo same process
children "$scan"
svc -dx .one
wait_until says .one 'not running'
kill -KILL "$scan"
cat "$CASE/scan"

#= svscan: out of descriptors for pipes; unlogged services start all the same
for n in 1 2 3 4 5 6 7 8; do
    mkdir -p "logged$n/log"
    sleeper "logged$n"
    sleeper "logged$n/log"
done
sleeper plain
perl -MPOSIX -e 'POSIX::close($_) for 3..1023; exec @ARGV' sh -c 'ulimit -n 14; exec svscan' >"$CASE/scan" 2>&1 &
wait_until file_has "$CASE/scan" pipe
up plain
kill -KILL $!
sed 's/logged[1-8]/NAME/' "$CASE/scan" | sort -u
rm -r logged*

#= svscan: fifty services
for n in $(seq 50); do sleeper "sv$n"; done
scanned
for n in $(seq 50); do wait_until says "sv$n" ': up'; done
children "$scan"
kill -KILL "$scan"
cat "$CASE/scan"
svc -dx sv*
for n in $(seq 50); do wait_until says "sv$n" 'not running'; done
rm -r sv*

#= svscan: killed, it leaves supervise and service alone
sleeper sv
scanned
up sv
kill -KILL "$scan"
wait "$scan" 2>/dev/null
svok sv && echo supervise runs
gone "$pid" || echo service runs
svc -dx sv
wait_until says sv 'not running'

#= svscan: what supervises have from callers in odd states
mkdir -p bin scan/sv/log
waiter scan/sv/run
waiter scan/sv/log/run
waiter bin/supervise
PATH=$PWD/bin:$PATH
scanned_from umask=027 nice=5
oddly_but_for_signals scanned_from

#= svscan: signals that its caller has blocked or ignored
#! differs 1.2
mkdir -p bin scan/sv
waiter scan/sv/run
waiter bin/supervise
PATH=$PWD/bin:$PATH
odd ignore=HUP,INT,QUIT,PIPE,CHLD,TERM,XFSZ block=HUP,PIPE,CHLD,ALRM,TERM,USR1,WINCH -- svscan scan &
wait_until child_sleeps $! supervise
signals_in "/proc/$(child $! supervise)/status"
kill -KILL $! "$(child $! supervise)"
rm -r bin scan
#| exit 0

#= svscan: what supervises have from callers that closed their standard descriptors
mkdir -p bin scan/sv/log
waiter scan/sv/run
waiter scan/sv/log/run
waiter bin/supervise
PATH=$PWD/bin:$PATH
for closed in 0 1 2 0,1 1,2 0,1,2; do scanned_from close=$closed open=4:/dev/null; done
