# shellcheck shell=sh disable=SC2154,SC2016,SC2012 # variables come from the prelude; some $ are for the child

#= setlock: usage errors
try setlock
try setlock file
try setlock ''
try setlock -n
try setlock -nx file
try setlock --
try setlock -- file
try setlock -
ls -A

#= setlock: options that are none, or there twice
for words in -z -nz -zn -nNxXz -n-x -1 -? -: '-n -z' '-x -nh'; do
    # shellcheck disable=SC2086 # words
    try setlock $words file true
done
try setlock -nnNNxxXX file echo fine
try setlock -z
"${PATH%%:*}/setlock" -z 2>&1

#= setlock: where options end
try setlock -- file echo 1
try setlock -n -- file echo 2
try setlock -n - echo 3
try setlock file -n echo 5
try setlock -n file echo -x 6
try setlock -n '' echo 7
ls -A

#= setlock: a word that begins with two dashes and is no option
#! differs 1.0
try setlock -n --nx file echo 1
rm -f file
#| $ setlock -n --nx file echo 1
#| 2> setlock: unknown option --nx
#| 2> setlock: usage: setlock [ -nNxX ] file program [ arg ... ]
#| = 100
#| exit 0

#= setlock: all options in every order, with a lock that is free
for options in -n -N -x -X -nN -Nn -nx -xn -nX -Xn -xX -Xx -nxX -nXx -NnxX '-n -x' '-x -N -X -n'; do
    # shellcheck disable=SC2086 # words
    try setlock $options file echo fine
done

#= setlock: all options in every order, with a lock that somebody holds
setlock file sleep 1000 &
wait_until sleeping $! sleep
for options in -n -Nn -nx -xn -nX -nxX -nXx -xnX -Xxn -NnXx -nNn '-n -x' '-x -N -n' '-x -n -X'; do
    # shellcheck disable=SC2086 # words
    try setlock $options file echo wrong
done
kill -KILL $!

#= setlock: the last of -n and -N wins, that of one word and that of several
setlock file sleep 1000 &
holder=$!
wait_until sleeping "$holder" sleep
waiters=
for options in '' -N -nN '-n -N' -xN -nXNx '-N --' -nNN; do
    # shellcheck disable=SC2086 # words
    setlock $options file sh -c 'echo line >>lines' &
    waiters="$waiters $!"
done
for waiter in $waiters; do wait_until settled "$waiter" setlock; done
echo "nobody has it: $(ls)"
kill -KILL "$holder"
for waiter in $waiters; do end setlock "$waiter"; done

#= setlock: our lock keeps theirs out, and theirs keeps ours out
for pair in "${PATH%%:*} $OTHER" "$OTHER ${PATH%%:*}"; do
    first=${pair% *}/setlock
    second=${pair#* }/setlock
    "$first" file sleep 1000 &
    holder=$!
    wait_until sleeping "$holder" sleep
    try "$second" -n file echo wrong
    try "$second" -nx file echo wrong
    "$second" file echo got it &
    waiter=$!
    wait_until settled "$waiter" setlock
    kill -KILL "$holder"
    end "$second" "$waiter"
    try "$second" -n file echo free
done

#= setlock: the locks of flock, shared ones too, and of multilog and supervise
flock file sleep 1000 &
wait_until set_kid $!
wait_until sleeping "$kid" sleep
try setlock -n file echo wrong
kill -KILL "$kid" $!
flock -s shared sleep 1000 &
wait_until set_kid $!
wait_until sleeping "$kid" sleep
try setlock -n shared echo wrong
kill -KILL "$kid" $!
setlock file sleep 1000 &
wait_until sleeping $! sleep
flock -n file echo wrong || echo "flock = $?"
flock -sn file echo wrong || echo "flock -s = $?"
kill -KILL $!
logging ./logs
logged 'line\n'
wait_until settled "$log" multilog
try setlock -n logs/lock echo wrong
kill "$log"
end multilog "$log"
try setlock -n logs/lock echo free
sleeper sv
touch sv/down
supervised sv
try setlock -n sv/supervise/lock echo wrong
svc -x sv
end supervise "$sv"

#= setlock: a lock by fcntl is another thing
perl -MFcntl -e 'open F, ">", "file"; $lock = pack "s s x4 q q i x4", F_WRLCK, 0, 0, 0, 0; fcntl(F, F_SETLK, $lock) or die; system "setlock", "-n", "file", "echo", "fine"'

#= setlock: the lock is held as long as somebody has the descriptor
setlock file sh -c 'sleep 1000 & echo $! >pid'
echo $?
pid=$(cat pid)
try setlock -n file echo wrong
kill -KILL "$pid"
wait_until gone "$pid"
try setlock -n file echo free
rm pid

#= setlock: the child can give the lock away
setlock file sh -c 'sleep 1000 3>&- 4>&- 5>&- & echo $! >pid'
pid=$(cat pid)
wait_until sleeping "$pid" sleep
try setlock -n file echo free
kill -KILL "$pid"
rm pid

#= setlock: within itself
try setlock one setlock two setlock -n three echo fine
try setlock one setlock -n one echo wrong
try setlock one setlock -nx one echo wrong

#= setlock: contents and mode of the file are kept, its time too
echo content >file
chmod 640 file
touch -d '2001-02-03 04:05:06 UTC' file
try setlock file sh -c 'cat file; echo more >>file'
touch -d '2001-02-03 04:05:06 UTC' file
try setlock file stat -c '%a %y %s' file
try setlock -n file sh -c 'echo appended >&3'

#= setlock: a new file has mode 0600, or less
try setlock plain true
for mask in 077 0177 0277 0777 0; do
    umask $mask
    outcome setlock "with-$mask" true
done
ls -l | awk '{ print $1 }'
rm -f with-*

#= setlock: what the child has from its caller
seen_oddly setlock file

#= setlock: what the child has from a caller that closed its standard descriptors
seen_closed setlock file

#= setlock: what the child has from a caller without oddities
seen -- setlock -nx file

#= setlock: the descriptor of the lock
setlock file perl -e 'for (0..9) { print "$_ ", readlink("/proc/self/fd/$_") =~ s,.*/,,r, "\n" if -e "/proc/self/fd/$_" }' </dev/null 2>&1 | grep file

#= setlock: the exit code is that of the child
for options in -n -nx -X; do
    try setlock $options file true
    try setlock $options file sh -c 'exit 7'
    try setlock $options file sh -c 'exit 111'
    try setlock $options file sh -c 'kill -KILL $$'
done

#= setlock: files that cannot be opened
mkdir dir
echo x >plain
ln -s loop loop
mkfifo fifo
for options in -X -x -n -nx; do
    for file in dir missing/file plain/file loop '' fifo . / "$(bytes 256)"; do try setlock $options "$file" echo wrong; done
done

#= setlock: a dangling link makes its file, and others are locked through a link
ln -s target dangling
try setlock -n dangling setlock -n target echo wrong
ln target hard
try setlock -n hard setlock -n target echo wrong

#= setlock: a fifo that somebody reads, devices
mkfifo fifo
exec 4<>fifo
try setlock -n fifo setlock -n fifo echo wrong
try setlock /dev/null echo fine
try setlock /dev/full echo fine

#= setlock: a socket in place of the file
perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0); bind(S, pack_sockaddr_un("socket"))'
try setlock socket true
try setlock -x socket true
rm socket

#= setlock: files that may not be opened
#! root
touch file
mkdir -m 700 closed
mkdir open
try unprivileged setlock file true
try unprivileged setlock -x file true
try unprivileged setlock closed/file true
try unprivileged setlock -x closed/file true
try unprivileged setlock open/file true
touch mine
chown 65534 mine
chmod 200 mine
try unprivileged setlock mine echo fine
chmod 400 mine
try unprivileged setlock mine echo wrong

#= setlock: a file system that is read-only
#! mounts
unshare --mount sh -c 'mount --bind /usr /usr && mount -o remount,bind,ro /usr && setlock /usr/no-such-file true'
echo $?

#= setlock: a file that cannot be locked
for error in 37 4 5; do
    for options in -X -n -x -nx; do
        code=0
        (odd fail=flock:$error -- setlock $options file echo wrong) 2>&1 || code=$?
        echo "$error $options = $code"
    done
done

#= setlock: programs that cannot be run, with and without -x
echo x >plain
mkdir dir
for options in -X -x -nx; do
    for program in no-such-program '' ./plain ./dir ./plain/x; do try setlock $options file "$program"; done
done
PATH=$PATH:$PWD/plain:/bin try setlock -x file no-such-program
bin=${PATH%%:*}
PATH=/etc/passwd:/bin try "$bin/setlock" file true

#= setlock: signals while it waits
setlock file sleep 1000 &
holder=$!
wait_until sleeping "$holder" sleep
for name in HUP TERM ALRM; do
    setlock file echo wrong &
    wait_until settled $! setlock
    kill -$name $!
    end $name $!
done
odd ignore=HUP block=TERM -- setlock file echo got it &
wait_until settled $! setlock
kill -HUP $!
kill -STOP $!
wait_until in_state $! T
kill -CONT $!
wait_until settled $! setlock
kill -KILL "$holder"
end setlock $!

#= setlock: messages that are long, and with odd bytes
long=$(bytes 200)/$(bytes 200 y)
try setlock "$long" true
try setlock "$(printf 'no/a\377\nb')" true
setlock file "$(bytes 300 z)" 2>&1
echo $?
