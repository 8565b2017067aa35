# shellcheck shell=sh disable=SC2154 # variables come from the prelude

#= tai64n: every line gets a label and a space
printf 'one\ntwo words\n\n\tthree\n' | try tai64n

#= tai64n: a partial last line stays partial
printf 'one\nrest' | try tai64n

#= tai64n: only a newline
printf '\n' | try tai64n

#= tai64n: empty input gives empty output
try tai64n

#= tai64n: NUL, CR, @ and high bytes are ordinary bytes
printf 'a\000b\r\n@\n\377\376\n\r' | tai64n | od -An -c | sed 's/@ .*//' | head -1
printf 'a\000b\r\n@\n\377\376\n\r' | tai64n | cut -b 27- | od -An -c
printf 'a\000b\r\n@\n\377\376\n\r' | tai64n >out

#= tai64n: arguments are ignored
printf 'x\n' | try tai64n --help -x file

#= tai64n: a long line is one line
bytes 5000 | tai64n >out
wc -c <out
bytes 70000 | tai64n | wc -lc

#= tai64n: many lines come out in order with labels that do not decrease
filler 20000 30 >in
tai64n <in >out
cut -b 27- out | cmp - in && echo same text
cut -b 1-25 out | LC_ALL=C sort -c && echo labels in order
grep -c '^@[0-9a-f]\{24\} ' out
rm in out

#= tai64n: a label is unix time + 2^62 + 10 with microseconds and 500 ns
before=$(date +%s)
label=$(echo x | tai64n)
after=$(date +%s)
label=${label%% *}
seconds=$((0x$(echo "$label" | cut -b 10-17) - 10))
[ "$seconds" -ge "$before" ] && [ "$seconds" -le "$after" ] && echo seconds are right
echo "$label" | cut -b 1-9
echo "$((0x$(echo "$label" | cut -b 18-25) % 1000))"

#= tai64n: output appears before more input is waited for, stamped when its first byte came
mkfifo in
tai64n <in >out &
exec 3>in
printf 'a' >&3
wait_until file_has out ' a$'
between=$(echo | tai64n)
printf 'b\nc\n' >&3
wait_until file_has out ' c$'
exec 3>&-
end tai64n $!
echo "${between% }" >label
label() { cut -b 1-25 "$1" | sed -n "$2p"; }
{ label out 1; cat label; label out 2; } | LC_ALL=C sort -c && echo in order

#= tai64n: closed stdin
try tai64n <&-

#= tai64n: stdin is a directory
try tai64n <.

#= tai64n: stdin that is open for writing only
try tai64n 0>file

#= tai64n: closed stdout
echo x | try sh -c 'exec tai64n >&-'

#= tai64n: closed stdout, nothing to write
try sh -c 'exec tai64n >&-'

#= tai64n: disk full
echo x | try sh -c 'exec tai64n >/dev/full'

#= tai64n: closed stdin and stdout and stderr
try sh -c 'exec tai64n <&- >&- 2>&-'

#= tai64n: a reader that goes away kills it by SIGPIPE
try sh -c 'yes 2>/dev/null | head -c 300000 2>/dev/null | { tai64n; echo $? >code; } | true'
cat code

#= tai64n: SIGPIPE that was ignored gives a write error
try sh -c 'trap "" PIPE; yes 2>/dev/null | head -c 300000 2>/dev/null | { tai64n; echo $? >code; } | true'
cat code
