# stage.sh: what the demonstrations share: a scratch directory that is removed with every process in it however they
# end, and how they speak. Who reads it defines end_processes, which ends everything, and describe, which shows what
# there is if something does not happen.
# shellcheck shell=sh

stop() {
    printf 'demo: %s\n' "$@" >&2
    exit 1
}

# ---- How it ends, whatever happens ----------------------------------------

# svscan is started with SERVICEDIR_DEMO=$scratch in its environment and all
# its descendants inherit that: this finds every process of this demo, and no other.
processes() {
    grep -lF "SERVICEDIR_DEMO=$scratch" /proc/[0-9]*/environ 2>/dev/null |
        sed 's,^/proc/\([0-9]*\)/environ$,\1,'
}

no_process() {
    [ -z "$(processes)" ]
}

# Whether a process is a child of this shell: once that has been waited for, its number may be that of any process.
is_child() {
    case $(cat "/proc/$1/stat" 2>/dev/null) in *") "?" $$ "*) ;; *) return 1 ;; esac
}

clean_up() {
    status=$?
    trap - EXIT
    trap '' INT TERM HUP PIPE
    set +eu
    [ -n "$scratch" ] || exit $status
    cd /
    if [ "$anything_may_run" = yes ]; then end_processes; fi
    survivors=$(processes)
    rm -rf "$scratch"
    if [ -n "$survivors" ]; then
        echo "demo: could not end these processes:" "$survivors" >&2
        [ $status -ne 0 ] || status=1
    else
        echo 'No process of this demo is alive any more, and its directory is removed.'
    fi
    exit $status
}

scratch=''
anything_may_run=no

# Makes the scratch directory, goes there, and sees to it that nothing is left in the end.
set_stage() {
    trap clean_up EXIT
    trap 'printf "\nInterrupted: ending everything.\n"; exit 130' INT
    trap 'printf "\nTerminated: ending everything.\n"; exit 143' TERM
    trap 'exec >/dev/null 2>&1; exit 129' HUP
    trap 'exec >/dev/null; exit 141' PIPE
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/servicedir.XXXXXX")
    cd "$scratch" || exit
    scratch=$(pwd -P)
}

# ---- How it speaks --------------------------------------------------------

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR+set}" ]; then
    bold=$(printf '\033[1m') plain=$(printf '\033[0m')
fi

# Explains the next step, one argument a line.
say() {
    printf '\n'
    printf '%s\n' "$@"
}

# Shows a command line as one would type it.
show() {
    printf '%s$ %s%s\n' "$bold" "$1" "$plain"
}

# Shows a command line, and does it.
type_in() {
    show "$1"
    eval "$1"
}

# For so many tenths of a second: on a busy machine, all takes its time.
patience=1800

# wait_for WHAT COMMAND...: until COMMAND succeeds, as long as patience lasts.
wait_for() {
    awaited=$1
    shift
    turns=0
    until "$@"; do
        turns=$((turns + 1))
        [ $turns -le $patience ] || give_up "waited $((patience / 10)) seconds for $awaited, in vain"
        sleep 0.1
    done
}

give_up() {
    {
        printf '\ndemo: %s.\n' "$1"
        describe
        echo '---'
    } >&2
    exit 1
}
