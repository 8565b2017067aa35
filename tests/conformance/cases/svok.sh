# shellcheck shell=sh disable=SC2154 # variables come from the prelude

#= svok: no operand is a usage error
try svok

#= svok: an option is just a directory name
try svok -h
try svok --
try svok -- .

#= svok: missing directory, empty name, file, loop, long name
echo x >file
ln -s loop loop
try svok missing
try svok ''
try svok file
try svok loop
try svok file/below
code=0
svok "$(bytes 256)" 2>err || code=$?
echo "$code $(sed 's/x*x/LONG/' err)"
rm err

#= svok: never supervised, and a supervise directory without fifo
mkdir sv empty empty/supervise
try svok sv
try svok empty

#= svok: a fifo that nobody reads
mkdir -p sv/supervise
mkfifo sv/supervise/ok
try svok sv

#= svok: a fifo that somebody reads
fake_service sv
try svok sv
try svok sv/
try svok ./sv/../sv

#= svok: surplus operands are ignored
fake_service sv
try svok sv missing
try svok missing sv

#= svok: the current directory
fake_service .
try svok .

#= svok: names with odd bytes are printed as they are
try svok 'no such
dir'
try svok "$(printf 'a\377b\tc')"

#= svok: a regular file in place of ok
mkdir -p sv/supervise
echo x >sv/supervise/ok
try svok sv

#= svok: a directory, a dangling link and a loop in place of ok
for kind in dir dangling loop; do mkdir -p $kind/supervise; done
mkdir dir/supervise/ok
ln -s nowhere dangling/supervise/ok
ln -s ok loop/supervise/ok
try svok dir
try svok dangling
try svok loop

#= svok: a link in place of ok is not followed
#! differs 1.5
mkdir -p null/supervise
ln -s /dev/null null/supervise/ok
try svok null
#| $ svok null
#| 2> svok: fatal: unable to open null/supervise/ok: symbolic link loop
#| = 111
#| exit 0
#| dir 0755 null/
#| dir 0755 null/supervise/
#| link null/supervise/ok -> /dev/null

#= svok: a file in place of supervise, and a loop
mkdir sv loop
echo x >sv/supervise
ln -s supervise loop/supervise
try svok sv
try svok loop

#= svok: a socket in place of ok
mkdir -p sv/supervise
perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0); bind(S, pack_sockaddr_un("sv/supervise/ok"))'
try svok sv
rm sv/supervise/ok

#= svok: no access to the directory or to the fifo
#! root
mkdir closed
chmod 700 closed
try unprivileged svok closed
fake_service sv
chmod 600 sv/supervise/ok
try unprivileged svok sv
chmod 700 sv/supervise
try unprivileged svok sv

#= svok: a message longer than 256 bytes
long=$(bytes 200)/$(bytes 200 y)
try svok "$long"

#= svok: closed descriptors do not matter
fake_service sv
try sh -c 'exec svok sv <&- >&- 2>&-'
try sh -c 'exec svok missing <&- >&- 2>&-'

#= svok: real supervise, before, during and after
sleeper sv
try svok sv
supervised sv
try svok sv
svc -dx sv
end supervise "$sv"
try svok sv

#= svok: supervise without service is running too
sleeper sv
touch sv/down
supervised sv
try svok sv
svc -x sv
end supervise "$sv"
