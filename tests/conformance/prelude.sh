# shellcheck shell=sh disable=SC2034,SC2013,SC3045 # variables are for the cases; pids are words; dash has ulimit -S -c
# The words that the cases are written in. Sourced by dash before each case, which runs in an empty directory of its
# own, with $CASE a second directory beside it for what must not show up in the tree of files.

umask 022
ulimit -S -c 0

# try CMD ARG...: shows the command, its stdout, its stderr and its exit code; $code keeps the code.
try() {
    printf '$ %s\n' "$*"
    outcome "$@"
}

# outcome CMD ARG...: the same without showing the command (long or with masked arguments).
outcome() {
    code=0
    "$@" >"$CASE/1" 2>"$CASE/2" || code=$?
    show 1 "$CASE/1"
    show 2 "$CASE/2"
    echo "= $code"
}

# show MARK FILE: the lines of a file, each behind a mark; says when the last one has no newline.
show() {
    [ -s "$2" ] || return 0
    sed "s/^/$1> /" "$2"
    [ -z "$(tail -c 1 "$2" | tr '\000' '0')" ] || echo '<no newline>'
}

# wait_until CMD ARG...: polls, silently, until the command succeeds, less often after a while: what takes longer is
# counted in seconds. Ends the case after some minutes.
wait_until() {
    rounds=0
    until "$@" >/dev/null 2>&1; do
        rounds=$((rounds + 1))
        if [ "$rounds" -gt 1000 ]; then
            echo "*** waited in vain: $*"
            exit 99
        fi
        if [ "$rounds" -lt 25 ]; then sleep 0.02; else sleep 0.2; fi
    done
}

# Conditions for wait_until.
file_has() { grep -q -e "$2" "$1"; }            # file_has FILE REGEX
lines() { [ "$(wc -l <"$1")" -ge "$2" ]; }      # lines FILE COUNT
archives() { [ "$(count_archives "$1")" -ge "$2" ]; } # archives LOGDIR COUNT
says() { stat_of "$1" | grep -q -e "$2"; }      # says SERVICE REGEX: svstat's line with masks
status_is() { [ "$(status "$1")" = "$1: $2" ]; } # status_is SERVICE TEXT
gone() {                                        # gone PID: ended, perhaps not yet reaped
    in_state "$1" Z || [ ! -e "/proc/$1/stat" ]
}
gone_when_told() { svc -x sv; gone "$1"; }      # gone_when_told PID: supervise of sv has ended, if need be by command
sleeping() { has_stat "$1" "*($2) S *"; }       # sleeping PID NAME: blocked, in a read for instance
# settled PID NAME: blocked, and no signal waits to be seen; so it has dealt with the last one.
settled() { grep -q '^ShdPnd:.0*$' "/proc/$1/status" && sleeping "$1" "$2"; }
# obeyed DIR PID: nothing is left in the fifo of that supervise, and it waits. svc returns before that: what follows a
# command needs this, or a condition that shows the effect.
obeyed() { ! unread "$1" && settled "$2" supervise; }
unread() { # unread DIR: letters are left in its fifo
    perl -MFcntl -e 'sysopen my $f, "$ARGV[0]/supervise/control", O_RDONLY | O_NONBLOCK or exit 1;
        vec(my $set, fileno $f, 1) = 1; exit !select $set, undef, undef, 0' "$1"
}
# listens DIR: a supervise reads its control; svc without letters only opens that.
listens() { [ -z "$(svc "$1" 2>&1)" ]; }
in_state() { has_stat "$1" "*) $2 *"; }         # in_state PID LETTER
has_stat() { # has_stat PID PATTERN; no process is started for it, as it is asked most often
    read -r stat_line 2>/dev/null <"/proc/$1/stat" || return
    # shellcheck disable=SC2254 # it is a pattern
    case $stat_line in $2) ;; *) false ;; esac
}

# end CODE-OF PID: waits for a child of this shell and shows its exit code.
end() {
    ended=0
    # The shell may or may not say here how it ended.
    wait "$2" 2>/dev/null || ended=$?
    echo "$1 = $ended"
}

# service DIR: makes a service whose run script comes from stdin.
service() {
    mkdir -p "$1"
    { echo '#!/bin/sh'; cat; } >"$1/run"
    chmod 755 "$1/run"
}

# sleeper DIR: makes a service that does nothing for ever.
sleeper() { service "$1" <<'END'
exec sleep 1000
END
}

# supervised DIR: starts supervise and waits until it runs; $sv is its pid, $CASE/sv its stderr.
supervised() {
    # A shell ignores INT and QUIT in background processes, and the service would too.
    env --default-signal=INT,QUIT supervise "$1" 2>>"$CASE/sv" &
    sv=$!
    wait_until svok "$1"
}

# scanned ARG...: starts svscan; $scan is its pid, $CASE/scan what comes from it and below.
scanned() {
    env --default-signal=INT,QUIT svscan "$@" >"$CASE/scan" 2>&1 &
    scan=$!
}

# logging ARG...: starts multilog with what is written to descriptor 3 as its input; $log is its pid, $CASE/log its stderr.
logging() {
    [ -p "$CASE/in" ] || mkfifo "$CASE/in"
    # Open for reading too, so that what multilog leaves stays in the fifo.
    exec 3<>"$CASE/in"
    multilog "$@" <"$CASE/in" 3<&- 2>>"$CASE/log" &
    log=$!
}

# logged TEXT: writes to that multilog.
logged() { printf '%b' "$1" >&3; }

# send SIGNAL: to that multilog, once it waits for input: the original may miss a signal that comes just before.
send() {
    wait_until settled "$log" multilog
    kill "-$1" "$log"
}

# up DIR: waits until the service is up and its run script has really been started (exec'd).
up() {
    wait_until says "$1" '^[^:]*: up '
    pid=$(pid_of "$1")
    wait_until execed "$pid"
}
# asleep DIR: waits until a sleeper is up and has become sleep, so that all facts about it are final.
asleep() { wait_until set_asleep "$1"; }
set_asleep() { pid=$(pid_of "$1") && [ -n "$pid" ] && sleeping "$pid" sleep; }
# The child of fork looks like supervise until it has exec'd.
execed() { [ "$(head -c 9 "/proc/$1/cmdline")" != supervise ]; }

pid_of() { svstat "$1" | sed -n 's/.*(pid \([0-9]*\)).*/\1/p'; }

# stamp DIR: the 12 bytes of the time, to be compared.
stamp() { od -An -v -tx1 -N 12 "$1/supervise/status" | tr -d ' \n'; }

# children PID: the command lines of its children, sorted, one a line; zombies have none.
children() {
    for child in $(cat "/proc/$1/task/$1/children"); do
        tr '\000\n' ' _' <"/proc/$child/cmdline"
        echo
    done | sed '/^$/d' | sort
}

# received FD: what one read from a fifo gives.
received() { echo "received: $(dd bs=64 count=1 <&"$1" 2>/dev/null)"; }

# stat_of DIR...: svstat with pids and seconds masked.
stat_of() { svstat "$@" | sed 's/(pid [0-9]*)/(pid N)/; s/ [0-9][0-9]* seconds/ T seconds/'; }

# status DIR...: the 18 bytes, with a stamp of now and a pid masked.
status() {
    for status_dir; do
        # shellcheck disable=SC2046 # the words of od are numbers
        set -- $(od -An -v -tu1 "$status_dir/supervise/status")
        if [ $# != 18 ]; then
            echo "$status_dir: $# bytes"
            continue
        fi
        status_age=$((($5 << 24) + ($6 << 16) + ($7 << 8) + $8 - 10 - $(date +%s)))
        status_stamp=now
        [ "$1.$2.$3.$4" = 64.0.0.0 ] && [ "$status_age" -gt -3600 ] && [ "$status_age" -le 1 ] || status_stamp=odd
        shift 12
        status_pid=0
        [ "$1.$2.$3.$4" = 0.0.0.0 ] || status_pid=N
        printf '%s: stamp %s pid %s paused %02x want %02x\n' "$status_dir" "$status_stamp" "$status_pid" "$5" "$6"
    done
}

# fake_service DIR: a directory that looks as if supervise ran there; the record comes from fake_status.
fake_service() {
    mkdir -p "$1/supervise"
    mkfifo "$1/supervise/ok"
    # Opened for reading and writing: never blocks, and stays open as long as the case runs.
    exec 9<>"$1/supervise/ok"
}

# fake_status DIR AGE PID PAUSED WANT: writes a record; PAUSED and WANT are octal for printf, AGE in seconds.
fake_status() {
    fake_seconds=$(($(date +%s) + 10 - $2))
    {
        printf '\100\000\000\000'
        for shift_by in 24 16 8 0; do byte $((fake_seconds >> shift_by)); done
        printf '\000\000\000\000'
        for shift_by in 0 8 16 24; do byte $(($3 >> shift_by)); done
        # shellcheck disable=SC2059 # octal numbers, given by the case
        printf "\\$4\\$5"
    } >"$1/supervise/status"
}
# shellcheck disable=SC2059 # the format is the byte
byte() { printf "\\$(printf %03o $(($1 & 255)))"; }

count_archives() {
    set -- "$1"/@*
    [ -e "$1" ] || shift
    echo $#
}

# filler COUNT LENGTH: numbered lines of that many bytes, newline not counted.
filler() { awk -v n="$1" -v len="$2" 'BEGIN {
    for (i = 1; i <= n; i++) { s = sprintf("%07d ", i); while (length(s) < len) s = s "abcdefghijklmnopqrstuvwxyz"
    print substr(s, 1, len) } }'; }

# bytes COUNT [CHAR]: one piece of text without newline.
bytes() { awk -v n="$1" -v c="${2:-x}" 'BEGIN { while (n-- > 0) printf "%s", c }'; }

# unprivileged CMD ARG...: as nobody (only root can).
unprivileged() { setpriv --reuid 65534 --regid 65534 --clear-groups -- "$@"; }

# Everything a process has from those who started it
# odd.py makes the caller, facts.pl shows the process; what they know is written there.
words=${1%/*}

# odd STATE... -- CMD ARG...: becomes CMD in an odd state; for the background, and for subshells.
odd() { exec /usr/bin/python3 -ISB "$words/odd.py" "$@"; }

# facts PID: its arguments, environment, descriptors, signals, ids, limits and so on.
facts() { perl "$words/facts.pl" "$1"; }

# signals_in FILE: the signals that are blocked and ignored in what is, or was, in a /proc/PID/status, as bits in hexadecimal, if
# there are any. 32 and 33, which the C library keeps to itself, do not count.
signals_in() {
    perl -ne 'next unless /^(Sig(?:Blk|Ign)):\s*(\w+)/; my $set = hex($2) & ~(3 << 31); printf "%s %x\n", $1, $set if $set' "$1" |
        sort -u
}

# seen STATE... -- CMD ARG...: a caller in an odd state starts CMD ARG... sleep 1000: shows all facts of that sleep.
seen() {
    printf '$ %s\n' "$*"
    /usr/bin/python3 -ISB "$words/odd.py" "$@" /bin/sleep 1000 &
    wait_until found_asleep "$!"
    facts "$asleep"
    kill -KILL "$!" "$asleep" 2>/dev/null
}
# found_asleep PID: it or its child sleeps, and $asleep is the one that does; or it has ended.
found_asleep() {
    for asleep in "$1" $(cat "/proc/$1/task/$1/children"); do
        ! sleeping "$asleep" sleep || return 0
    done
    gone "$1"
}

# seen_environment STATE... -- CMD ARG...: only the environment of that sleep.
seen_environment() { seen "$@" | grep '^\$\|^environ'; }

# oddly WORD: calls WORD, one of these, with one oddity after the other.
oddly() {
    "$1" ignore=HUP,INT,QUIT,PIPE,CHLD,TERM,XFSZ block=HUP,PIPE,CHLD,ALRM,TERM,USR1,WINCH umask=027 nice=5
    oddly_but_for_signals "$1"
}
# oddly_but_for_signals WORD: the same without signals that are blocked or ignored.
oddly_but_for_signals() {
    "$1" open=5:/dev/zero open=17:/dev/null pipe=8,9 group=own
    "$1" env="CASE=$CASE" env="PATH=$PATH" env=A=1 env=B=2 env=A=3 env=NOEQ env==x env= env=UID=7 env=UID env=GID=8 \
        env=UID=9 env=C= env="$(printf 'odd\377=new\nline')" env=PATH=/bin
}

# seen_oddly CMD ARG...: the same from callers that are odd in one way each.
seen_oddly() {
    seen_command=$*
    oddly seen_from
}
# shellcheck disable=SC2086 # words
seen_from() { seen "$@" -- $seen_command; }

# seen_closed CMD ARG...: the same from callers that closed some of 0, 1 and 2.
seen_closed() { for closed in 0 1 2 0,1 1,2 0,1,2; do seen close=$closed open=4:/dev/null -- "$@"; done; }

# served STATE...: supervise is started in an odd state: shows all facts of its service.
served() {
    printf '$ %s\n' "$*"
    mkdir -p sv
    waiter sv/run
    /usr/bin/python3 -ISB "$words/odd.py" "$@" -- supervise sv &
    wait_until says sv '^[^:]*: up '
    pid=$(pid_of sv)
    wait_until sleeping "$pid" run
    facts "$pid"
    kill -KILL $! "$pid"
    rm -r sv
}

# scanned_from STATE...: svscan is started in an odd state: shows all facts of its supervises, which are waiters.
scanned_from() {
    printf '$ %s\n' "$*"
    /usr/bin/python3 -ISB "$words/odd.py" "$@" -- svscan scan &
    wait_until two_asleep $!
    for child in $(cat "/proc/$!/task/$!/children"); do facts "$child"; done
    # shellcheck disable=SC2046 # pids
    kill -KILL $! $(cat "/proc/$!/task/$!/children")
}
two_asleep() { # two_asleep SCAN
    count=0
    for child in $(cat "/proc/$1/task/$1/children"); do ! sleeping "$child" supervise || count=$((count + 1)); done
    [ "$count" = 2 ]
}

# titled ARG...: starts readproctitle with what is written to descriptor 3 as its input; $title is its pid.
titled() {
    [ -p "$CASE/in" ] || mkfifo "$CASE/in"
    readproctitle "$@" <"$CASE/in" 2>&1 &
    title=$!
    exec 3>"$CASE/in"
}

# title [TEXT]: writes to that readproctitle, and shows its arguments as ps would, a line behind each.
title() {
    printf '%b' "${1-}" >&3
    wait_until settled "$title" readproctitle
    title_of "$title"
}
title_of() {
    perl -0777 -pe 's/([\\\n])/sprintf "\\x%02x", ord $1/ge; s/\0/|/g' "/proc/$1/cmdline"
    echo
}

# limited ARG...: the limits that a child of softlimit ARG... has other than we. $hard may be an argument of prlimit,
# $limited_as a word before that.
limited() {
    printf '$ %s%ssoftlimit %s\n' "${limited_as:+$limited_as }" "${hard:+prlimit $hard }" "$*"
    code=0
    cat /proc/self/limits >"$CASE/limits"
    # shellcheck disable=SC2086 # words or nothing
    ${limited_as-} ${hard:+prlimit $hard} softlimit "$@" cat /proc/self/limits >"$CASE/1" || code=$?
    grep -vxFf "$CASE/limits" "$CASE/1"
    echo "= $code"
}

# child PID NAME: the pid of its child of that name.
child() {
    for child in $(cat "/proc/$1/task/$1/children"); do
        ! grep -q "^[0-9]* ($2) " "/proc/$child/stat" || echo "$child"
    done
}
child_sleeps() { # child_sleeps PID NAME: it has a child of that name, which waits
    waiting=$(child "$@") && [ -n "$waiting" ] && sleeping "$waiting" "$2"
}
child_is_there() { [ -n "$(child "$@")" ]; }
# set_kid PID: $kid is its child.
set_kid() { kid=$(cat "/proc/$1/task/$1/children") && [ -n "$kid" ] && kid=${kid% }; }
any_up() { stat_of "$@" | grep -q ': up '; } # any_up SERVICE...

# waiter FILE: makes a program that waits for ever; it adds nothing to what facts shows but descriptor 10.
waiter() {
    [ -p "$CASE/never" ] || mkfifo "$CASE/never"
    printf '#!/bin/sh\nread -r word <%s\n' "$CASE/never" >"$1"
    chmod 755 "$1"
}

# boxed SCRIPT: runs a script, with these words, where the root directory is its own: /command has the programs,
# /etc/service is empty, /service does not exist. When it ends, all its processes do. Needs `#! mounts`.
boxed() {
    box=$CASE/box
    mkdir -p "$box/command" "$box/etc/service" "$box/words" "$box$PWD"
    cp "$words/prelude.sh" "$words/facts.pl" "$words/odd.py" "$box/words"
    # shellcheck disable=SC2016 # expanded by the inner shells
    unshare --mount --pid --fork --kill-child --mount-proc sh -c '
        for place in bin lib lib32 lib64 libx32 sbin usr dev proc; do
            if [ -L "/$place" ]; then
                cp -P "/$place" "$1"
            elif [ -d "/$place" ]; then
                mkdir "$1/$place" && mount --rbind "/$place" "$1/$place"
            fi
        done
        for program in svscanboot svscan supervise svc svok svstat readproctitle; do
            : >"$1/command/$program"
            mount --bind "${PATH%%:*}/$program" "$1/command/$program"
        done
        mount --bind "$CASE" "$1$CASE" &&
            PATH=/command:/usr/bin:/bin exec /usr/sbin/chroot "$1" /bin/sh -c '\''. "$1" && eval "$2"'\'' sh /words/prelude.sh "$2"
    ' sh "$box" "$1"
}
