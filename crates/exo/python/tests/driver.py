"""Plays exo: runs logic as participant(7) says, so that logic can be tried without exo and without a broker."""

import json
import os
import queue
import signal
import subprocess
import threading
import time

# How many seconds anything may take. No test waits that long if all is well.
DEADLINE = 300


class Exo:
    """Logic that runs. As a context manager, it is ended at the latest at the end of the block."""

    def __init__(self, command, directory, environment=None):
        self.process = subprocess.Popen(
            command,
            cwd=directory,
            env={**os.environ, "PARTICIPANT": "trial", **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._messages = queue.Queue()
        self._log = []
        self._passed = []
        self._threads = [threading.Thread(target=target, daemon=True) for target in (self._read, self._listen)]
        for thread in self._threads:
            thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # The process is not waited for yet, so its number, and that of its group, is still its own.
        if self.process.returncode is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if not self.process.stdin.closed:
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass
        for thread in self._threads:
            thread.join(DEADLINE)
        self.process.stdout.close()
        self.process.stderr.close()

    def send(self, kind, **members):
        """Sends a message to the logic."""
        self.write(json.dumps({"type": kind, **members}, ensure_ascii=False))

    def write(self, line):
        """Sends a line to the logic."""
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def start(self, **sections):
        """Starts the logic, and waits until it is ready."""
        self.send("start", participant="trial", config=sections)
        self.receive("ready")
        return self

    def work(self, number, workitem):
        """Gives it an item."""
        self.send("work", id=number, workitem=workitem)

    def do(self, number, workitem):
        """Gives it an item, and waits for what it answers."""
        self.work(number, workitem)
        return self.receive("reply", "failure")

    def receive(self, *kinds):
        """The next message of one of these types; others that come before it can be had later."""
        for message in self._passed:
            if message["type"] in kinds:
                self._passed.remove(message)
                return message
        until = time.monotonic() + DEADLINE
        while True:
            try:
                message = self._messages.get(timeout=max(0, until - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {' or '.join(kinds)} came; {self}") from None
            if message is None:
                self._messages.put(None)
                raise AssertionError(f"the logic ended without {' or '.join(kinds)}; {self}")
            if message["type"] in kinds:
                return message
            self._passed.append(message)

    def left(self):
        """What the logic has sent otherwise, up to its end."""
        while True:
            message = self._messages.get(timeout=DEADLINE)
            if message is None:
                self._messages.put(None)
                return self._passed
            self._passed.append(message)

    def stop(self):
        """Says stop, and waits for the end: the exit code."""
        self.send("stop")
        return self.wait()

    def hang_up(self):
        """Closes the input of the logic, as the end of exo does, and waits for the end: the exit code."""
        self.process.stdin.close()
        return self.wait()

    def wait(self):
        """Waits for the end: the exit code."""
        try:
            code = self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the logic does not end; {self}") from None
        for thread in self._threads:
            thread.join(DEADLINE)
        return code

    def log(self):
        """What the logic has written to standard error."""
        return b"".join(self._log).decode(errors="backslashreplace")

    def wait_for_log(self, text):
        """Waits until the logic has written this to standard error."""
        until = time.monotonic() + DEADLINE
        while text not in self.log():
            if time.monotonic() > until:
                raise AssertionError(f"{text!r} was not written; {self}")
            time.sleep(0.01)

    def _read(self):
        for line in self.process.stdout:
            try:
                self._messages.put(json.loads(line))
            except ValueError:
                self._messages.put({"type": "rubbish", "line": line.decode(errors="backslashreplace")})
        self._messages.put(None)

    def _listen(self):
        for line in self.process.stderr:
            self._log.append(line)

    def __repr__(self):
        return f"{self.process.args}: exit code {self.process.poll()}, sent {self._passed}, wrote:\n{self.log()}"


def item(wfid="20110216-abc", params=None, **fields):
    """A workitem."""
    return {
        "fei": {"expid": "0_0", "subid": "f1", "wfid": wfid, "engine_id": "engine"},
        "wf_name": "trial",
        "participant_name": "trial",
        "fields": {"params": params or {}, **fields},
    }
