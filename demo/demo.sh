#!/bin/sh
# demo.sh BINDIR: a tour of the programs in BINDIR that ends within half a minute.
# It needs no root and touches nothing outside a scratch directory, which it
# removes. KEEP=1 demo.sh BINDIR sets up the services and leaves them to you.
# Without BINDIR it only says what it needs and is missing.
set -eu

# ---- What it needs --------------------------------------------------------

# shellcheck source=demo/stage.sh
. "$(dirname "$0")/stage.sh"

python3 -c 'import http.server' 2>/dev/null ||
    stop 'the demonstration uses the web server that comes with Python, and there is' \
        'no working python3 here. Install it with "apt-get install python3" (Debian,' \
        'Ubuntu), "dnf install python3" (Fedora) or "apk add python3" (Alpine).'
[ $# -gt 0 ] || exit 0
BINDIR=$(cd "$1" && pwd) || exit 1
for program in svscan supervise svc svok svstat multilog tai64nlocal; do
    [ -x "$BINDIR/$program" ] || stop "$BINDIR/$program is missing: is everything built?"
done
PATH=$BINDIR:$PATH

# The page is fetched from this machine: never by way of a proxy.
unset http_proxy HTTP_PROXY all_proxy ALL_PROXY
umask 022

# ---- The stage -------------------------------------------------------------

# svscan first, so that nothing is started again; then ask; then insist.
end_processes() {
    turns=0
    while [ $turns -lt 120 ]; do
        # $! is svscan, also if it was started only this moment.
        if is_child "$!"; then kill "$!" 2>/dev/null; fi
        for dir in "$scratch"/service/* "$scratch"/service/*/log "$scratch"/w* "$scratch"/w*/log; do
            if [ -p "$dir/supervise/control" ]; then
                svc -dx "$dir" 2>/dev/null
            fi
        done
        turns=$((turns + 1))
        if [ $turns -gt 100 ]; then
            # shellcheck disable=SC2046 # one word for each process
            kill -9 $(processes) 2>/dev/null
        fi
        sleep 0.1
        if no_process; then break; fi
    done
}

describe() {
    echo '--- svstat says:'
    svstat service/* service/*/log
    echo '--- svscan and what it started said:'
    tail -n 20 svscan.log
    for log in service/*/log/main/current; do
        [ -f "$log" ] || continue
        echo "--- the end of $log:"
        tail -n 5 "$log"
    done
}

set_stage

# ---- What it waits for ----------------------------------------------------

pid_of() {
    svstat "$1" | sed -n 's/.*: up (pid \([0-9]*\)).*/\1/p'
}

is_up() {
    [ -n "$(pid_of "$1")" ]
}

is_down() {
    case $(svstat "$1") in *': down '*) ;; *) return 1 ;; esac
}

# has_new_pid DIR OLD
has_new_pid() {
    pid=$(pid_of "$1")
    [ -n "$pid" ] && [ "$pid" != "$2" ]
}

unsupervised() {
    for dir; do
        if svok "$dir"; then return 1; fi
    done
}

everything_is_up() {
    for dir in service/web service/web/log service/worker service/worker/log; do
        is_up "$dir" || return 1
    done
}

# Connects only, so that the log shows just the pages that we fetch.
web_answers() {
    python3 -c 'import socket; socket.create_connection(("127.0.0.1", '"$port"'), 5)' 2>/dev/null
}

worker_crashed_twice() {
    log=service/worker/log/main/current
    [ -f $log ] && [ "$(grep -c failed $log)" -ge 2 ]
}

svscan_runs() {
    processes | grep -qx "$svscan"
}

# ---- The two services, ready but not yet in service/ ----------------------

mkdir service new new/web new/web/log new/web/site new/worker new/worker/log
: >svscan.log

# Not from the range that the system hands out by itself: the server must get
# the same port again each time it is started.
port=$(python3 -c '
import random, socket
while True:
    port = random.randint(20000, 29999)
    try:
        socket.socket().bind(("127.0.0.1", port))
    except OSError:
        continue
    print(port)
    break')

echo 'Hello from a supervised web server.' >new/web/site/index.html
cat >new/web/run <<END
#!/bin/sh
exec 2>&1
cd site
exec python3 -u -m http.server --bind 127.0.0.1 $port
END
cat >new/worker/run <<'END'
#!/bin/sh
exec 2>&1
exec python3 -u worker.py
END
cat >new/worker/worker.py <<'END'
import sys, time
print("worker: started a job")
time.sleep(2)
sys.exit("worker: the job failed, giving up")
END
cat >new/web/log/run <<'END'
#!/bin/sh
exec multilog t ./main
END
cp new/web/log/run new/worker/log/run
chmod +x new/*/run new/*/log/run

printf '#!/bin/sh\n' >try
chmod +x try
./try 2>/dev/null || stop "programs in $scratch cannot be run (mounted noexec?)." \
    'Set TMPDIR to a directory where they can.'

start_svscan() {
    anything_may_run=yes
    SERVICEDIR_DEMO=$scratch svscan service >svscan.log 2>&1 &
    svscan=$!
    wait_for 'svscan to start' svscan_runs
}

# ---- KEEP=1: no tour, the services stay -----------------------------------

case ${KEEP-} in '' | 0) ;; *)
    start_svscan
    mv new/web new/worker service/
    wait_for 'both services and their logs to be up' everything_is_up
    wait_for 'the web server to answer' web_answers
    trap 'printf "\nEnding everything.\n"; exit 0' INT
    cat <<END

Two services are running: web, a web server on http://127.0.0.1:$port/,
and worker, a job that fails every two seconds and is started again.
They are directories in $scratch/service.

Try these in a second terminal, in any order, the first line first:

export PATH="$BINDIR:\$PATH"
svstat $scratch/service/*
svc -d $scratch/service/web
svc -u $scratch/service/web
svc -t $scratch/service/web
tail $scratch/service/web/log/main/current | tai64nlocal
tail -F $scratch/service/worker/log/main/current | tai64nlocal

-d is down, -u is up, -t is terminate (and so restart).
Ctrl-C here ends both services and removes everything.
END
    wait "$svscan" || :
    stop 'svscan has ended; ending the rest.'
    ;;
esac

# ---- The tour -------------------------------------------------------------

say 'servicedir keeps programs running. Each of them has a directory that says how' \
    'to run it. The lines after a $ are what you would type.'

say 'svscan watches a directory, empty as yet, and starts what is put into it.' \
    'At home you start it in the background; on a server it is started at boot.'
show 'svscan service >svscan.log 2>&1 &'
start_svscan

say 'A service is a directory with an executable file "run" that becomes the' \
    'program. This one is a web server:'
type_in 'cat new/web/run'

say 'If there is a directory "log" in it with a "run" too, that one gets what the' \
    'service prints. multilog writes it to files, stamps each line (t) and removes' \
    'the oldest files by itself. The way there is a pipe, into which Python writes' \
    'some kilobytes at a time; -u above has it write each line at once.'
type_in 'cat new/web/log/run'

say 'The second service is a small job that is made to fail after two seconds:'
type_in 'cat new/worker/worker.py'

say 'To start both, move the directories into place. svscan finds them by itself,' \
    'at once.'
type_in 'mv new/web new/worker service/'
wait_for 'both services and their logs to be up' everything_is_up
wait_for 'the web server to answer' web_answers
type_in 'svstat service/web service/web/log service/worker service/worker/log'

say 'The web server does its work. Ask it for a page:'
fetch="curl -s http://127.0.0.1:$port/"
command -v curl >/dev/null ||
    fetch="python3 -c 'from urllib.request import *
print(urlopen(\"http://127.0.0.1:$port/\").read().decode(), end=\"\")'"
type_in "$fetch"

say 'svc sends commands. -d (down) stops a service, and it stays stopped:'
type_in 'svc -d service/web'
wait_for 'service/web to be down' is_down service/web
type_in 'svstat service/web'

say '-u (up) starts it again:'
type_in 'svc -u service/web'
wait_for 'service/web to be up' is_up service/web
type_in 'svstat service/web'

say '-t (terminate) restarts it, for example after a change of its configuration.' \
    'Look at the process id (pid): it is a new process.'
wait_for 'the web server to answer' web_answers
old=$(pid_of service/web)
type_in 'svc -t service/web'
wait_for 'service/web to be up with another pid' has_new_pid service/web "$old"
type_in 'svstat service/web'

say 'If it crashes, nobody has to do anything. Here it is killed the hard way, and' \
    'is back within a second, with a new pid:'
wait_for 'the web server to answer' web_answers
old=$(pid_of service/web)
type_in "kill -9 $old"
wait_for 'service/web to be up with another pid' has_new_pid service/web "$old"
type_in 'svstat service/web'
wait_for 'the web server to answer' web_answers
type_in "$fetch"

say 'Meanwhile the worker has failed and been started again a few times, never more' \
    'than once a second. Its log tells; tai64nlocal makes the time stamps readable:'
wait_for 'the worker to have failed twice' worker_crashed_twice
type_in 'tail -n 5 service/worker/log/main/current | tai64nlocal'
type_in 'svstat service/worker'

say 'The log of the web server went on through all its restarts, and has both pages' \
    'that we asked for:'
type_in "grep GET service/web/log/main/current | tai64nlocal | cut -d ' ' -f 2,8-"

say 'To remove services for good, move them away, so that svscan does not start them' \
    'again; then -d (down) with x (exit) ends each one and what supervises it. First' \
    'the services, then their logs, so that no line is lost:'
type_in 'mv service/web service/worker .'
type_in 'svc -dx web worker'
wait_for 'the services to end' unsupervised web worker
type_in 'svc -dx web/log worker/log'
wait_for 'the logs to end' unsupervised web/log worker/log
type_in 'svstat web worker web/log worker/log'

say 'What remains is svscan itself:'
type_in "kill $svscan"
wait_for 'every process to end' no_process
wait "$svscan" 2>/dev/null || :
anything_may_run=no

say 'That was all. To play with the same two services yourself: make demo KEEP=1'
