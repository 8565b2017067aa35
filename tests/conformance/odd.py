"""odd.py STATE... -- PROGRAM ARG...: becomes a program in an odd state.

ignore=PIPE,HUP  block=TERM,CHLD  close=0,2  open=5:FILE (read and write)  pipe=5,7 (both ends)  umask=027  nice=5
group=own  fail=flock:37 (that call fails with that error; also getrlimit and setrlimit)
env=ENTRY (the first one empties the environment; entries may be doubled or have no `=`)

Whatever is not said is plain: no signal ignored or blocked, nothing open but 0, 1 and 2.
"""
import ctypes
import os
import platform
import signal
import struct
import sys

split = sys.argv.index("--")
states = [word.partition("=")[::2] for word in sys.argv[1:split]]
command = sys.argv[split + 1:]
environment = [b"%b=%b" % item for item in os.environb.items()]
if any(name == "env" for name, _ in states):
    environment = []

for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_SETMASK, [])
os.closerange(3, 10000)


def signals(names):
    return [getattr(signal, "SIG" + name) for name in names.split(",")]


def put(descriptor, number):
    os.dup2(descriptor, number)
    if descriptor != number:
        os.close(descriptor)


class Filter(ctypes.Structure):
    """struct sock_fprog"""
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]


def fail(call, error):
    """A seccomp filter. Both getrlimit and setrlimit are prlimit64, without and with a pointer in its third argument."""
    flock, prlimit64 = {"x86_64": (73, 302), "aarch64": (32, 261)}[platform.machine()]
    number = flock if call == "flock" else prlimit64
    # Each is: operation, how many to skip if it is true, if it is not, value.
    load, equal, answer = 0x20, 0x15, 0x06
    pointer = {
        "flock": [],
        "getrlimit": [(load, 0, 0, 32), (equal, 0, 1, 0)],
        "setrlimit": [(load, 0, 0, 32), (equal, 1, 0, 0)],
    }[call]
    code = [(load, 0, 0, 0), (equal, 0, len(pointer) + 1, number), *pointer]
    code += [(answer, 0, 0, 0x50000 | error), (answer, 0, 0, 0x7FFF0000)]
    packed = b"".join(struct.pack("HBBI", *line) for line in code)
    prctl = ctypes.CDLL(None).prctl
    program = Filter(len(code), packed)
    if prctl(38, 1, 0, 0, 0) or prctl(22, 2, ctypes.byref(program), 0, 0):
        sys.exit("odd.py: no seccomp")


for name, value in states:
    if name == "env":
        environment.append(os.fsencode(value))
    elif name == "ignore":
        for number in signals(value):
            signal.signal(number, signal.SIG_IGN)
    elif name == "block":
        signal.pthread_sigmask(signal.SIG_BLOCK, signals(value))
    elif name == "close":
        for number in value.split(","):
            os.close(int(number))
    elif name == "open":
        number, _, path = value.partition(":")
        put(os.open(path, os.O_RDWR), int(number))
    elif name == "pipe":
        for end, number in zip(os.pipe(), value.split(",")):
            put(end, int(number))
    elif name == "umask":
        os.umask(int(value, 8))
    elif name == "nice":
        os.nice(int(value))
    elif name == "fail":
        call, _, error = value.partition(":")
        fail(call, int(error))
    elif name == "group":
        os.setpgid(0, 0)
    else:
        sys.exit(f"odd.py: what is {name}?")


def strings(words):
    return (ctypes.c_char_p * (len(words) + 1))(*words, None)


places = [command[0]] if "/" in command[0] else [f"{place}/{command[0]}" for place in os.environ["PATH"].split(":")]
execve = ctypes.CDLL(None, use_errno=True).execve
for place in places:
    execve(os.fsencode(place), strings([os.fsencode(word) for word in command]), strings(environment))
sys.exit(f"odd.py: {command[0]}: {os.strerror(ctypes.get_errno())}")
