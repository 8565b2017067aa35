# shellcheck shell=sh disable=SC2154 # variables come from the prelude

#= tai64nlocal: the example of the manual page
echo '@4000000037c219bf2ef02e94 mark' | TZ=PST8PDT,M4.1.0,M10.5.0 try tai64nlocal
echo '@4000000037c219bf2ef02e94 mark' | TZ=US/Pacific try tai64nlocal

#= tai64nlocal: zones east and west, with and without daylight saving time
for zone in UTC UTC0 '' EST5EDT,M3.2.0,M11.1.0 CET-1CEST,M3.5.0,M10.5.0/3 NPT-5:45 '<+1245>-12:45' XXX24 \
    Europe/Berlin America/St_Johns Asia/Kathmandu Pacific/Apia :Europe/London No/Such nonsense; do
    echo "TZ=$zone"
    printf '%s\n' '@400000003c37553a00000000 winter' '@400000003d1f2c3a3b9ac9ff summer' \
        '@4000000000000000075bcd15 start' | TZ=$zone tai64nlocal
done

#= tai64nlocal: no TZ at all
echo '@400000003c37553a00000000 x' | try env -u TZ tai64nlocal

#= tai64nlocal: the hour that is skipped and the hour that is repeated
export TZ=CET-1CEST,M3.5.0,M10.5.0/3
for hex in 6608b399 6608b39a 6608b39b 671d8289 671d828a 671d9099 671d909a 671d909b 671d9ea9 671d9eaa; do
    printf '@40000000%s00000000 %s\n' "$hex" "$hex"
done | try tai64nlocal

#= tai64nlocal: text without labels is copied
printf 'plain\n\n \tblank @400000003c37553a00000000\nx' | try tai64nlocal

#= tai64nlocal: NUL, CR and high bytes are copied
printf 'a\000b\r\n\377\376\n@400000003c37553a00000000\000\377\r\n\r' | tai64nlocal >out

#= tai64nlocal: empty input
try tai64nlocal

#= tai64nlocal: arguments are ignored
echo '@400000003c37553a00000000 x' | try tai64nlocal --help file

#= tai64nlocal: a label alone
printf '@400000003c37553a00000000\n@400000003c37553a00000000\n' | try tai64nlocal

#= tai64nlocal: a label followed directly by text
printf '%s\n' '@400000003c37553a00000000x' '@400000003c37553a00000000:y' '@400000003c37553a00000000@400000003c37553a00000000' '@400000003c37553a00000000A' | try tai64nlocal

#= tai64nlocal: two labels, only the first is converted
echo '@400000003c37553a00000000 @400000003c37553a00000000 x' | try tai64nlocal

#= tai64nlocal: end of file after the label prints nothing of it
printf 'before\n@400000003c37553a00000000' | try tai64nlocal

#= tai64nlocal: end of file inside the label prints nothing of it
printf 'before\n@400000003c3755' | try tai64nlocal
printf '@' | try tai64nlocal

#= tai64nlocal: end of file just after the blank
printf '@400000003c37553a00000000 ' | try tai64nlocal

#= tai64nlocal: the first and last second of a day, month and year
printf '%s\n' @400000000000000a00000000 @4000000038bc5d8900000000 @4000000038bc5d8a00000000 @40000000386d438900000000 \
    @40000000386d438a00000000 @4000000065e11c8900000000 | TZ=UTC0 try tai64nlocal

#= tai64nlocal: before 1970 and before the year 1000
printf '%s\n' @3fffffffffffffff00000000 @400000000000000900000000 @3fffffff00000000075bcd15 @3ffffff1886e090000000000 \
    @3ffffff100000000075bcd15 | try tai64nlocal

#= tai64nlocal: after 2038 and beyond the year 9999
printf '%s\n' @400000008000000a00000000 @40000001000000003b9ac9ff @4000003afff4418900000000 @4000003afff4418a00000000 \
    @400000ff0000000000000000 | try tai64nlocal

#= tai64nlocal: the nanoseconds have nine digits
printf '@400000003c37553a%s x\n' 00000000 00000001 0000000a 05f5e100 3b9ac9ff 1f3f3f3f | try tai64nlocal

#= tai64nlocal: nanoseconds beyond a second
printf '@400000003c37553a%s x\n' 3b9aca00 ffffffff | try tai64nlocal

#= tai64nlocal: output appears before more input is waited for
mkfifo in
tai64nlocal <in >out &
exec 3>in
printf '@400000003c37553a00000000 a' >&3
wait_until file_has out '2002-01-05 .* a$'
exec 3>&-
end tai64nlocal $!

#= tai64nlocal: what tai64n writes comes back as the time of now
before=$(date +%Y-%m-%d\ %H:%M:%S)
line=$(echo text | tai64n | tai64nlocal)
after=$(date +%Y-%m-%d\ %H:%M:%S)
printf '%s\n' "$before" "${line%.*}" "$after" | sort -c && echo in order
echo "${line#*.}" | sed 's/^[0-9]\{6\}500 /NANO /'

#= tai64nlocal: many lines
filler 3000 40 | sed 's/^/@400000003c37553a00000000 /' >in
tai64nlocal <in >out
rm in
cksum out

#= tai64nlocal: a line of 100000 bytes
{ printf '@400000003c37553a00000000 '; bytes 100000; echo; } | tai64nlocal | cksum

#= tai64nlocal: closed stdin
try tai64nlocal <&-

#= tai64nlocal: stdin is a directory
try tai64nlocal <.

#= tai64nlocal: closed stdout
echo x | try sh -c 'exec tai64nlocal >&-'
try sh -c 'exec tai64nlocal >&-'

#= tai64nlocal: disk full
echo x | try sh -c 'exec tai64nlocal >/dev/full'

#= tai64nlocal: a reader that goes away kills it by SIGPIPE
try sh -c 'yes 2>/dev/null | head -c 300000 2>/dev/null | { tai64nlocal; echo $? >code; } | true'
cat code

#= tai64nlocal: more than 24 digits: the last 24 count, as far as they make a time
printf '%s\n' '@04000000037c219bf2ef02e94 x' '@f4000000037c219bf2ef02e94 x' \
    '@0123456789abcdef4000000037c219bf2ef02e94 x' | try tai64nlocal

#= tai64nlocal: a malformed label is copied with its line
#! differs 1.18/1
printf 'before\n@foo\nafter\n' | try tai64nlocal
printf '%s\n' '@' '@0 x' '@deadbeef x' '@ 4000000037c219bf2ef02e94 x' '@@400000003c37553a00000000 x' | try tai64nlocal
#| $ tai64nlocal
#| 1> before
#| 1> @foo
#| 1> after
#| = 0
#| $ tai64nlocal
#| 1> @
#| 1> @0 x
#| 1> @deadbeef x
#| 1> @ 4000000037c219bf2ef02e94 x
#| 1> @@400000003c37553a00000000 x
#| = 0
#| exit 0

#= tai64nlocal: a label with uppercase digits is copied with its line
#! differs 1.18/1
echo '@4000000037C219BF2EF02E94 x' | try tai64nlocal
#| $ tai64nlocal
#| 1> @4000000037C219BF2EF02E94 x
#| = 0
#| exit 0

#= tai64nlocal: a label that is too short is copied with its line
#! differs 1.18/1
printf '%s\n' '@4000000037c219bf2ef02e9 x' '@400000003c37553a x' | try tai64nlocal
#| $ tai64nlocal
#| 1> @4000000037c219bf2ef02e9 x
#| 1> @400000003c37553a x
#| = 0
#| exit 0

#= tai64nlocal: digits that make no time are copied with their line
#! differs 1.18/1
printf '%s\n' '@4000000037c219bf2ef02e94123 x' '@ffffffffffffffff00000000 x' | try tai64nlocal
#| $ tai64nlocal
#| 1> @4000000037c219bf2ef02e94123 x
#| 1> @ffffffffffffffff00000000 x
#| = 0
#| exit 0
