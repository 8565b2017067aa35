"""engine.py PORT: stands in for a process engine. It has ten workitems go through the participants adder and reporter
by way of the broker on this port, and tells how each process ends. With AMQP 0-9-1 as far as that takes."""

import json
import socket
import struct
import sys

STEPS = ["adder", "reporter"]
PROCESSES = 10
QUEUE = "ruote_workitems"


def short(text):
    return struct.pack("B", len(text)) + text.encode()


def long(data):
    return struct.pack(">I", len(data)) + data


class Broker:
    """A connection with one channel."""

    def __init__(self, port):
        self.file = socket.create_connection(("127.0.0.1", port), 20).makefile("rwb")
        self.file.write(b"AMQP\0\0\x09\x01")
        self.expect(10, 10)
        self.send(0, 10, 11, long(b"") + short("PLAIN") + long(b"\0guest\0guest") + short("en_US"))
        tuning = self.expect(10, 30)
        self.send(0, 10, 31, tuning[:6] + struct.pack(">H", 0))
        self.send(0, 10, 40, short("/") + short("") + b"\0")
        self.expect(10, 41)
        self.send(1, 20, 10, short(""))
        self.expect(20, 11)

    def frame(self, kind, channel, payload):
        self.file.write(struct.pack(">BHI", kind, channel, len(payload)) + payload + b"\xce")
        self.file.flush()

    def send(self, channel, kind, method, arguments):
        self.frame(1, channel, struct.pack(">HH", kind, method) + arguments)

    def receive(self):
        """The payload of the next frame that is no heartbeat."""
        self.file.flush()
        while True:
            kind, _, size = struct.unpack(">BHI", self.file.read(7))
            payload = self.file.read(size + 1)[:-1]
            if kind != 8:
                return payload

    def expect(self, kind, method):
        payload = self.receive()
        got = struct.unpack(">HH", payload[:4])
        if got != (kind, method):
            sys.exit("engine: the broker answers %r: %r" % (got, payload))
        return payload[4:]

    def declare(self, queue):
        self.send(1, 50, 10, b"\0\0" + short(queue) + b"\x02" + long(b""))
        self.expect(50, 11)

    def publish(self, queue, workitem):
        body = json.dumps(workitem).encode()
        self.send(1, 60, 40, b"\0\0" + short("") + short(queue) + b"\0")
        self.frame(2, 1, struct.pack(">HHQHB", 60, 0, len(body), 0x1000, 2))
        self.frame(3, 1, body)

    def consume(self, queue):
        """The workitems that come, for ever."""
        self.send(1, 60, 20, b"\0\0" + short(queue) + short("") + b"\x02" + long(b""))
        self.expect(60, 21)
        while True:
            self.expect(60, 60)
            size = struct.unpack(">Q", self.receive()[4:12])[0]
            body = b""
            while len(body) < size:
                body += self.receive()
            yield json.loads(body)


def main():
    broker = Broker(int(sys.argv[1]))
    for queue in STEPS + [QUEUE]:
        broker.declare(queue)
    for number in range(PROCESSES):
        fei = {"wfid": "process-%d" % number, "expid": "0", "subid": "0", "engine_id": "demo"}
        fields = {"numbers": list(range(number + 2)), "params": {}}
        broker.publish(STEPS[0], {"fei": fei, "participant_name": STEPS[0], "fields": fields})
    left = PROCESSES
    for workitem in broker.consume(QUEUE):
        wfid, done = workitem["fei"]["wfid"], workitem["participant_name"]
        if workitem.get("error"):
            sys.exit("engine: %s failed in %s: %s" % (wfid, done, workitem["error"]))
        if done != STEPS[-1]:
            workitem["participant_name"] = STEPS[STEPS.index(done) + 1]
            broker.publish(workitem["participant_name"], workitem)
            continue
        print("%s has ended: %s" % (wfid, workitem["fields"]["report"]), flush=True)
        left -= 1
        if left == 0:
            return


main()
