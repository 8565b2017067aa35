# shellcheck shell=sh disable=SC2154 # variables come from the prelude

#= svstat: no operands, no output
try svstat

#= svstat: options are directory names
try svstat -h -- --help -

#= svstat: a word that begins with two dashes is a directory where there is one
mkdir ./--help
try svstat --help .

#= svstat: a word that begins with two dashes and is neither an option nor there
#! differs 1.0
try svstat --help .
#| $ svstat --help .
#| 2> svstat: unknown option --help
#| 2> svstat: usage: svstat [--long|--json] dirs...
#| = 100
#| exit 0

#= svstat: missing directory, empty name, file, loop
echo x >file
ln -s loop loop
try svstat missing '' file loop file/below "$(bytes 256)"

#= svstat: odd names are printed as they are
mkdir 'a b' 'new
line'
try svstat 'a b' 'new
line' "$(printf 'x\377y')" .

#= svstat: supervise was never there
mkdir sv empty empty/supervise
try svstat sv empty

#= svstat: nobody reads ok
mkdir -p sv/supervise
mkfifo sv/supervise/ok
try svstat sv
touch sv/down
try svstat sv

#= svstat: trouble with ok
for kind in dir dangling loop file; do mkdir -p $kind/supervise; done
mkdir dir/supervise/ok notdir
ln -s nowhere dangling/supervise/ok
ln -s ok loop/supervise/ok
echo x >file/supervise/ok
echo x >notdir/supervise
try svstat dir dangling loop file notdir

#= svstat: trouble with down
fake_service sv
fake_status sv 100 0 000 165
ln -s down sv/down
try svstat sv
rm sv/down

#= svstat: a dangling down does not count
fake_service sv
fake_status sv 100 0 000 144
ln -s nowhere sv/down
outcome stat_of sv

#= svstat: down may be anything that exists
fake_service sv
fake_status sv 100 0 000 144
mkdir sv/down
outcome stat_of sv
rmdir sv/down
mkfifo sv/down
outcome stat_of sv

#= svstat: down is looked at before ok
mkdir -p sv/supervise
ln -s down sv/down
try svstat sv

#= svstat: missing, empty, too short, longer status
fake_service sv
try svstat sv
: >sv/supervise/status
try svstat sv
printf '\100\000\000\000\153\000\142\212\043\147\315\374\000\000\000\000\000' >sv/supervise/status
try svstat sv
printf '\100\000\000\000\153\000\142\212\043\147\315\374\000\000\000\000\000\165 and more' >sv/supervise/status
outcome stat_of sv

#= svstat: a directory in place of status
#! differs 1.6
fake_service sv
mkdir sv/supervise/status
try svstat sv
rm -r sv
#| $ svstat sv
#| 1> sv: unable to read supervise/status: is a directory
#| = 0
#| exit 0

#= svstat: a directory in place of status, after a service that is up
#! differs 1.6
fake_service other
fake_status other 100 4711 001 165
exec 8<>other/supervise/ok
fake_service sv
mkdir sv/supervise/status
outcome stat_of other sv
rm -r other sv
#| 1> other: up (pid N) T seconds, paused
#| 1> sv: unable to read supervise/status: is a directory
#| = 0
#| exit 0

#= svstat: trouble with status
fake_service sv
ln -s status sv/supervise/status
try svstat sv
rm sv/supervise/status
ln -s nowhere sv/supervise/status
try svstat sv

#= svstat: a fifo in place of status
fake_service sv
mkfifo sv/supervise/status
try svstat sv

#= svstat: every state, with and without down
fake_service sv
for pid in 0 4711; do
    for paused in 000 001 002 377; do
        for want in 165 144 000 170 377; do
            fake_status sv 100 "$pid" "$paused" "$want"
            rm -f sv/down
            echo "$pid $paused $want: $(stat_of sv)"
            touch sv/down
            echo "$pid $paused $want: $(stat_of sv), with down"
        done
    done
done
rm sv/supervise/status

#= svstat: pids are little-endian and may have all 32 bits
fake_service sv
for pid in 1 255 256 65536 16777216 2147483647 2147483648 4294967295; do
    fake_status sv 100 "$pid" 000 165
    svstat sv | sed 's/[0-9]* seconds/T seconds/'
done
rm sv/supervise/status

#= svstat: seconds are counted from the stamp
fake_service sv
for age in 5000 100000 5000000; do
    fake_status sv "$age" 0 000 165
    seconds=$(svstat sv | sed 's/[^0-9]//g')
    [ "$seconds" -ge "$age" ] && [ "$seconds" -lt $((age + 60)) ] && echo "about $age"
done
rm sv/supervise/status

#= svstat: a stamp in the future counts as 0 seconds
fake_service sv
fake_status sv -5000 0 000 165
try svstat sv
fake_status sv -5000 12 000 165
try svstat sv
rm sv/supervise/status

#= svstat: odd stamps
fake_service sv
{ printf '\377\377\377\377\377\377\377\377\377\377\377\377\000\000\000\000\000\165'; } >sv/supervise/status
try svstat sv
{ printf '\200\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\165'; } >sv/supervise/status
try svstat sv
# Nanoseconds beyond a second.
fake_status sv 1000 0 000 165
{ head -c 8 sv/supervise/status; printf '\377\377\377\377\000\000\000\000\000\165'; } >sv/supervise/new
mv sv/supervise/new sv/supervise/status
outcome stat_of sv
rm sv/supervise/status

#= svstat: a stamp of long ago
fake_service sv
printf '\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\165' >sv/supervise/status
svstat sv | sed 's/[0-9]\{9\} seconds/_________ seconds/'
printf '\100\000\000\000\000\000\000\012\000\000\000\000\000\000\000\000\000\165' >sv/supervise/status
outcome stat_of sv

#= svstat: many directories, trouble in the middle, absolute names
fake_service a
fake_status a 100 0 000 165
fake_service b
fake_status b 100 77 000 165
# The reader of a/supervise/ok is gone now.
exec 8<>a/supervise/ok
stat_of a missing b "$PWD/b" ./a//
rm a/supervise/status b/supervise/status

#= svstat: output of many lines
for i in $(seq 200); do echo "$i"; done | xargs svstat | cksum

#= svstat: closed stdout, full disk
try sh -c 'exec svstat missing >&-'
try sh -c 'exec svstat missing >/dev/full'

#= svstat: unreadable directories
#! root
mkdir closed
chmod 700 closed
fake_service sv
fake_status sv 100 0 000 165
chmod 622 sv/supervise/ok
chmod 600 sv/supervise/status
try unprivileged svstat closed sv
chmod 600 sv/supervise/ok
try unprivileged svstat sv
chmod 700 sv/supervise
try unprivileged svstat sv
rm sv/supervise/status

#= svstat: an unreadable current directory
#! root
mkdir here here/sv
cd here || exit
chmod 711 .
try unprivileged svstat sv
chmod 700 .
try unprivileged svstat sv

#= svstat: the current directory was removed
mkdir here
cd here || exit
rmdir ../here
try svstat sv

#= svstat: up and down of a real service
sleeper sv
supervised sv
up sv
outcome stat_of sv
touch sv/down
outcome stat_of sv
svc -d sv
wait_until says sv ': down'
outcome stat_of sv
rm sv/down
outcome stat_of sv
svc -x sv
wait "$sv"
outcome stat_of sv
