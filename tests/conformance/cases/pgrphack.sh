# shellcheck shell=sh disable=SC2154,SC2016 # variables come from the prelude; some $ are for the child

#= pgrphack: no operand is a usage error
try pgrphack

#= pgrphack: an option is just the name of a program
try pgrphack -h
try pgrphack --help
try pgrphack -- true
try pgrphack --

#= pgrphack: the child leads its session and group, and all else is passed on unchanged
seen_oddly pgrphack
seen_closed pgrphack

#= pgrphack: a process that leads its group already stays what it is
setsid sh -c 'exec pgrphack awk "{ print \$1 == \$5, \$1 == \$6 }" /proc/self/stat'
seen group=own env="CASE=$CASE" -- pgrphack

#= pgrphack: the child has the same pid
sh -c 'echo $$; exec pgrphack sh -c "echo \$\$"' | uniq | wc -l

#= pgrphack: arguments are passed on unchanged
try pgrphack sh -c 'printf "<%s>" "$0" "$@"' zero '' 'a b' -- -n "$(printf 'a\377\nb')"

#= pgrphack: the exit code is that of the child
try pgrphack true
try pgrphack sh -c 'exit 7'
try pgrphack sh -c 'exit 100'
try pgrphack sh -c 'exit 111'
code=0
pgrphack sh -c 'kill -KILL $$' || code=$?
echo "$code"

#= pgrphack: missing programs
try pgrphack no-such-program
try pgrphack ./no-such-program
try pgrphack /no/such/program
try pgrphack ''
try pgrphack ' '

#= pgrphack: program without x, directory, file as directory, loop, long name
echo '#!/bin/sh' >plain
mkdir dir
ln -s loop loop
ln -s nowhere dangling
mkfifo fifo
for program in ./plain ./dir ./plain/x ./loop ./dangling ./fifo . / dir/ "$(bytes 256)" "./$(bytes 256)" "$(bytes 5000 /)"; do
    try pgrphack "$program"
done

#= pgrphack: no interpreter line, missing interpreter, odd interpreter lines
echo 'echo hello' >none
echo '#!/no/such/interpreter' >missing
: >empty
echo '#!' >bare
echo '#!/etc' >dir
echo '#!./self' >self
printf '\177ELF' >elf
chmod 755 none missing empty bare dir self elf
for program in none missing empty bare dir self elf; do try pgrphack "./$program"; done

#= pgrphack: a program that is being written
cp /bin/true busy
perl -e 'open F, ">>", "busy" or die; system "pgrphack", "./busy"; print $? >> 8, "\n"' 2>&1
rm busy

#= pgrphack: an argument or all arguments that are too long
try pgrphack true "$(bytes 100000)"
python3 -ISB -c 'import os; os.environ["A"] = "x" * 131000; os.execvp("pgrphack", ["pgrphack", "true"])'
echo $?
try pgrphack sh -c 'exec pgrphack no-such-program "$@"' sh "$(bytes 100000)"

#= pgrphack: a name with a slash is never looked for in PATH
mkdir -p bin/sub
printf '#!/bin/sh\necho found\n' >bin/sub/prog
chmod 755 bin/sub/prog
PATH=$PATH:$PWD/bin try pgrphack sub/prog
cd bin && try pgrphack sub/prog

#= pgrphack: PATH is searched in order, and what cannot be executed is remembered
mkdir -p a b c/prog
echo x >a/prog
printf '#!/bin/sh\necho "in b as $0"\n' >b/prog
chmod 755 b/prog
for rest in b a:b b:a a:missing c:missing c:b missing missing:b; do
    echo "$rest"
    PATH=$PATH:$(echo "$PWD/$rest" | sed "s,:,:$PWD/,g") outcome pgrphack prog
done

#= pgrphack: other trouble stops the search
mkdir b loop none
printf '#!/bin/sh\necho in b\n' >b/prog
echo 'echo no interpreter line' >none/prog
chmod 755 b/prog none/prog
echo x >file
ln -s prog loop/prog
for first in "$PWD/file" "$PWD/loop" "$PWD/none" "$PWD/$(bytes 256)" "$PWD/$(bytes 5000 /)"; do
    PATH=$PATH:$first:$PWD/b outcome pgrphack prog
done
PATH=$PATH:$PWD/file:$PWD/b try pgrphack sh -c 'echo found before'

#= pgrphack: what was remembered is forgotten when other trouble follows, and kept when nothing follows
mkdir a
echo x >a/prog
echo x >file
PATH=$PATH:$PWD/a:$PWD/file try pgrphack prog
PATH=$PATH:$PWD/file:$PWD/a try pgrphack prog
PATH=$PATH:$PWD/a:$PWD/missing: try pgrphack prog

#= pgrphack: a directory of PATH that may not be entered, and a file that may not be read
#! root
mkdir -m 700 closed
mkdir open
cp /bin/true closed/prog
cp /bin/true open/prog
for mode in 755 700 711 0; do
    chmod $mode open/prog
    PATH=$PATH:$PWD/closed:$PWD/open try unprivileged pgrphack prog
done
PATH=$PATH:$PWD/closed:$PWD/missing try unprivileged pgrphack prog
try unprivileged pgrphack closed/prog
rm closed/prog open/prog

#= pgrphack: an empty component of PATH is the current directory
printf '#!/bin/sh\necho "here as $0"\n' >prog
chmod 755 prog
try pgrphack prog
PATH=$PATH: try pgrphack prog
PATH=:$PATH try pgrphack prog
PATH=${PATH%%:*}::/bin:/usr/bin try pgrphack prog
PATH=$PATH:. try pgrphack prog
PATH=$PATH:../scratch// try pgrphack prog

#= pgrphack: PATH that is empty, unset, without an equals sign, or there twice
printf '#!/bin/sh\necho "here as $0"\n' >prog
chmod 755 prog
bin=${PATH%%:*}
for entries in PATH= PATH A=1 'PATH= PATH=/bin' 'PATH=/bin PATH=' 'PATH PATH=' 'PATHX=/ PATH='; do
    set --
    for entry in $entries; do set -- "$@" "env=$entry"; done
    for program in prog sh; do
        code=0
        (odd "$@" -- "$bin/pgrphack" "$program" -c 'echo sh') 2>&1 || code=$?
        echo "$entries $program = $code"
    done
done

#= pgrphack: without any environment
(odd env= -- "${PATH%%:*}/pgrphack" env | od -c)
env -i "${PATH%%:*}/pgrphack" env

#= pgrphack: the message when standard error is closed or full
code=0
pgrphack no-such-program 2>&- || code=$?
pgrphack no-such-program 2>/dev/full || code=$code:$?
echo "$code"
