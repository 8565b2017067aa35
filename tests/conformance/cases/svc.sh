# shellcheck shell=sh disable=SC2154 # variables come from the prelude

#= svc: no options and no operands do nothing
try svc
try svc --
try svc -u
try svc -udopchaitkx

#= svc: bad options
try svc -z
try svc -z sv
try svc -uz sv
try svc -U sv
try svc -h -b
try svc -u- sv
try svc -: sv
try svc '-?' sv
try svc -3 sv

#= svc: a bad option under another name
ln -s "$(command -v svc)" other
try ./other -z sv
mkdir dir
ln -s "$(command -v svc)" dir/third
try dir/third -ud -e sv

#= svc: a bad option is found before anything is sent
mkdir -p sv/supervise
mkfifo sv/supervise/control
exec 3<>sv/supervise/control
try svc -u -z sv
try svc -h sv
received 3

#= svc: each letter is one byte
mkdir -p sv/supervise
mkfifo sv/supervise/control
exec 3<>sv/supervise/control
for letter in u d o p c h a i t k x; do
    svc -$letter sv
    echo "$letter: $(dd bs=16 count=1 <&3 2>/dev/null)"
done

#= svc: letters go out in command-line order, duplicates dropped, in one write
mkdir -p sv/supervise
mkfifo sv/supervise/control
exec 3<>sv/supervise/control
sent() {
    svc "$@" sv
    echo "$*: $(dd bs=64 count=1 <&3 2>/dev/null)"
}
sent -dduhkxu -o
sent -udopchaitkx
sent -xktiahcpodu
sent -d -x -d
sent -u -u -u
sent -t -- 
sent -ud -du -x --
sent -dx
sent -xd

#= svc: a word that begins with two dashes and is no option
#! differs 1.0
mkdir -p sv/supervise
mkfifo sv/supervise/control
exec 3<>sv/supervise/control
try svc -u --down sv -d
svc -t sv
received 3
rm -r sv
#| $ svc -u --down sv -d
#| 2> svc: unknown option --down
#| 2> svc options: u up, d down, o once, x exit, p pause, c continue, h hup, a alarm, i interrupt, t term, k kill
#| 2> svc long options: --check, --wait=up, --wait=down, --wait=ready, --for=SECONDS, --timeout=SECONDS
#| = 100
#| received: t
#| exit 0

#= svc: without letters control is opened all the same, but nothing is written
mkdir -p sv/supervise
mkfifo sv/supervise/control
try svc sv
try svc -- sv
mkdir empty
try svc empty
try svc missing

#= svc: -- ends the options, and a lone - is an operand
mkdir -p ./-u/supervise ./-/supervise
mkfifo ./-u/supervise/control ./-/supervise/control
exec 3<>./-u/supervise/control 4<>./-/supervise/control
try svc -d -- -u
received 3
try svc -h - -u
received 3
received 4

#= svc: options after the first directory are directory names
mkdir -p sv/supervise
mkfifo sv/supervise/control
exec 3<>sv/supervise/control
try svc -u sv -d
received 3
try svc sv -d
try svc -t sv -- sv
received 3

#= svc: missing directory, empty name, file, loop, long name
echo x >file
ln -s loop loop
try svc -u missing '' file file/below loop "$(bytes 256)"

#= svc: trouble with control
mkdir none
for kind in empty dir dangling loop; do mkdir -p $kind/supervise; done
mkdir dir/supervise/control notdir
ln -s nowhere dangling/supervise/control
ln -s control loop/supervise/control
echo x >notdir/supervise
try svc -u none empty dir dangling loop notdir

#= svc: nobody reads control
mkdir -p sv/supervise
mkfifo sv/supervise/control
try svc -u sv

#= svc: a regular file in place of control
#! differs 1.4
mkdir -p sv/supervise
echo 0123456789 >sv/supervise/control
try svc -udx sv
#| $ svc -udx sv
#| 2> svc: warning: unable to control sv: supervise/control is not a fifo
#| = 0
#| exit 0
#| dir 0755 sv/
#| dir 0755 sv/supervise/
#| file 0644 11 sv/supervise/control
#|     | 0123456789

#= svc: a device in place of control
#! differs 1.4
mkdir -p full/supervise null/supervise
ln -s /dev/full full/supervise/control
ln -s /dev/null null/supervise/control
try svc -u full null
#| $ svc -u full null
#| 2> svc: warning: unable to control full: supervise/control is not a fifo
#| 2> svc: warning: unable to control null: supervise/control is not a fifo
#| = 0
#| exit 0
#| dir 0755 full/
#| dir 0755 full/supervise/
#| link full/supervise/control -> /dev/full
#| dir 0755 null/
#| dir 0755 null/supervise/
#| link null/supervise/control -> /dev/null

#= svc: trouble with one directory does not stop the others
mkdir -p a/supervise b/supervise
mkfifo a/supervise/control b/supervise/control
exec 3<>a/supervise/control 4<>b/supervise/control
try svc -th missing a none/x b
received 3
received 4

#= svc: relative names are seen from the start directory, also after a change
mkdir -p a/supervise b/supervise
mkfifo a/supervise/control b/supervise/control
exec 3<>a/supervise/control 4<>b/supervise/control
try svc -u a ./b "$PWD/a" a/../b .
received 3
received 4

#= svc: the same directory twice gets the letters twice
mkdir -p sv/supervise
mkfifo sv/supervise/control
exec 3<>sv/supervise/control
try svc -ud sv sv/ 
received 3

#= svc: names with odd bytes are printed as they are
try svc -u 'a b
c' "$(printf 'x\377\t')"

#= svc: a full fifo makes svc wait until there is room
mkdir -p sv/supervise
mkfifo sv/supervise/control
exec 3<>sv/supervise/control
bytes 65536 u >&3
svc -dx sv &
svc=$!
wait_until sleeping $svc svc
head -c 65536 <&3 | cksum
end svc $svc
received 3

#= svc: a reader that goes away while svc waits
mkdir -p sv/supervise
mkfifo sv/supervise/control
exec 3<>sv/supervise/control
bytes 65536 u >&3
svc -d sv 2>err 3>&- &
svc=$!
wait_until sleeping $svc svc
exec 3>&-
end svc $svc

#= svc: no access to the directory or to control
#! root
mkdir closed
chmod 700 closed
mkdir -p sv/supervise file/supervise
mkfifo -m 600 sv/supervise/control
exec 3<>sv/supervise/control
try unprivileged svc -u closed sv
chmod 622 sv/supervise/control
try unprivileged svc -u sv
received 3
chmod 700 sv/supervise
try unprivileged svc -u sv
chmod 644 sv/supervise/control

#= svc: an unreadable current directory
#! root
mkdir here
cd here || exit
chmod 711 .
try unprivileged svc -u sv
try unprivileged svc
try unprivileged svc -z

#= svc: the current directory was removed
mkdir here
cd here || exit
rmdir ../here
try svc -u sv

#= svc: closed descriptors do not matter
mkdir -p sv/supervise
mkfifo sv/supervise/control
exec 3<>sv/supervise/control
try sh -c 'exec svc -d sv <&- >&- 2>&-'
received 3
try sh -c 'exec svc -d missing <&- >&- 2>&-'
try sh -c 'exec svc -z <&- >&- 2>&-'

#= svc: a real supervise that is gone
sleeper sv
supervised sv
svc -dx sv
wait "$sv"
try svc -u sv
