# shellcheck shell=sh disable=SC2154 # variables come from the prelude

#= readproctitle: without arguments, or when the last one is too short, it is silent
try readproctitle
try readproctitle ''
try readproctitle x
try readproctitle ....
try readproctitle .............. ....
try readproctitle some title ''
try readproctitle -h
try readproctitle -- ----

#= readproctitle: input ends
try readproctitle ..... </dev/null
try readproctitle title .......... <"$CASE/body"
printf 'no newline' | readproctitle .....
echo "$?"

#= readproctitle: input that cannot be read
try readproctitle .......... <.
try readproctitle .......... <&-
try readproctitle .......... 0>file
try readproctitle .... <.

#= readproctitle: the shortest title
titled .....
title
title a
title b
title cdefghij
exec 3>&-
end readproctitle "$title"

#= readproctitle: the other arguments stay as they are
titled service errors: '' -- 'a b' ..........
title
title abc
exec 3>&-
end readproctitle "$title"

#= readproctitle: the last argument is overwritten whatever it was
titled errors: abcdefghij
title
title 'new'
exec 3>&-
end readproctitle "$title"

#= readproctitle: bytes come in on the right and go out on the left, up to the three dots
titled ..........
for piece in a bc d 'e f' gh ijklmnopqrstuvwxyz '' 1; do title "$piece"; done
exec 3>&-
end readproctitle "$title"

#= readproctitle: newlines, tabs and other bytes are kept
titled ....................
title 'one\ntwo\n'
title '\t\r\033[1m\0177'
title '\0377\0200\0303\0244'
title '\n\n\n'
exec 3>&-
end readproctitle "$title"

#= readproctitle: NUL is left out
titled ....................
title 'a\0000b\0000\0000c'
title '\0000'
title 'd\0000'
exec 3>&-
end readproctitle "$title"

#= readproctitle: input that is longer than the title, than a buffer, than a pipe
titled "$(bytes 100 .)"
title "$(filler 10 50)"
title "$(filler 100 57)"
filler 3000 59 >&3
title
head -c 200000 /dev/zero >&3
title end
exec 3>&-
end readproctitle "$title"

#= readproctitle: a title of some thousand bytes
titled before "$(bytes 9000 .)"
filler 20 100 >&3
title after
filler 200 100 >&3
title after
exec 3>&-
end readproctitle "$title"

#= readproctitle: the environment, which lies behind it in memory, is left alone
titled ..........
title "$(filler 10 50)"
perl -0 -ne 'print if /^(TZ|PATH|LC_ALL)=/' "/proc/$title/environ" | tr '\000' '\n'
exec 3>&-
end readproctitle "$title"

#= readproctitle: being stopped and going on loses nothing
titled ..........
title abc
kill -STOP "$title"
wait_until in_state "$title" T
printf def >&3
kill -CONT "$title"
title g
exec 3>&-
end readproctitle "$title"

#= readproctitle: signals end it
for name in TERM HUP PIPE; do
    titled ..........
    title abc
    kill -$name "$title"
    end $name "$title"
done

#= readproctitle: signals that its caller ignores do not
mkfifo in
odd ignore=HUP,TERM block=USR1 -- readproctitle .......... <in &
title=$!
exec 3>in
title abc
for name in HUP TERM USR1; do kill -$name "$title"; done
printf d >&3
exec 3>&-
end readproctitle "$title"

#= readproctitle: non-blocking input that has nothing is a read error
perl -MFcntl -e '$^F = 20; pipe R, W; fcntl R, F_SETFL, O_NONBLOCK; open STDIN, "<&R"; exec "readproctitle", ".........."'
echo "$?"

#= readproctitle: output and errors may be closed
try sh -c 'exec readproctitle .......... </dev/null >&- 2>&-'
try sh -c 'exec readproctitle .......... <. >&- 2>&-'
