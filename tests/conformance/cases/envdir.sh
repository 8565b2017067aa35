# shellcheck shell=sh disable=SC2154,SC2016,SC2059 # variables come from the prelude; some $ are for the child; formats are data

#= envdir: usage errors have their own code
try envdir
try envdir dir
mkdir dir
try envdir dir
try envdir ''
try envdir -h

#= envdir: an option is just the name of a directory
try envdir -h true
try envdir -- dir true
mkdir ./-- ./-h
echo 1 >./--/A
try envdir -- sh -c 'echo "A=$A"'
try envdir -h echo fine
try envdir -- --

#= envdir: directories that are missing, empty, files, loops, dangling, long
mkdir dir
echo x >file
ln -s loop loop
ln -s nowhere dangling
mkfifo fifo
for directory in missing '' file file/below loop dangling fifo missing/.. "$(bytes 256)" "$(bytes 5000 /)" 'new
line'; do try envdir "$directory" echo wrong; done
try envdir dir echo fine
try envdir dir/ echo fine
try envdir ./dir/../dir/. echo fine

#= envdir: directories that may not be entered or read
#! root
mkdir -m 700 closed
mkdir -m 711 unlisted
mkdir -m 744 unentered
mkdir empty
chmod 744 empty
echo x >unentered/A
for directory in closed unlisted unentered empty; do try unprivileged envdir $directory echo wrong; done

#= envdir: files that may not be read
#! root
mkdir dir
echo x >dir/A
chmod 600 dir/A
try unprivileged envdir dir echo wrong
try unprivileged envdir dir/../dir/ echo wrong
mv dir/A dir/.A
try unprivileged envdir dir echo fine

#= envdir: a value for each form of a file
mkdir dir
value() { printf "$1" >dir/V && env -i V=before "${PATH%%:*}/envdir" dir /usr/bin/env >"$CASE/value" && {
    printf '%s: ' "$1"
    od -An -c -v "$CASE/value" | tr -s ' \n' ' '
    echo
}; }
for form in '' '\n' '\n\n' '\nx' 'x' 'x\n' 'x\ny\n' 'x\n\n' ' ' '\t' ' \n' '\t\n' ' \t \t' ' x' ' x \t\n' 'x \t y \t ' \
    '\0' '\0\n' '\0\0' 'x\0' 'x\0y' 'x\0\n' 'x \0' 'x\0 ' 'x \0 \n' '\0 \t' 'x\0\0y \n' 'x\0y\nz\0' ' \0 ' '\r' '\r\n' 'x\r\n' \
    'x \r\n' 'x\r' '=' 'x=y' '=x\n' '\v\f' 'x\v\n' 'x\f' '"x"\n' '$HOME\n' '\\\\\n' '\377\200\n' 'x\302\240\n' '\303\244\n' '#x\n'; do
    value "$form"
done

#= envdir: long values, with and without newline
mkdir dir
for size in 63 64 65 127 128 129 255 256 511 512 1023 1024 1025 4095 4096 4097 8192 65536 100000 131000; do
    bytes $size >dir/A
    { bytes $size y; printf ' \t\nsecond\n'; } >dir/B
    env -i "${PATH%%:*}/envdir" dir /usr/bin/env | awk '{ print substr($0, 1, 4), length }' | sort
done

#= envdir: a value that is longer than the system lets an entry be
mkdir dir
bytes 131069 >dir/A
outcome envdir dir true
bytes 131070 >dir/A
outcome envdir dir true
bytes 200000 >dir/A
outcome envdir dir true
{ echo first; bytes 3000000; } >dir/A
try envdir dir sh -c 'echo "$A"'
{ bytes 10; bytes 3000000 ' '; echo; } >dir/A
try envdir dir sh -c 'echo "$A"'
rm dir/A

#= envdir: more values than the system lets an environment have
mkdir dir
for number in 1 2 3 4 5 6 7 8 9; do bytes 130000 >dir/A$number; done
try softlimit -s 1000000 envdir dir true
rm -r dir

#= envdir: names as they come
mkdir dir
for name in A a _ 1 A.B 'a b' 'A
B' "$(printf 'odd\377')" A-B '$A' "$(bytes 255 n)" BASH_FUNC_x%%; do echo "value of it" >"dir/$name"; done
try env -i "${PATH%%:*}/envdir" dir /usr/bin/env
rm -r dir

#= envdir: names that begin with a dot are left out, whatever they are
mkdir -p dir/.directory
echo wrong >dir/.A
echo wrong >dir/..A
ln -s nowhere dir/.dangling
ln -s .loop dir/.loop
echo right >dir/A.
try env -i "${PATH%%:*}/envdir" dir /usr/bin/env

#= envdir: names with an equals sign
for name in A=B A= =B = A=B=C ==; do
    for value in '' '\n' 'x' 'x=y'; do
        mkdir dir
        printf "$value" >"dir/$name"
        echo "$name $value"
        seen_environment env=A=1 env=A=B=2 env==B=3 env=B=4 env=A env==5 env==A -- "${PATH%%:*}/envdir" dir
        rm -r dir
    done
done

#= envdir: a variable that is set goes to the end, and the last one takes its place
mkdir dir
for name in A B C D NEW; do
    echo new >dir/$name
    echo "$name"
    env -i A=1 B=2 C=3 D=4 "${PATH%%:*}/envdir" dir /usr/bin/env
    : >dir/$name
    env -i A=1 B=2 C=3 D=4 "${PATH%%:*}/envdir" dir /usr/bin/env
    rm dir/$name
done

#= envdir: several variables, in the order in which the directory has them
mkdir dir
for name in B Z A D Y X C; do echo "new $name" >dir/$name; done
: >dir/D
: >dir/Q
env -i A=1 B=2 C=3 D=4 E=5 F=6 "${PATH%%:*}/envdir" dir /usr/bin/env
env -i "${PATH%%:*}/envdir" dir /usr/bin/env
for count in 1 2 3 4 5 6 7 8 9 10; do echo $count >dir/V$count; done
env -i V7=a V3=b X=c V9=d "${PATH%%:*}/envdir" dir /usr/bin/env

#= envdir: variables that are there several times, entries without an equals sign
mkdir dir
for value in new '\n' ''; do
    printf "$value" >dir/A
    seen_environment env=A=1 env=B=2 env=A=3 env=A env=C=4 env=AA=5 env=A=6 -- "${PATH%%:*}/envdir" dir
    seen_environment env=A env=B=2 -- "${PATH%%:*}/envdir" dir
    seen_environment env=A=1 env=A=1 -- "${PATH%%:*}/envdir" dir
    seen_environment env= env=A=1 env==x env=B -- "${PATH%%:*}/envdir" dir
done

#= envdir: what the child has from its caller
mkdir dir
echo value >dir/A
: >dir/B
seen_oddly envdir dir
seen_closed envdir dir

#= envdir: an empty directory changes nothing
mkdir dir
seen_environment env=B=1 env=A env=A=2 env=B=3 env= -- "${PATH%%:*}/envdir" dir
try env -i "${PATH%%:*}/envdir" dir /usr/bin/env

#= envdir: a fifo is empty, whether somebody writes to it or not
mkdir dir
mkfifo dir/A
try env -i A=1 B=2 "${PATH%%:*}/envdir" dir /usr/bin/env

#= envdir: a fifo with something in it
mkdir dir
mkfifo dir/A
exec 4<>dir/A
try env -i A=1 B=2 "${PATH%%:*}/envdir" dir /usr/bin/env
echo text >&4
(sleep 0.2; exec 4>&-) &
try env -i A=1 B=2 "${PATH%%:*}/envdir" dir /usr/bin/env

#= envdir: devices
mkdir dir
ln -s /dev/null dir/A
try env -i A=1 B=2 "${PATH%%:*}/envdir" dir /usr/bin/env

#= envdir: a subdirectory, and a link to one
mkdir -p dir/A
try envdir dir true
rmdir dir/A
ln -s . dir/A
try envdir dir true
try envdir ./dir/ true

#= envdir: a socket in place of a file
mkdir dir
perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0); bind(S, pack_sockaddr_un("dir/A"))'
try envdir dir true
rm dir/A

#= envdir: links to files, and a loop
mkdir dir
echo value >file
ln -s ../file dir/A
ln file dir/B
try env -i "${PATH%%:*}/envdir" dir /usr/bin/env
rm dir/A dir/B
ln -s A dir/A
try envdir dir true
rm dir/A
ln -s ../file/below dir/A
try envdir dir true
rm dir/A

#= envdir: a dangling link removes its variable
#! differs 1.18/2
mkdir dir
for count in 1 2 3 4 5 6 7 8; do
    echo "secret $count" >dir/A$count
    ln -s nowhere dir/B$count
done
env -i B1=1 B5=5 C=6 "${PATH%%:*}/envdir" dir /usr/bin/env >"$CASE/env"
sort "$CASE/env"
rm -r dir
#| A1=secret 1
#| A2=secret 2
#| A3=secret 3
#| A4=secret 4
#| A5=secret 5
#| A6=secret 6
#| A7=secret 7
#| A8=secret 8
#| C=6
#| exit 0

#= envdir: a dangling link alone removes its variable
mkdir dir
ln -s nowhere dir/B
env -i A=1 B=2 "${PATH%%:*}/envdir" dir /usr/bin/env

#= envdir: the child is where the caller was, also when that has no name any more
mkdir dir here
echo value >dir/A
directory=$PWD/dir
try envdir dir sh -c 'pwd -P; echo "$A"'
cd here || exit
rmdir ../here
try envdir "$directory" sh -c 'readlink /proc/self/cwd; echo "$A"'

#= envdir: the current directory, by its name
echo value >A
try env -i "${PATH%%:*}/envdir" . /usr/bin/env
try env -i "${PATH%%:*}/envdir" "$PWD" /usr/bin/env

#= envdir: a current directory that may not be opened
#! root
mkdir -m 711 here
mkdir dir
directory=$PWD/dir
cd here || exit
try unprivileged envdir "$directory" echo wrong

#= envdir: PATH that the directory sets is for the child, and does not say where it is found
mkdir dir a b
printf '#!/bin/sh\necho "a with PATH=$PATH"\n' >a/prog
printf '#!/bin/sh\necho "b with PATH=$PATH"\n' >b/prog
chmod 755 a/prog b/prog
echo "$PWD/b" >dir/PATH
bin=${PATH%%:*}
try env PATH="$PWD/a" "$bin/envdir" dir prog
try env PATH="$PWD/none" "$bin/envdir" dir prog
try env PATH="$PWD/none" "$bin/envdir" dir sh -c 'echo wrong'
try env -u PATH "$bin/envdir" dir sh -c 'echo "$PATH"'
: >dir/PATH
try env PATH="$PWD/a" "$bin/envdir" dir prog
echo >dir/PATH
try env PATH="$PWD/a" "$bin/envdir" dir prog

#= envdir: the exit code is that of the child
mkdir dir
try envdir dir true
try envdir dir sh -c 'exit 7'
try envdir dir sh -c 'exit 100'
try envdir dir sh -c 'kill -KILL $$'

#= envdir: programs that cannot be run
echo x >plain
mkdir dir
for program in no-such-program '' ./plain ./dir ./plain/x --; do try envdir dir "$program"; done
PATH=$PATH:$PWD/plain:/bin try envdir dir no-such-program

#= envdir: no descriptors
mkdir dir
echo value >dir/A
for number in 6 5 4; do
    code=0
    softlimit -o $number sh -c 'exec 2>&1 3>&-; exec envdir dir true' >"$CASE/out" 2>&1 || code=$?
    echo "$number $code $(grep ^envdir: "$CASE/out")"
done

#= envdir: a file for which there is no memory
mkdir dir
{ echo first; bytes 5000000; } >dir/A
try softlimit -d 1000000 envdir dir true
rm dir/A

#= envdir: messages that are long, and with odd bytes
long=$(bytes 200)/$(bytes 200 y)
try envdir "$long" true
mkdir -p "$long/$(bytes 200 z)"
try envdir "$long" true
try envdir "$(printf 'no/a\377\nb')" true
rm -r "$(bytes 200)"

#= envdir: hundreds of variables
mkdir dir
for name in $(seq 700); do echo "value $name" >"dir/V$name"; done
env -i V5=5 V600=600 "${PATH%%:*}/envdir" dir /usr/bin/env >"$CASE/env"
cat "$CASE/env"
rm -r dir
