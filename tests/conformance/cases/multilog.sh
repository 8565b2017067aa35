# shellcheck shell=sh disable=SC2154,SC2016 # variables come from the prelude; some $ are for processors
# shellcheck disable=SC2283,SC2317,SC1003,SC2012 # =file is an argument, conditions are called by the prelude; names are plain

#= script: nothing to do
printf 'one\ntwo' | try multilog
printf 'one\n' | try multilog ''
try multilog

#= script: unknown arguments are ignored
printf 'one\n' | try multilog x y= 1 , '' '~' '?' e

#= script: only the first byte counts
printf 'one\n' | try multilog error
printf 'one\n' | try multilog exit t
printf 'one\n' | try multilog t e
printf 'one\n' | try multilog tai e

#= script: t counts only as the first argument
printf 'one\n' | try multilog e t
printf 'one\n' | try multilog '' t e
printf 'one\n' | try multilog t t e

#= script: -- is a pattern
printf -- '-\n--\nx\n' | try multilog -- e
printf -- '-\n\nx\n' | try multilog - e
printf -- '+\n\nx\n' | try multilog '-*' + e
printf -- '-h\nx\n' | try multilog -h e
printf -- '-help\n--help\n' | try multilog --help e

#= script: nothing is selected twice for a directory named once
printf 'one\n' | multilog +one +one ./d
cat d/current

#= lines: one directory
printf 'one\ntwo\n\nthree\n' | try multilog ./d

#= lines: nothing at all
try multilog ./d

#= lines: a partial last line gets its newline
printf 'one\ntwo' | try multilog ./d e =status

#= lines: NUL, CR, tabs and high bytes are ordinary
printf 'a\000b\r\n\r\n\377\t\033\n\000\n' | multilog ./d e =status 2>err

#= lines: t puts a label and a blank before each
printf 'one\n\ntwo' | try multilog t ./d e =status

#= lines: the same label goes everywhere
printf 'one\ntwo\n' | multilog t ./a e ./b =status 2>err
cmp a/current b/current
cmp a/current err
[ "$(tail -1 a/current)" = "$(head -1 status)" ] && echo same

#= lines: labels are of now and in order, none is later than the name of its archive
filler 300 60 >in
multilog t s4096 n1000 ./d <in
cat d/@* d/current >all
cut -b 27- all | cmp - in && echo same text
cut -b 1-25 all | LC_ALL=C sort -c && echo in order
for archive in d/@*; do
    printf '%s\n' "$(tail -1 "$archive" | cut -b 1-25)" "$(basename "$archive" | cut -b 1-25)" | LC_ALL=C sort -c && echo in order
done | uniq
rm -r d in all

#= lines: no line is older than the archive before it
filler 300 60 | multilog t s4096 n1000 ./d
for archive in d/@*; do
    printf '%s\n' "$(head -1 "$archive" | cut -b 1-25)" "$(basename "$archive" | cut -b 1-25)"
done | LC_ALL=C sort -c && echo in order
rm -r d

#= lines: several directories, relative and absolute
printf 'one\ntwo\n' | try multilog ./a "$PWD/b" .//c/ ./a/../d

#= lines: names with odd bytes
printf 'one\n' | multilog './a b' './new
line' "./$(printf 'x\377')"

#= lines: around 200 bytes for e
for n in 199 200 201 250; do bytes $n; echo; done | try multilog e
for n in 173 174 175; do bytes $n; echo; done | try multilog t e
bytes 200 | try multilog e
bytes 201 | try multilog e

#= lines: around 1000 bytes in a directory and in a status file
for n in 0 1 998 999 1000 1001 1002 1999 2000 2001 5000; do
    { bytes $n; echo; } | multilog ./d$n =s$n
    cksum d$n/current s$n
done
rm -r d* s*

#= lines: around 1000 bytes with labels
for n in 972 973 974 975 998 999 1000 1001 5000; do
    { bytes $n; echo; echo next; } | multilog t ./d$n =s$n
    cut -b 27- d$n/current | cksum
    wc -c <s$n
done
rm -r d* s*

#= lines: partial last lines around 1000 bytes
for n in 1 999 1000 1001 1002 2000 2001; do
    bytes $n | multilog ./d$n e =s$n 2>err$n
    cksum d$n/current s$n err$n
done
for n in 973 974 975 5000; do
    bytes $n | multilog t ./t$n e =s$n 2>err$n
    wc -lc t$n/current err$n s$n
done
rm -r d* t* s* e*

#= lines: the rest of a long line goes where its beginning went
{ bytes 999 a; echo B; bytes 1000 a; echo C; bytes 1001 a; echo D; bytes 3000 a; echo E; } >in
multilog '-*B' ./notb '-a*' ./none '+*aC' ./c '+*D' ./d '+*' ./all e =status <in 2>err
cksum ./*/current err status
rm -r ./*

#= lines: only the first 1000 bytes meet a pattern
bytes 1000 a >in
echo xyz >>in
multilog "+*xyz" e <in | wc -c
multilog '-*' "+$(bytes 1000 a)" ./d <in
multilog '-*' '+*z' ./z <in
cksum d/current z/current
rm -r d z in

#= lines: many lines of many lengths
awk 'BEGIN { for (i = 0; i < 1500; i++) { s = ""; for (j = 0; j < i; j++) s = s substr("0123456789", (i + j) % 10 + 1, 1); print s } }' >in
multilog s16777215 ./d e =status <in 2>err
cmp in d/current && echo same
cksum err status
rm -r d in err status

#= lines: a partial line is held back until its newline
logging ./d
logged 'one\ntw'
wait_until file_has d/current one
cat d/current
logged 'o\n'
wait_until file_has d/current two
cat d/current
send TERM
end multilog "$log"

#= lines: a line of 1000 bytes is written before its newline comes
logging ./d
bytes 1500 >&3
full() { [ "$(wc -c <d/current)" -ge 1500 ]; }
wait_until full
bytes 100 >&3
full() { [ "$(wc -c <d/current)" -ge 1600 ]; }
wait_until full
logged '\nnext\n'
wait_until file_has d/current next
wc -lc <d/current
send TERM
end multilog "$log"

#= lines: input faster than it can be thought
filler 40000 60 >in
multilog s16777215 ./d <in
cmp in d/current && echo same
rm -r in d

#= patterns: non-stars and stars
chosen() {
    pattern=$1
    shift
    echo "$pattern: $(printf '%s\n' "$@" | multilog '-*' "+$pattern" e 2>&1 | tr '\n' ' ')"
}
chosen hello hello 'hello world' hell Hello ' hello' 'hello '
chosen '*' '' a 'a b' '*'
chosen '' '' a
chosen 'a*' a ab b ba ''
chosen '*a' a ba aa aba ab aaa
chosen '*b' abb b ab bb bab ''
chosen '*ab' aab ab xab abab b ''
chosen '**' '*' 'x*' 'x*y' x '**' ''
chosen '**b' '*b' 'x*yb' 'xyb' '*' '*bb' '**b'
chosen 'a**' 'a*' a 'ax*y' ax
chosen '***' '*' '**' 'x*y*z' 'x*y' x
chosen '*a*a' aa axa aaxa aaa xaya a
chosen 'a*b*c' abc axbxc abbc axxbyycz abcc ac
chosen 'a*b*' ab abx axxb a 'axb*'
chosen '*: *' 'x: y' ': ' 'x:y' 'a:b: c' ':: x'
chosen '\*' '\x' '\' '*'
chosen '?' '?' x
chosen '[a-z]' a '[a-z]'
chosen 'named[*]: Cleaned cache *' 'named[135]: Cleaned cache of 3121 RRs' 'named[]: Cleaned cache ' 'named[1]]: Cleaned cache x'
chosen '+' + x ''
chosen '-*' - -x x

#= patterns: bytes that are not text
printf 'a\377b\na\000b\na\tb\n' | multilog '-*' "+a$(printf '\377')*" ./high
printf 'a\377b\na\000b\na\tb\n' | multilog '-*' "+a$(printf '\t')b" ./tab
printf 'a\377b\na\000b\na\tb\n' | multilog '-*' '+*b' ./all

#= patterns: they see the label
printf 'one\ntwo\n' | try multilog t '-*' '+* two' e
printf 'one\ntwo\n' | try multilog t '-*' '+two' e
printf 'one\ntwo\n' | try multilog t '-@4*' e
printf '\n' | try multilog t '-*' '+@* ' e

#= patterns: the final newline is not part of the line, also when it is missing
printf 'one\ntwo' | try multilog '-*' +two e
printf 'one\n\n' | try multilog '-*' + e

#= actions: they are done in order
printf 'a\nb\nc\n' | try multilog ./1 -a ./2 e -b ./3 +a ./4 =status '-*' ./5 +c ./6

#= actions: s, n and ! are for the directories that follow
filler 1000 60 >in
multilog ./first s4096 n3 ./second s8192 ./third n4 ./fourth '!cat >/dev/null' ./fifth <in
for dir in first second third fourth fifth; do count_archives $dir; done
cat fifth/@* | wc -c
rm -r ./*

#= status file: padded with newlines to 1001 bytes
printf 'one\n' | multilog =file
printf 'one\n\n' | multilog =empty
multilog =none </dev/null
bytes 999 | multilog =s999
bytes 1000 | multilog =s1000
bytes 1001 | multilog =s1001
wc -c file empty none s999 s1000 s1001
cksum file empty s999 s1000 s1001
rm ./*

#= status file: a longer one keeps its tail, a shorter one grows, the mode stays
bytes 2000 y >long
echo short >short
chmod 640 short
printf 'one\n' | multilog =long =short
tail -c 1000 long | cksum
wc -c long short
head -1 long
rm long

#= status file: the last selected line wins
printf 'one\nSTAT a\ntwo\nSTAT b\nthree\n' | multilog '-*' '+STAT*' =file
tr -s '\n' <file
rm file

#= status file: it cannot be made
mkdir dir
ln -s loop loop
mkfifo fifo
for name in missing/file dir loop fifo '' dir/x/y; do echo x | try multilog "=$name" ./d; done
ls -d d

#= status file: in a directory that the script makes
echo x | try multilog =d/status ./d
mkdir d
echo x | try multilog =d/status ./d
rm d/status

#= status file: twice the same
printf 'one\ntwo\n' | try multilog =file -two =file
tr -s '\n' <file
rm file

#= status file: made before trouble with a directory is found
echo x | try multilog =file ./no/where

#= status file: on a device
printf 'one\n' | try multilog =/dev/null
printf 'one\n' | multilog =/dev/full 2>err &
wait_until lines err 1
kill -KILL $!
sort -u err

#= status file: on a fifo
mkfifo fifo
exec 4<>fifo
printf 'one\n' | multilog =fifo 2>err &
wait_until lines err 1
kill -KILL $!
sort -u err

#= directories: those that cannot be made
echo x >file
ln -s loop loop
for name in ./no/where ./file ./file/x ./loop /no/where "./$(bytes 256)" /proc/none; do
    echo x | try multilog "$name"
done

#= directories: mkdir makes no name that ends in a dot
echo x | try multilog ./d/.

#= directories: . and / alone
cp /dev/null old
printf 'x\n' | try multilog .
printf 'x\n' | try multilog ./

#= directories: trouble with a later one leaves the earlier ones as they are opened
echo x | try multilog ./a ./no/where ./b

#= directories: an existing one keeps its mode
mkdir -m 711 d
echo x | multilog ./d

#= directories: the umask does not matter
umask 077
echo x | multilog ./a =status
umask 0
echo x | multilog ./b
rm status

#= directories: a link to one
mkdir elsewhere
ln -s elsewhere link
ln -s nowhere dangling
echo x | try multilog ./link
echo x | try multilog ./dangling

#= directories: the same twice
echo x | try multilog ./d ./d
echo x | try multilog ./d "$PWD/d"

#= directories: locked by another
logging ./d
logged 'one\n'
wait_until file_has d/current one
echo x | try multilog ./d
echo x | try multilog ./other ./d
send TERM
end multilog "$log"

#= directories: no permission
#! root
mkdir -m 755 closed
mkdir -m 700 secret
echo x | try unprivileged multilog ./closed
echo x | try unprivileged multilog ./secret
echo x | try unprivileged multilog ./new
echo x | try unprivileged multilog =new

#= directories: things in the way of its files
for name in lock current state; do mkdir -p "$name/$name"; echo x | try multilog "./$name"; done
for name in lock current state; do
    mkdir "loop-$name"
    ln -s $name "loop-$name/$name"
    echo x | try multilog "./loop-$name"
done

#= directories: directories and loops in place of previous, processed and newstate
#! differs 1.10/vanish
for name in previous processed newstate; do
    mkdir -p "dir/$name/$name" "loop/$name"
    ln -s $name "loop/$name/$name"
    for way in dir loop; do
        # The background process empties it later than we look.
        : >err
        echo x | multilog "./$way/$name" 2>err &
        pid=$!
        ended_or_pausing() { gone "$pid" || lines err 1; }
        wait_until ended_or_pausing
        kill -KILL "$pid" 2>/dev/null
        sort -u err | sed "s,@[0-9a-f]*,@LABEL,g; s,^,$way/$name: ,"
    done
done
rm -r dir loop err
#| dir/previous: multilog: warning: unable to link to ./dir/previous/@LABEL.u, pausing: permission denied
#| loop/previous: multilog: warning: unable to stat ./loop/previous/previous, pausing: symbolic link loop
#| dir/processed: multilog: warning: unable to link to ./dir/processed/@LABEL.s, pausing: permission denied
#| loop/processed: multilog: fatal: unable to stat ./loop/processed/processed: symbolic link loop
#| exit 0

#= directories: other files in it do not matter
mkdir d
echo x >d/file
echo x >d/@short
echo x >d/.hidden
mkdir d/dir
echo x | try multilog n2 ./d
echo y | try multilog n2 ./d

#= restart: current closed cleanly is continued
printf 'one\n' | multilog ./d
printf 'two\n' | multilog ./d
cat d/current
chmod 700 d/current
printf 'three\n' | multilog ./d

#= restart: every x bit counts that belongs to the owner, and no other
for mode in 100 500 744 644 611 755 077 000; do
    mkdir "d$mode"
    echo old >"d$mode/current"
    chmod $mode "d$mode/current"
    echo new | try multilog "./d$mode"
done

# The twelve states in which previous, processed, state and newstate may have been left, for one kind of current.
#= restart: no current, with everything else that may be left
for previous in '' 644 744; do for processed in '' 644 744; do for states in '' yes; do
    dir="prev$previous-proc$processed-$states"
    mkdir "$dir"
    [ -z "$previous" ] || { echo previous >"$dir/previous"; chmod $previous "$dir/previous"; }
    [ -z "$processed" ] || { echo processed >"$dir/processed"; chmod $processed "$dir/processed"; }
    [ -z "$states" ] || { echo state >"$dir/state"; echo newstate >"$dir/newstate"; }
    echo new | multilog "./$dir"
done; done; done

#= restart: current left open, with everything else that may be left
for previous in '' 644 744; do for processed in '' 644 744; do for states in '' yes; do
    dir="prev$previous-proc$processed-$states"
    mkdir "$dir"
    echo current >"$dir/current"
    [ -z "$previous" ] || { echo previous >"$dir/previous"; chmod $previous "$dir/previous"; }
    [ -z "$processed" ] || { echo processed >"$dir/processed"; chmod $processed "$dir/processed"; }
    [ -z "$states" ] || { echo state >"$dir/state"; echo newstate >"$dir/newstate"; }
    echo new | multilog "./$dir"
done; done; done

#= restart: current closed cleanly, with everything else that may be left
for previous in '' 744; do for processed in '' 644 744; do for states in '' yes; do
    dir="prev$previous-proc$processed-$states"
    mkdir "$dir"
    echo current >"$dir/current"
    chmod 744 "$dir/current"
    [ -z "$previous" ] || { echo previous >"$dir/previous"; chmod $previous "$dir/previous"; }
    [ -z "$processed" ] || { echo processed >"$dir/processed"; chmod $processed "$dir/processed"; }
    [ -z "$states" ] || { echo state >"$dir/state"; echo newstate >"$dir/newstate"; }
    echo new | multilog "./$dir"
done; done; done

#= restart: an empty current left open becomes an archive too
mkdir d
: >d/current
echo new | multilog ./d

#= restart: a partial line at the end of current stays as it is
mkdir a b
printf 'half' | tee a/current >b/current
chmod 744 a/current
echo new | multilog ./a
echo new | multilog ./b

#= restart: what was already linked to its archive is only removed
mkdir a b c
for dir in a b c; do echo text >$dir/@400000003c37553a00000000.u; done
ln a/@400000003c37553a00000000.u a/current
ln b/@400000003c37553a00000000.u b/previous
ln c/@400000003c37553a00000000.u c/processed
chmod 744 c/processed
for dir in a b c; do echo new | multilog ./$dir; done

#= restart: killed in the middle, nothing that was written is lost
logging ./d
logged 'one\ntwo\nthr'
wait_until file_has d/current two
kill -KILL "$log"
wait "$log" 2>/dev/null
echo new | multilog ./d

#= restart: a current that is bigger than the size allowed now
mkdir a b c
for dir in a b c; do { filler 200 49; } >$dir/current; done
chmod 744 a/current b/current
echo new | multilog s4096 ./a
multilog s4096 ./b </dev/null
echo new | multilog s4096 ./c
for dir in a b c; do count_archives $dir; cat $dir/@* $dir/current | cksum; cksum <$dir/current; done
rm -r ./*

#= restart: pruning happens also at the start
mkdir d
for n in 1 2 3 4 5 6; do echo $n >d/@40000000000000000000000$n.s; done
echo old >d/current
echo new | multilog n4 ./d

#= restart: no pruning when current is simply continued
mkdir d
for n in 1 2 3 4 5 6; do echo $n >d/@40000000000000000000000$n.s; done
echo old >d/current
chmod 744 d/current
echo new | multilog n3 ./d

#= rotation: archives are within their bounds and nothing is lost
for size in 4096 5000 10000; do for length in 1 10 50 120 700; do
    filler $((60000 / (length + 1))) $length >in
    multilog s$size n1000 ./d <in
    cat d/@* d/current | cmp - in || echo not the same
    small=0 big=0 partial=0 rotated=0
    for archive in d/@*; do
        bytes=$(wc -c <"$archive")
        [ "$bytes" -ge $((size - 2000)) ] || small=$((small + 1))
        [ "$bytes" -le $size ] || big=$((big + 1))
        [ -z "$(tail -c 1 "$archive")" ] || partial=$((partial + 1))
        rotated=1
    done
    echo "$size $length: small $small big $big partial $partial rotated $rotated"
    rm -r d in
done; done

#= rotation: lines longer than 2000 bytes are cut at the size
filler 20 4500 >in
multilog s4096 n1000 ./d <in
cat d/@* d/current | cmp - in && echo same
for archive in d/@*; do [ "$(wc -c <"$archive")" -le 4096 ] || echo too big; done
rm -r d in

#= rotation: one line without end
bytes 20000 >in
multilog s4096 n1000 ./d <in
for archive in d/@*; do wc -c <"$archive"; done
cat d/@* d/current | cksum
rm -r d in

#= rotation: the modes of archives and the rest
logging s4096 ./d
filler 50 60 >&3
wait_until archives d 1
logged 'last\n'
wait_until file_has d/current last
stat -c '%a %n' d/@* d/current d/lock d/state | sed 's/@[0-9a-f]*/@LABEL/'
send TERM
end multilog "$log"
rm -r d

#= rotation: sizes at their extremes
rotated() {
    filler "$2" 60 | multilog "$1" n1000 ./d
    [ "$(count_archives d)" = 0 ] && echo "$1: not rotated" || echo "$1: rotated"
    rm -r d
}
for size in s0 s1 s4095 s4096 s s- s-1 sx s4096x s0x9999 's 99999' s04096 size status; do rotated "$size" 50; rotated "$size" 68; done
for size in s99999 s65536 s65537 s999999999999 s16777215 s16777216; do rotated "$size" 1500; done
rotated x 1500
rotated x 1700
rotated s4294967296 200
rotated s18446744073709551616 200
rotated s99999999999999999999999 200

#= rotation: number of archives kept
kept() {
    filler 1500 60 | multilog s4096 "$1" ./d
    kept=$(count_archives d)
    [ "$kept" -gt 15 ] && kept=many
    echo "$1: $kept"
    rm -r d
}
for number in n0 n1 n2 n3 n4 n5 n10 n15 n n-1 nx n3x 'n 3' n03 num x n1000 n4294967298 n18446744073709551618; do kept "$number"; done

#= rotation: the oldest are removed, by name
mkdir d
for n in 3 1 5 2 4; do echo $n >d/@40000000000000000000000$n.s; done
echo u >d/@400000000000000000000000.u
echo short >d/@4
logging n4 ./d
logged 'new\n'
wait_until file_has d/current new
send ALRM
recent() { grep -q '^new$' d/@* && [ "$(count_archives d)" = 4 ]; }
wait_until recent
send TERM
end multilog "$log"

#= rotation: one that cannot be removed
#! differs 1.10/archive
mkdir -p d/@400000000000000000000001.s
logging n2 ./d
logged 'new\n'
wait_until file_has d/current new
send ALRM
moved_or_pausing() { lines "$CASE/log" 1 || archives d 2; }
wait_until moved_or_pausing
rmdir d/@400000000000000000000001.s
wait_until settled "$log" multilog
logged 'more\n'
wait_until file_has d/current more
send TERM
end multilog "$log"
sort -u "$CASE/log"
#| multilog = 0
#| exit 0
#| dir 0755 d/
#| file 0744 4 d/@<1>.s
#|     | new
#| file 0744 5 d/current
#|     | more
#| file 0600 0 d/lock
#| file 0644 0 d/state

#= rotation: previous is in the way
#! differs 1.10/vanish
logging ./d
logged 'one\n'
wait_until file_has d/current one
mkdir d/previous
send ALRM
wait_until lines "$CASE/log" 1
logged 'two\n'
rmdir d/previous 2>/dev/null
wait_until archives d 1
wait_until file_has d/current two
send TERM
end multilog "$log"
sort -u "$CASE/log"
#| multilog = 0
#| multilog: warning: ./d/previous is a directory, renamed to previous.@<label>
#| exit 0
#| dir 0700 d/
#| file 0744 4 d/@<1>.s
#|     | one
#| file 0744 4 d/current
#|     | two
#| file 0600 0 d/lock
#| dir 0755 d/previous.@<2>/
#| file 0644 0 d/state

#= signals: ALRM rotates what is not empty
logging ./d
logged 'one\n'
wait_until file_has d/current one
send ALRM
wait_until archives d 1
logged 'two\n'
wait_until file_has d/current two
send ALRM
wait_until archives d 2
logged 'three\n'
wait_until file_has d/current three
send TERM
end multilog "$log"
cat "$CASE/log"

#= signals: ALRM with an empty current does nothing
logging ./d
logged 'one\n'
wait_until file_has d/current one
send ALRM
wait_until archives d 1
send ALRM
wait_until settled "$log" multilog
logged 'two\n'
wait_until file_has d/current two
send TERM
end multilog "$log"

#= signals: ALRM with only a partial line does not rotate it
logging ./d
logged 'one\n'
wait_until file_has d/current one
send ALRM
wait_until archives d 1
logged 'tw'
send ALRM
wait_until settled "$log" multilog
logged 'o\n'
wait_until file_has d/current two
send TERM
end multilog "$log"

#= signals: ALRM while a partial line is held rotates the lines before it
logging ./d
logged 'one\ntw'
wait_until file_has d/current one
send ALRM
wait_until archives d 1
logged 'o\n'
wait_until file_has d/current two
send TERM
end multilog "$log"

#= signals: ALRM in the middle of a long line
logging ./d
bytes 1500 >&3
full() { [ "$(wc -c <d/current)" -ge 1500 ]; }
wait_until full
send ALRM
wait_until archives d 1
logged 'rest\nnext\n'
wait_until file_has d/current next
send TERM
end multilog "$log"

#= signals: ALRM is for every directory that is not empty
logging ./a -two ./b
logged 'one\n'
wait_until file_has b/current one
send ALRM
wait_until archives a 1
wait_until archives b 1
logged 'two\n'
wait_until file_has a/current two
send ALRM
wait_until archives a 2
send TERM
end multilog "$log"

#= signals: TERM at a line boundary ends at once and leaves the rest
logging ./d
logged 'one\n'
wait_until file_has d/current one
send TERM
end multilog "$log"
logged 'two\nthree\n'
received 3

#= signals: TERM with nothing read
logging ./d
wait_until test -e d/current
send TERM
end multilog "$log"

#= signals: TERM in the middle of a line reads on to its end and leaves the rest
logging ./d e
logged 'one\ntw'
wait_until file_has d/current one
send TERM
wait_until settled "$log" multilog
logged 'o'
wait_until settled "$log" multilog
logged ' words\nthree\nfour\n'
end multilog "$log"
received 3
cat "$CASE/log"

#= signals: TERM in the middle of a line, then the end of file
mkfifo in
multilog ./d <in &
log=$!
exec 4>in
printf 'one\ntw' >&4
wait_until file_has d/current one
send TERM
wait_until settled $log multilog
exec 4>&-
end multilog $log

#= signals: TERM in the middle of a long line
logging ./d
bytes 1500 >&3
full() { [ "$(wc -c <d/current)" -ge 1500 ]; }
wait_until full
send TERM
wait_until settled "$log" multilog
logged 'rest\nnext\n'
end multilog "$log"
received 3
wc -lc <d/current

#= signals: TERM in the middle of a line with labels
logging t ./d
logged 'one\ntw'
wait_until file_has d/current one
send TERM
wait_until settled "$log" multilog
logged 'o\nthree\n'
end multilog "$log"
received 3

#= signals: others have their usual effect
for signal in HUP INT USR1; do
    mkfifo in
    exec 4<>in
    env --default-signal=INT,QUIT multilog ./d <in 4<&- &
    log=$!
    echo $signal >&4
    wait_until file_has d/current $signal
    send "$signal"
    code=0
    wait $log 2>/dev/null || code=$?
    echo "$signal $code"
    exec 4<&-
    rm in
done

#= signals: TERM and ALRM that were blocked or ignored at the start
logging_with() {
    mkfifo in
    exec 4<>in
    perl -MPOSIX -e "$1; exec @ARGV" multilog ./d <in 4<&- &
    log=$!
    echo one >&4
    wait_until file_has d/current one
    send ALRM
    wait_until archives d 1
    send TERM
    end multilog $log
    exec 4<&-
    rm -r in d
}
logging_with '$SIG{TERM} = $SIG{ALRM} = "IGNORE"'
logging_with 'sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGTERM, SIGALRM))'

#= descriptors: stdin closed
try multilog ./d <&-
try multilog <&-
try multilog =status <&-

#= descriptors: stdin is a directory
try multilog ./d <.

#= descriptors: stdin open for writing only
try multilog ./d 0>file

#= descriptors: stdout and stderr closed
echo x | try sh -c 'exec multilog ./a >&-'
echo x | try sh -c 'exec multilog ./b 2>&-'
echo x | try sh -c 'exec multilog ./c >&- 2>&-'

#= descriptors: e with a stderr that cannot be written
printf 'one\ntwo\n' | try sh -c 'exec multilog e ./d 2>/dev/full'

#= descriptors: e with a stderr whose reader has gone
#! differs 1.10
printf 'one\ntwo\n' | try perl -e 'pipe R, W; open STDERR, ">&W"; close R; close W; $SIG{PIPE} = "DEFAULT"; exec qw(multilog e ./d)'
printf 'one\ntwo\n' | try perl -e 'pipe R, W; open STDERR, ">&W"; close R; close W; $SIG{PIPE} = "IGNORE"; exec qw(multilog e ./d2)'
#| $ perl -e pipe R, W; open STDERR, ">&W"; close R; close W; $SIG{PIPE} = "DEFAULT"; exec qw(multilog e ./d)
#| = 0
#| $ perl -e pipe R, W; open STDERR, ">&W"; close R; close W; $SIG{PIPE} = "IGNORE"; exec qw(multilog e ./d2)
#| = 0
#| exit 0
#| dir 0700 d/
#| file 0744 8 d/current
#|     | one
#|     | two
#| file 0600 0 d/lock
#| file 0644 0 d/state
#| dir 0700 d2/
#| file 0744 8 d2/current
#|     | one
#|     | two
#| file 0600 0 d2/lock
#| file 0644 0 d2/state

#= processor: its output becomes the archive
logging '!tr a-z A-Z' ./d
logged 'one\ntwo\n'
wait_until file_has d/current two
send ALRM
wait_until archives d 1
logged 'three\n'
wait_until file_has d/current three
send TERM
end multilog "$log"
cat "$CASE/log"

#= processor: state is carried from run to run by descriptors 4 and 5
logging '!read -r n <&4; echo "$((n + 1))" >&5; echo "run $n"; cat' ./d
for n in 1 2 3; do
    logged "line $n\n"
    wait_until file_has d/current "line $n"
    send ALRM
    wait_until archives d $n
done
send TERM
end multilog "$log"
cat "$CASE/log"

#= processor: state that was left is given to the next multilog, if current was closed cleanly
mkdir d e
echo state | tee d/state >e/state
echo current | tee d/current >e/current
chmod 744 d/current
logging '!cat <&4 >&5; cat' ./d ./e
logged 'new\n'
wait_until file_has e/current new
send ALRM
wait_until archives d 1
wait_until archives e 2
send TERM
end multilog "$log"

#= processor: where it runs and what it sees
cat >"$CASE/look" <<'END'
pwd
tr '\0' '|' <"/proc/$$/cmdline"
echo
umask
echo "A=$A"
cut -d ' ' -f 5,6 "/proc/$$/stat" | cmp - "$CASE/ids" && echo same group and session
cd "/proc/$$/fd" || exit
set -- ?
for fd; do [ -L "$fd" ] && echo "$fd $(readlink "$fd")"; done
END
cut -d ' ' -f 5,6 "/proc/$$/stat" >"$CASE/ids"
mkfifo in
A=b perl -MPOSIX -e 'POSIX::close($_) for 3..1023; exec @ARGV' multilog '!. "$CASE/look"' ./d ./d/e <in 2>err &
log=$!
exec 4>in
echo one >&4
wait_until file_has d/e/current one
send ALRM
wait_until archives d 1
wait_until archives d/e 1
send TERM
end multilog $log

#= processor: signals are at their defaults for it
mkfifo in
perl -MPOSIX -e '$SIG{PIPE} = "IGNORE"; $SIG{$_} = "DEFAULT" for "INT", "QUIT", "FPE";
    sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGUSR1)); exec @ARGV' multilog '!exec grep -E "^Sig(Blk|Ign)" /proc/self/status' ./d <in &
log=$!
exec 4>in
echo one >&4
wait_until file_has d/current one
send ALRM
wait_until archives d 1
send TERM
end multilog $log

#= processor: empty output, and an empty command
logging '!cat >/dev/null' ./a '!' ./b
logged 'one\n'
wait_until file_has b/current one
send ALRM
wait_until archives a 1
wait_until archives b 1
send TERM
end multilog "$log"
cat "$CASE/log"

#= processor: one that does not read its input
logging '!echo only this' ./d
logged 'one\n'
wait_until file_has d/current one
send ALRM
wait_until archives d 1
send TERM
end multilog "$log"

#= processor: its stderr is that of multilog
logging '!echo from the processor >&2; cat' ./d
logged 'one\n'
wait_until file_has d/current one
send ALRM
wait_until archives d 1
send TERM
end multilog "$log"
cat "$CASE/log"

#= processor: by size, the archives are complete
filler 1500 60 >in
multilog '!gzip -n' s4096 n1000 ./d <in
cat d/@*.s | gzip -d | cat - d/current | cmp - in && echo same
[ "$(count_archives d)" -gt 15 ] && echo many
rm -r d in

#= processor: one that fails is run again after 5 s, with the same input
logging '!if [ -e ../second ]; then cat; else cat >../first; echo half; echo x >&5; touch ../second; exit 3; fi' ./d
logged 'one\n'
wait_until file_has d/current one
send ALRM
wait_until archives d 1
send TERM
end multilog "$log"
cat "$CASE/log"

#= processor: one that is killed is run again
logging '!if [ -e ../second ]; then cat; else touch ../second; kill -KILL $$; fi' ./d
logged 'one\n'
wait_until file_has d/current one
send ALRM
wait_until archives d 1
send TERM
end multilog "$log"
# The original shows a stale errno here.
sed 's/\(crashed in .*, pausing\): .*/\1: ERR/' "$CASE/log"

#= processor: one that is not there
logging '!no-such-program' ./d
logged 'one\n'
wait_until file_has d/current one
send ALRM
wait_until file_has "$CASE/log" pausing
kill -KILL "$log"
wait "$log" 2>/dev/null
cat d/previous
sort -u "$CASE/log"
rm -r d

#= processor: multilog killed while it runs; the next one keeps the input as .u
logging '!touch ../running; cat; exec sleep 1000' ./d
logged 'one\n'
wait_until file_has d/current one
send ALRM
wait_until test -e running
wait_until file_has d/processed one
kill -KILL "$log"
wait "$log" 2>/dev/null
echo new | multilog ./d

#= processor: TERM ends multilog while a processor fails again and again
#! differs 1.18/5
logging '!exit 1' ./d
logged 'one\n'
wait_until file_has d/current one
send ALRM
wait_until file_has "$CASE/log" pausing
send TERM
rounds=100
until gone "$log" || [ $rounds = 0 ]; do rounds=$((rounds - 1)); sleep 0.02; done
if gone "$log"; then end multilog "$log"; else echo multilog is deaf; fi
kill -KILL "$log" 2>/dev/null
wait_until gone "$log"
rm -r d
#| multilog = 0
#| exit 0

#= processor: input is logged while a processor fails again and again
#! differs 1.18/11
logging '!exit 1' ./d
logged 'one\n'
wait_until file_has d/current one
send ALRM
wait_until file_has "$CASE/log" pausing
logged 'two\n'
rounds=100
until file_has d/current two || [ $rounds = 0 ]; do rounds=$((rounds - 1)); sleep 0.02; done
kill -KILL "$log"
wait_until gone "$log"
cat d/current
cat d/previous
rm -r d
#| two
#| one
#| exit 0

#= archives: names that sort after all labels do not make multilog spin
#! differs 1.18/3
mkdir d
touch "d/@~$(bytes 30 a)" "d/@~$(bytes 30 b)"
filler 200 40 | multilog s4096 n2 ./d &
log=$!
rounds=100
until gone $log || [ $rounds = 0 ]; do rounds=$((rounds - 1)); sleep 0.02; done
if gone $log; then end multilog $log; else echo multilog spins; fi
kill -KILL $log 2>/dev/null
wait_until gone $log
ls d | sed 's/@[0-9a-f]*\.s/@LABEL.s/'
rm -r d
#| multilog = 0
#| @LABEL.s
#| @~aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
#| @~bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
#| current
#| lock
#| state
#| exit 0

#= archives: what only looks like one is left alone
#! differs 1.18/3
mkdir d
for name in 00000000.x 0000000.s 00000000 0000000g.s 0000000A.s 00000000.s.gz 000000000.s 00000000.s 00000001.u; do
    echo "$name" >"d/@4000000000000000$name"
done
echo old >d/current
multilog n2 ./d </dev/null
#| exit 0
#| dir 0755 d/
#| file 0644 10 d/@40000000000000000000000.s
#|     | 0000000.s
#| file 0644 9 d/@400000000000000000000000
#|     | 00000000
#| file 0644 14 d/@400000000000000000000000.s.gz
#|     | 00000000.s.gz
#| file 0644 11 d/@400000000000000000000000.x
#|     | 00000000.x
#| file 0644 12 d/@4000000000000000000000000.s
#|     | 000000000.s
#| file 0644 11 d/@40000000000000000000000A.s
#|     | 0000000A.s
#| file 0644 11 d/@40000000000000000000000g.s
#|     | 0000000g.s
#| file 0644 4 d/@<1>.u
#|     | old
#| file 0744 0 d/current
#| file 0600 0 d/lock
#| file 0644 0 d/state

#= archives: the one just made is kept when the others have labels of the future
#! differs 1.18/4
mkdir d
for n in 1 2 3; do echo $n >d/@70000000000000000000000$n.s; done
echo old >d/current
multilog n4 ./d </dev/null
#| exit 0
#| dir 0755 d/
#| file 0644 4 d/@<1>.u
#|     | old
#| file 0644 2 d/@700000000000000000000002.s
#|     | 2
#| file 0644 2 d/@700000000000000000000003.s
#|     | 3
#| file 0744 0 d/current
#| file 0600 0 d/lock
#| file 0644 0 d/state
