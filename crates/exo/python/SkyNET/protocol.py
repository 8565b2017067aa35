"""The lines to and from exo: participant(7)."""

import json
import os
import sys
import threading

ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class Channel:
    """Messages on what were standard input and output.

    From now on, logic that reads gets nothing, and what it prints is on standard error.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._input = os.dup(0)
        self._output = os.dup(1)
        # A process that logic forks while another thread writes must not find that the lock is held for ever.
        os.register_at_fork(after_in_child=self._unlock)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        # By the line, and whatever the locale: a log must not lose what comes before a crash, nor be a reason for one.
        # With PYTHONUNBUFFERED, print() would write each of its arguments on its own.
        for stream in sys.stdout, sys.stderr:
            stream.reconfigure(
                encoding="utf-8", errors="backslashreplace", line_buffering=True, write_through=False
            )

    def messages(self):
        """Each message, until exo has closed its end."""
        begun = []
        while True:
            # Not through a file object: a thread that waits in one keeps the interpreter from ending.
            received = os.read(self._input, 1 << 16)
            if not received:
                return
            *ends, rest = received.split(b"\n")
            for end in ends:
                yield json.loads(b"".join([*begun, end]))
                begun.clear()
            begun.append(rest)

    def send(self, kind, **members):
        """Sends a message. What is not JSON raises, and nothing is sent."""
        text = ENCODER.encode({"type": kind, **members})
        # A surrogate on its own, as in the name of a file that is not UTF-8, is nothing that JSON can carry.
        line = text.encode("utf-8", "replace") + b"\n"
        with self._lock:
            rest = memoryview(line)
            try:
                while rest:
                    rest = rest[os.write(self._output, rest):]
            except OSError:
                # exo is gone, and the items in hand go to somebody else.
                os._exit(1)

    def _unlock(self):
        self._lock = threading.Lock()
