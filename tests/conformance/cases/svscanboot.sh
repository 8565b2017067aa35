# shellcheck shell=sh disable=SC2154,SC2016 # variables come from the prelude; some $ are for the inner shell
# The original may be started only where /etc/service is ours: what it does first is to end all services there.

#= svscanboot: svscan, readproctitle, and a clean environment for supervise and the services
boxed '
    sleeper /etc/service/sv
    /command/svscanboot &
    boot=$!
    asleep /etc/service/sv
    # The shell ignores INT and QUIT in what it starts so.
    facts "$pid" | grep -v ^SigIgn
    scan=$(child "$boot" svscan)
    for of in $scan $(child "$boot" readproctitle) $(child "$scan" supervise); do
        facts "$of" | grep "^argv\|^environ\|^descriptor [012]:\|^group\|^session"
    done
'
#! mounts

#= svscanboot: what services have from a caller in an odd state
#! mounts
boxed '
    mkdir /etc/service/sv
    waiter /etc/service/sv/run
    odd umask=027 nice=5 open=5:/dev/null env=A=1 env=A=2 env=PATH -- \
        /command/svscanboot &
    wait_until says /etc/service/sv "^[^:]*: up "
    pid=$(pid_of /etc/service/sv)
    wait_until sleeping "$pid" run
    facts "$pid"
'

#= svscanboot: a caller that closed its standard descriptors
#! mounts
boxed '
    sleeper /etc/service/sv
    odd close=0,1,2 -- /command/svscanboot &
    asleep /etc/service/sv
    facts "$pid" | grep ^descriptor
'

#= svscanboot: what services write is in the title, and a log has what is for the log
#! mounts
boxed '
    service /etc/service/sv <<"END"
echo "for the log"
echo "not for the log" >&2
exec sleep 1000
END
    service /etc/service/sv/log <<"END"
exec cat >/etc/output
END
    /command/svscanboot &
    wait_until lines /etc/output 1
    up /etc/service/sv
    title=$(child $! readproctitle)
    wait_until file_has "/proc/$title/cmdline" "for the log"
    title_of "$title"
    cat /etc/output
'

#= svscanboot: what supervise and svscan have to say is in the title
#! mounts
boxed '
    mkdir /etc/service/sv
    echo x >/etc/service/sv/supervise
    /command/svscanboot &
    wait_until child_is_there $! readproctitle
    title=$(child $! readproctitle)
    wait_until file_has "/proc/$title/cmdline" "not a directory"
    wc -c <"/proc/$title/cmdline"
    title_of "$title" | grep -o "supervise: .*directory" | sed "s/directory.*/directory/"
    ln -s nowhere /etc/service/dangling
    rm -r /etc/service/sv
    wait_until file_has "/proc/$title/cmdline" dangling
    title_of "$title" | grep -o "svscan: .* exist" | sed "s/exist.*/exist/"
    wc -c <"/proc/$title/cmdline"
'

#= svscanboot: nothing comes out, and it ends when svscan does
#! mounts
boxed '
    rmdir /etc/service
    try /command/svscanboot
    echo x >/etc/service
    try /command/svscanboot
'

#= svscanboot: what is left of an earlier svscan is ended first, logs too
#! mounts
boxed '
    sleeper /etc/service/sv
    sleeper /etc/service/sv/log
    supervised /etc/service/sv
    supervise /etc/service/sv/log &
    logger=$!
    up /etc/service/sv
    before=$pid
    up /etc/service/sv/log
    log_before=$pid
    /command/svscanboot &
    end supervise "$sv"
    end "supervise log" "$logger"
    for of in $before $log_before; do [ -e "/proc/$of" ] || echo "the old service is gone"; done
    up /etc/service/sv
    up /etc/service/sv/log
    children "$(child $! svscan)"
'

#= svscanboot: no services at all
#! mounts
boxed '
    /command/svscanboot &
    wait_until child_is_there $! readproctitle
    wait_until child_is_there $! svscan
    wait_until settled "$(child $! svscan)" svscan
    children $! | sed "s/ *\.* *$//"
    title_of "$(child $! readproctitle)"
'

#= svscanboot: /service comes before /etc/service
#! mounts
#! differs 1.1
boxed '
    sleeper /service/here
    sleeper /etc/service/there
    /command/svscanboot &
    wait_until any_up /service/here /etc/service/there
    stat_of /service/here /etc/service/there
'
#| /service/here: up (pid N) T seconds
#| /etc/service/there: unable to open supervise/ok: file does not exist
#| exit 0

#= svscanboot: an operand names the directory
#! mounts
#! differs 1.1
boxed '
    sleeper "/etc/the services/here"
    sleeper /etc/service/there
    /command/svscanboot "/etc/the services" &
    wait_until any_up "/etc/the services/here" /etc/service/there
    stat_of "/etc/the services/here" /etc/service/there
    children $! | sed "s/ *\.* *$//"
'
#| /etc/the services/here: up (pid N) T seconds
#| /etc/service/there: unable to open supervise/ok: file does not exist
#| readproctitle service errors:
#| svscan /etc/the services
#| exit 0

#= svscanboot: with an operand it works anywhere, and finds the others beside itself
#! differs 1.1
grep -q 'svscanboot \[dir\]' "$(command -v svscanboot)" || { echo 'would end the services of this system'; exit; }
sleeper services/sv
svscanboot "$PWD/services" &
boot=$!
asleep services/sv
facts "$pid" | sed -n "/^environ/s,<PWD=.*/scratch,<PWD=.../scratch,p; /^environ <PATH/p"
children "$boot" | sed 's/ *\.* *$//; s,/[^ ]*/scratch,.../scratch,'
kill -KILL "$(child "$boot" svscan)"
svc -dx services/sv
end svscanboot "$boot"
rm -r services
#| environ <PATH=$SIDE/bin:/command:/usr/local/bin:/usr/local/sbin:/bin:/sbin:/usr/bin:/usr/sbin:/usr/X11R6/bin>
#| environ <PWD=.../scratch/services/sv>
#| readproctitle service errors:
#| svscan .../scratch/services
#| svscanboot = 0
#| exit 0
