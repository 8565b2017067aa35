# shellcheck shell=sh disable=SC2034,SC2013 # variables are for the cases; pids are words
# The words that the cases are written in. Sourced by dash before each case, which runs in an empty directory of its
# own, with $CASE a second directory beside it for what must not show up in the tree of files.

umask 022

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

# wait_until CMD ARG...: polls, silently, until the command succeeds; ends the case after 20 s.
wait_until() {
    rounds=0
    until "$@" >/dev/null 2>&1; do
        rounds=$((rounds + 1))
        if [ "$rounds" -gt 800 ]; then
            echo "*** waited in vain: $*"
            exit 99
        fi
        sleep 0.02
    done
}

# Conditions for wait_until.
file_has() { grep -q -e "$2" "$1"; }            # file_has FILE REGEX
lines() { [ "$(wc -l <"$1")" -ge "$2" ]; }      # lines FILE COUNT
archives() { [ "$(count_archives "$1")" -ge "$2" ]; } # archives LOGDIR COUNT
says() { stat_of "$1" | grep -q -e "$2"; }      # says SERVICE REGEX: svstat's line with masks
status_is() { [ "$(status "$1")" = "$1: $2" ]; } # status_is SERVICE TEXT
gone() {                                        # gone PID: ended, perhaps not yet reaped
    [ ! -e "/proc/$1/stat" ] || grep -qs '^[0-9]* ([^)]*) Z' "/proc/$1/stat" || [ ! -e "/proc/$1/stat" ]
}
sleeping() { grep -q "^[0-9]* ($2) S" "/proc/$1/stat"; } # sleeping PID NAME: blocked, in a read for instance
# settled PID NAME: blocked, and no signal waits to be seen; so it has dealt with the last one.
settled() { grep -q '^ShdPnd:.0*$' "/proc/$1/status" && sleeping "$1" "$2"; }
in_state() { grep -q "^[0-9]* ([^)]*) $2" "/proc/$1/stat"; } # in_state PID LETTER

# end CODE-OF PID: waits for a child of this shell and shows its exit code.
end() {
    ended=0
    wait "$2" || ended=$?
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
