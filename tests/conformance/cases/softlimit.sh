# shellcheck shell=sh disable=SC2154,SC2016 # variables come from the prelude; some $ are for the child

#= softlimit: usage errors
try softlimit
try softlimit -a
try softlimit -a 5
try softlimit -a5 -c
try softlimit -a5 --
try softlimit --
try softlimit ''
try softlimit -

#= softlimit: options that are none
for words in -z -x5 -a5z -h -b -n5 -e '-a 5 -z' -A5 -1 -= -? -:; do
    # shellcheck disable=SC2086 # words
    try softlimit $words true
done
"${PATH%%:*}/softlimit" -z 2>&1

#= softlimit: where options end
try softlimit -- echo 1
try softlimit -c 5 -- echo 2
try softlimit -c -- echo 3
try softlimit - echo 5
try softlimit -c 5 - echo 6
try softlimit -c 5 echo -o 7
try softlimit echo -o 8

#= softlimit: a word that begins with two dashes and is no option
#! differs 1.0
try softlimit -c 5 --all echo 1
#| $ softlimit -c 5 --all echo 1
#| 2> softlimit: unknown option --all
#| 2> softlimit: usage: softlimit [-a allbytes] [-c corebytes] [-d databytes] [-f filebytes] [-l lockbytes] [-m membytes] [-o openfiles] [-p processes] [-r residentbytes] [-s stackbytes] [-t cpusecs] child
#| = 100
#| exit 0

#= softlimit: amounts that are none
for amount in -1 5x x ' 5' '5 ' 0x5 5k == =5 5= +5 1.5 '5
' "$(printf '5\377')" unlimited -; do
    try softlimit -c "$amount" echo wrong
    try softlimit "-c$amount" echo wrong
done
try softlimit -c 5 -o 5x -z echo wrong
try softlimit -c x -z echo wrong

#= softlimit: the letters, one by one
for letter in c f l p r s t; do
    echo "-$letter"
    limited "-$letter" 7654321
    limited "-${letter}7654321"
    limited "-$letter" =
    limited "-$letter="
done
for letter in a d m; do
    echo "-$letter"
    limited "-$letter" 1234567890
    limited "-${letter}1234567890"
    limited "-$letter" =
done
limited -o 100
limited -o100
limited -o =

#= softlimit: no digits are 0
for letter in c l p r; do
    limited "-$letter" ''
    limited "-$letter" 0
    limited "-$letter" 000
done
limited -c '' -r ''

#= softlimit: several amounts of one letter, the last one counts
limited -c 5 -c 6
limited -c 6 -c 5
limited -c 6 -c =
limited -c = -c 6
limited -c 5 -o 100 -c 7 -o 50
limited -c5 -r6 -p7 -l8

#= softlimit: -m and the four that it stands for, in either order
limited -m 1234567890
limited -m 1234567890 -d 1000000000 -s 1000000 -l 1000 -a 2000000000
limited -d 1000000000 -s 1000000 -l 1000 -a 2000000000 -m 1234567890
limited -m 1234567890 -a =
limited -a 1500000000 -m =
limited -m 1234567890 -m =

#= softlimit: all letters at once
limited -a 2000000001 -c 2 -d 2000000003 -f 4000004 -l 5 -o 60 -p 7 -r 8 -s 9000000 -t 1000
limited -t 1000 -s 9000000 -r 8 -p 7 -o 60 -l 5 -f 4000004 -d 2000000003 -c 2 -a 2000000001

#= softlimit: numbers that are large, and too large
for amount in 4294967295 4294967296 9223372036854775807 9223372036854775808 18446744073709551614 18446744073709551615 \
    18446744073709551616 18446744073709551617 18446744073709551620 184467440737095516160 99999999999999999999999 \
    "$(bytes 1000 9)" "$(bytes 200 0)5" 00000000000000000000000000000005; do
    limited -r "$amount"
    limited -o "$amount"
done

#= softlimit: the hard limit stays, and is the most that one can have
for amount in 0 9 10 11 19 20 21 1000 18446744073709551615 =; do
    hard=--rss=10:20 limited -r $amount
    hard=--core=0:0 limited -c $amount
done
for amount in 1000000 8000000 9000000 =; do hard=--stack=4000000:8000000 limited -s $amount; done
hard=--nofile=15:20 limited -o 30
hard=--nofile=15:20 limited -o 18
hard=--nofile=15:20 limited -o =
hard=--memlock=1000:2000 limited -m 1000000000
hard=--data=1000000000:1000000000 limited -m 2000000000

#= softlimit: those that are not root have the same
#! root
for amount in 5 15 25 =; do hard=--rss=10:20 limited_as=unprivileged limited -r $amount; done
try unprivileged softlimit -l = -p = -c 5 echo fine

#= softlimit: what the child has from its caller
seen_oddly softlimit -c 12345 -o 50
seen_closed softlimit -r 7
seen -- softlimit
seen env="CASE=$CASE" -- softlimit -a 1234567890 -c 2 -d 1234567891 -f 4000004 -l 5 -o 60 -p 7 -r 8 -s 9000000 -t 1000

#= softlimit: the exit code is that of the child
try softlimit true
try softlimit -c 5 sh -c 'exit 7'
try softlimit -c 5 sh -c 'exit 111'
try softlimit sh -c 'kill -KILL $$'

#= softlimit: programs that cannot be run, whatever the limits
echo x >plain
mkdir dir
# When `-t 0` ends a program is a matter of chance.
for program in no-such-program '' ./plain ./dir ./plain/x; do
    try softlimit "$program"
    for letter in a c d l m o p r s; do try softlimit -$letter 0 "$program"; done
    try softlimit -t 9 "$program"
    try softlimit -a 0 -c 0 -d 0 -l 0 -m 0 -o 0 -p 0 -r 0 -s 0 -t 9 "$program"
done
PATH=$PATH:$PWD/plain:/bin try softlimit -m 0 no-such-program
outcome softlimit -a 0 "$(bytes 3000 /)"
outcome softlimit -m 0 "$(bytes 10000 /)"

#= softlimit: a message of 100 KB when there is no memory
outcome softlimit -m 0 "$(bytes 100000 /)"

#= softlimit: a program that the limits leave no room to start
for letter in a s d m; do
    for amount in 0 100 4096; do try softlimit -$letter $amount true; done
done
for amount in 0 1 3; do try softlimit -o $amount true 3<&-; done

#= softlimit: a stack that is too small for the arguments
long=$(bytes 100000)
outcome softlimit -s 100000 true "$long" "$long"
outcome softlimit -s 1000000 true "$long" "$long" "$long"
outcome softlimit -s 8000000 true "$long" "$long" "$long"
outcome softlimit -s 100000 true short
python3 -ISB -c 'import os; os.environ.update({str(n): "x" * 1000 for n in range(200)}); os.execvp("softlimit", ["softlimit", "-s", "100000", "true"])' 2>&1
echo $?

#= softlimit: limits that the child meets
try softlimit -f 5 sh -c 'printf 1234567890 >file; echo "$?"' 2>&1
try softlimit -f 5 sh -c 'trap "" XFSZ; printf 1234567890 >trapped'
try softlimit -o 4 sh -c 'echo x 4>fourth'
try softlimit -o 3 sh -c 'echo x'
try softlimit -c 0 sh -c 'ulimit -c; ulimit -c 0; ulimit -c 5 || :'

#= softlimit: a limit of files that is below what is open
try softlimit -o 4 sh -c 'echo still >&7; echo x 5>&1' 7>&1

#= softlimit: no process is left for the child of an account
#! root
try unprivileged softlimit -p 0 echo fine
try unprivileged softlimit -p 0 sh -c 'true | true'
try unprivileged softlimit -p= sh -c 'true | true; echo fine'

#= softlimit: a file limit of 0 and a message
try softlimit -f 0 no-such-program
try softlimit -f 0 true
softlimit -f 0 no-such-program 2>&1 | cat

#= softlimit: within itself
limited -c 10 softlimit -c 20 softlimit -r 5
limited -o 50 softlimit -o 100 softlimit -o =

#= softlimit: the system refuses
for call in getrlimit setrlimit; do
    for letter in a m o; do
        code=0
        (odd fail=$call:1 -- softlimit -c 5 -$letter 1000000 echo wrong) 2>&1 || code=$?
        (odd fail=$call:22 -- softlimit -z -$letter 1000000 echo wrong) 2>&1 || code="$code $?"
        echo "$call $letter = $code"
    done
    (odd fail=$call:1 -- softlimit echo fine) 2>&1
done

#= softlimit: limits are set as they are read, before a later mistake is found
try softlimit -f 0 -z true
try softlimit -f 0 -c 5x true
try softlimit -f 0 -c
try softlimit -f 0
try softlimit -z -f 0 true
for rest in '-z true' '-o 5x true' '' '-o'; do
    code=0
    # shellcheck disable=SC2086 # words
    (odd fail=setrlimit:1 -- softlimit -c 5 $rest) 2>&1 || code=$?
    echo "$rest = $code"
done
