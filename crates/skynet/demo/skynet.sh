#!/bin/sh
# skynet.sh BINDIR: a process of ten workitems through two participants, with a broker of its own, in a scratch
# directory that is removed in the end. It needs no root, but an installed RabbitMQ and jq. Without BINDIR it only says
# what it needs and is missing.
set -eu

# ---- What it needs --------------------------------------------------------

# shellcheck source=demo/stage.sh
. "$(dirname "$0")/../../../demo/stage.sh"

for program in python3 jq; do
    command -v $program >/dev/null || stop "the demonstration needs $program: apt-get install $program"
done
server=/usr/lib/rabbitmq/bin/rabbitmq-server
[ -x $server ] || stop 'the demonstration needs a broker: apt-get install rabbitmq-server'
[ $# -gt 0 ] || exit 0
BINDIR=$(cd "$1" && pwd) || exit 1
demo=$(cd "$(dirname "$0")" && pwd)
for program in svscan supervise svc svok svstat multilog setuidgid skynet exo; do
    [ -x "$BINDIR/$program" ] || stop "$BINDIR/$program is missing: is everything built?"
done
PATH=$BINDIR:$PATH
umask 022

# ---- How it ends ----------------------------------------------------------

# svscan ends all participants in order; then the broker.
end_processes() {
    if is_child "${svscan-}"; then { kill "$svscan" && wait "$svscan"; } 2>/dev/null; fi
    turns=0
    while
        alive=$(processes)
        [ -n "$alive" ]
    do
        turns=$((turns + 1))
        signal=TERM
        [ $turns -le 100 ] || signal=KILL
        # shellcheck disable=SC2086 # one word for each process
        kill -$signal $alive 2>/dev/null || true
        [ $turns -le 150 ] || break
        sleep 0.1
    done
}

describe() {
    skynet status --all
    echo '--- the broker, svscan and the participants said:'
    tail -n 20 broker.log svscan.log BOSS/participants/*/log/main/current
}

# ---- A broker -------------------------------------------------------------

set_stage
# Not from the range that the system hands out by itself, so that no other
# program is given one of them before the broker has it.
ports=$(python3 -c '
import random, socket
sockets = []
while len(sockets) < 3:
    one = socket.socket()
    try:
        one.bind(("127.0.0.1", random.randint(20000, 29999)))
        sockets.append(one)
    except OSError:
        pass
print(*(one.getsockname()[1] for one in sockets))')
# shellcheck disable=SC2086 # three words
set -- $ports
port=$1

start_broker() {
    anything_may_run=yes
    mkdir broker
    echo 'log.console = false' >broker/rabbitmq.conf
    echo '[].' >broker/plugins
    env SERVICEDIR_DEMO="$scratch" HOME="$scratch/broker" \
        ERL_EPMD_PORT="$3" ERL_EPMD_ADDRESS=127.0.0.1 \
        RABBITMQ_NODENAME="servicedir-$$@localhost" RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT="$1" \
        RABBITMQ_DIST_PORT="$2" RABBITMQ_MNESIA_BASE="$scratch/broker/mnesia" RABBITMQ_LOG_BASE="$scratch/broker" \
        RABBITMQ_CONFIG_FILE="$scratch/broker/rabbitmq" RABBITMQ_ENABLED_PLUGINS_FILE="$scratch/broker/plugins" \
        RABBITMQ_ADVANCED_CONFIG_FILE="$scratch/broker/none" RABBITMQ_CONF_ENV_FILE="$scratch/broker/none" \
        RABBITMQ_GENERATED_CONFIG_DIR="$scratch/broker" RABBITMQ_ALLOW_INPUT=1 \
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-noinput -kernel inet_dist_use_interface {127,0,0,1}' \
        "$server" </dev/null >broker.log 2>&1 &
}

broker_answers() {
    python3 -c 'import socket; socket.create_connection(("127.0.0.1", '"$port"'), 5)' 2>/dev/null
}

# skynet finds svscan by its directory.
svscan_runs() {
    [ "$(readlink "/proc/$svscan/cwd")" = "$scratch/BOSS/service" ]
}

# ---- The tour -------------------------------------------------------------

say 'SkyNET lets processes be carried out by participants: services that take' \
    'workitems from the queue of a broker, and send them back when the work is done.' \
    'This one, RabbitMQ, runs for this demonstration only:'
start_broker "$@"
wait_for 'the broker to answer' broker_answers
printf '[boss]\namqp_host=127.0.0.1:%s\namqp_user=guest\namqp_pwd=guest\namqp_vhost=/\n' "$port" >boss.conf
type_in 'cat boss.conf'

say 'At home, everything is below a directory BOSS. svscan runs what is enabled:'
type_in 'mkdir -p BOSS/participants BOSS/service; mv boss.conf BOSS; cd BOSS'
show 'svscan service &'
SERVICEDIR_DEMO=$scratch svscan service >../svscan.log 2>&1 &
svscan=$!
wait_for 'svscan to start' svscan_runs

say 'The logic of a participant can be in any language. One in Python:'
cat >../adder.py <<'END'
class ParticipantHandler(object):
    def handle_wi(self, wi):
        self.log.info("adding %s", wi.fields.numbers)
        wi.fields.sum = sum(wi.fields.numbers)
        wi.result = True
END
type_in 'cat ../adder.py'

say 'And one in shell, with jq, which reads and writes a line of JSON for each message' \
    'of participant(7):'
cat >../reporter <<'END'
#!/bin/sh
exec jq --unbuffered -c '
    if .type == "start" then {type: "ready"}
    elif .type == "work" then
        {type: "reply", id, workitem: (.workitem | .fields |= (.report = "the sum is \(.sum)" | .__result__ = true))}
    elif .type == "stop" then halt
    else empty end'
END
chmod +x ../reporter
type_in 'cat ../reporter'

account=$(id -un)
say 'skynet makes participants of them, and starts them, now and whenever svscan starts:'
type_in "skynet install -n adder -u $account ../adder.py"
type_in "skynet install -n reporter -u $account ../reporter"
type_in 'skynet enable --now adder reporter'
type_in 'skynet status adder reporter'

say 'A process engine has ten workitems go through both:'
type_in "python3 $demo/engine.py $port"

say 'Both logs in one, of one process alone:'
type_in 'skynet log --wfid process-7 adder reporter'

say 'How often they were called, and how long that took:'
type_in 'skynet history adder reporter'

say 'A participant that is stopped finishes what it has in hand:'
type_in 'skynet stop --all'

cd ..
end_processes
anything_may_run=no
say 'That was all.'
