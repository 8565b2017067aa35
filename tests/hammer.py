#!/usr/bin/env python3
"""hammer.py: runs the integration suites again and again on a busy machine, and counts which tests fail.

`make hammer` calls it, CONTRIBUTING.md says when. The settings are environment variables:

RUNS     how often each suite runs beside the busy processes (20)
LOAD     how many busy processes there are (20)
PINNED   how often each suite runs after that, without them, on one processor (1)
PIN      the number of that processor (the first one that is allowed)
SUITES   which suites: root,skynet,exo,python
ONLY     only tests whose names contain one of these words
JOBS     how many suites run side by side (1)
TIMEOUT  after how many seconds a run is killed, and counts as failed (7200)

The exit status is 0 if nothing failed, 1 if a test failed, 2 if the tests could not be built, and 130 after Ctrl-C.
"""
import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUITES = ["root", "skynet", "exo", "python"]
BUSY = ["sh", "-c", "while :; do :; done"]
# What stands in the table for a run that did not get as far as to name the tests that failed.
WHOLE_RUN = "(the run as a whole)"
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
prctl = ctypes.CDLL(None).prctl


def number(name, default):
    text = os.environ.get(name) or str(default)
    if not text.isdigit():
        sys.exit(f"hammer: {name} must be a number, not {text}")
    return int(text)


RUNS, LOAD, PINNED = number("RUNS", 20), number("LOAD", 20), number("PINNED", 1)
JOBS, TIMEOUT = max(1, number("JOBS", 1)), number("TIMEOUT", 7200)
PIN = number("PIN", min(os.sched_getaffinity(0)))
ONLY = os.environ.get("ONLY", "").split()
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
RESULTS = TARGET.absolute() / "hammer" / time.strftime("%Y%m%d-%H%M%S")


def say(text):
    print(text, flush=True)


def build():
    """Builds all programs and tests. Returns the command of each suite, and the directory it runs in."""
    cargo = [os.environ.get("CARGO", "cargo")]
    options = ["--quiet", "--locked", "--workspace"]
    subprocess.run([*cargo, "build", *options], cwd=ROOT, check=True)
    test = [*cargo, "test", *options, "--test", "integration", "--no-run", "--message-format=json"]
    lines = subprocess.run(test, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout.splitlines()
    commands = {}
    for artifact in map(json.loads, filter(lambda line: line.startswith(b"{"), lines)):
        if artifact.get("executable") and artifact["target"]["kind"] == ["test"]:
            package = Path(artifact["manifest_path"]).parent
            suite = "root" if package == ROOT else package.name
            # Not captured, what a test says is in the output at once, also if the run does not come to its end.
            commands[suite] = ([artifact["executable"], "--nocapture", *ONLY], package)
    unittest = [sys.executable, "-m", "unittest", "discover", "--start-directory", "crates/exo/python/tests"]
    commands["python"] = (unittest + [word for text in ONLY for word in ("-k", text)], ROOT)
    return commands


class Run:
    """One run of one suite."""

    def __init__(self, suite, index, pinned):
        self.suite, self.pinned, self.is_interrupted = suite, pinned, False
        self.name = f"{suite}-{'pinned-' if pinned else ''}{index:02}"
        self.output = RESULTS / f"{self.name}.txt"

    def start(self, commands):
        command, directory = commands[self.suite]
        environment = dict(os.environ, CARGO_MANIFEST_DIR=str(directory), PYTHONDONTWRITEBYTECODE="1")
        environment.setdefault("RUST_TEST_THREADS", "8")
        # The test of the README runs `make install`. An optimised build would take longer than all other tests.
        environment.update(CARGO_PROFILE_RELEASE_OPT_LEVEL="0", CARGO_PROFILE_RELEASE_LTO="off")
        # The variables of make and of this program are not for the tests.
        for variable in ("RUNS", "LOAD", "ONLY", "JOBS", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
            environment.pop(variable, None)
        self.since = time.monotonic()
        self.next_sign = self.since + 60
        with open(self.output, "wb") as output:
            # In a session of its own, so that Ctrl-C reaches only this program, which then ends all that runs.
            self.process = subprocess.Popen(
                command, cwd=directory, env=environment, start_new_session=True, stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, preexec_fn=self.prepare)

    def prepare(self):
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if self.pinned:
            os.sched_setaffinity(0, [PIN])

    def seconds(self):
        return time.monotonic() - self.since

    def has_ended(self):
        if self.process.poll() is None and self.seconds() > TIMEOUT:
            with open(self.output, "a") as output:
                output.write(f"\nhammer: killed after {TIMEOUT} seconds\n")
            self.process.kill()
            self.process.wait()
        if self.process.returncode is None and time.monotonic() > self.next_sign:
            say(f"         {self.name} has run for {self.seconds():.0f} s")
            self.next_sign += 60
        return self.process.returncode is not None

    def remove_scratch(self):
        """Removes the directories of tests that could not do so themselves: their names have the number of the process."""
        for place in {Path(os.environ.get("TMPDIR", "/tmp")), Path("/dev/shm")}:
            for directory in [*place.glob(f"*-{self.process.pid}"), *place.glob(f"*-{self.process.pid}-*")]:
                shutil.rmtree(directory, ignore_errors=True)

    def failures(self):
        """The names of the tests that failed."""
        text = self.output.read_text(errors="replace")
        if self.suite == "python":
            names = re.findall(r"^(?:FAIL|ERROR): (\S+ \(\S+\))", text, re.M)
        else:
            # The last list has the names; an earlier one has what the tests said.
            lists = re.findall(r"^failures:\n((?:    \S+\n)+)", text, re.M)
            # A run that was killed has no list.
            names = lists[-1].split() if lists else re.findall(r"^test (\S+) \.\.\. FAILED$", text, re.M)
        # With a filter, a suite may have no test at all, which newer versions of unittest tell by the exit status 5.
        is_empty = self.suite == "python" and self.process.returncode == 5 or self.is_interrupted
        return names or ([WHOLE_RUN] if self.process.returncode and not is_empty else [])


def children(pid):
    """The children of a process, those of all its threads."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += map(int, task.read_text().split())
        except OSError:
            pass
    return found


def reap(known):
    """Reaps the orphans that have ended; returns those that have not. They are what tests leave behind."""
    left = []
    for pid in set(children(os.getpid())) - known:
        try:
            if os.waitpid(pid, os.WNOHANG) == (0, 0):
                left.append(pid)
        except ChildProcessError:
            pass
    return left


class Hammer:
    def __init__(self, commands):
        self.commands, self.busy, self.active = commands, [], []
        self.failed, self.done, self.times = Counter(), Counter(), {}
        self.finished, self.total = 0, 0

    def known(self):
        return {process.pid for process in self.busy} | {run.process.pid for run in self.active}

    def load(self, count):
        for _ in range(count):
            # They end with this program, also if it is killed.
            die_too = lambda: prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            self.busy.append(subprocess.Popen(BUSY, start_new_session=True, preexec_fn=die_too))

    def unload(self):
        for process in self.busy:
            process.kill()
        for process in self.busy:
            process.wait()
        self.busy = []

    def hammer(self, runs):
        waiting = list(reversed(runs))
        while waiting or self.active:
            while waiting and len(self.active) < JOBS:
                run = waiting.pop()
                run.start(self.commands)
                self.active.append(run)
            time.sleep(0.1)
            for run in [run for run in self.active if run.has_ended()]:
                self.active.remove(run)
                self.judge(run)
            left = reap(self.known())
            if left and not self.active:
                self.end_orphans()

    def judge(self, run):
        failures = run.failures()
        key = (run.suite, run.pinned)
        self.finished += 1
        if failures or not run.is_interrupted:
            self.done[key] += 1
            self.times.setdefault(key, []).append(run.seconds())
        self.failed.update((run.suite, run.pinned, name) for name in failures)
        verdict = f"FAILED {' '.join(failures)}" if failures else "interrupted" if run.is_interrupted else "ok"
        say(f"{self.finished:4}/{self.total} {run.name:18} {run.seconds():5.0f} s  {verdict}")
        if not failures:
            run.output.unlink()

    def end_orphans(self):
        """Ends the processes that a killed or interrupted test has left, and their descendants, each by its number."""
        for _ in range(200):
            left = reap(self.known())
            if not left:
                break
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)

    def end(self):
        self.unload()
        interrupted, self.active = self.active, []
        for run in interrupted:
            run.process.kill()
            run.process.wait()
            run.is_interrupted = True
            self.judge(run)
        self.end_orphans()
        for run in interrupted:
            run.remove_scratch()

    def table(self):
        """Says how often what failed. Returns whether nothing did."""
        say("")
        for (suite, pinned), times in sorted(self.times.items()):
            where = "on one processor" if pinned else f"beside {LOAD} busy processes"
            times.sort()
            say(f"{suite:8} {self.done[suite, pinned]:4} runs {where}, median {times[len(times) // 2]:.0f} s")
        if not self.failed:
            say("nothing failed")
            return True
        say(f"\n{'suite':8} {'failed':>7}  {'pinned':>7}  test")
        rows = {(suite, name) for suite, _, name in self.failed}
        worst = lambda row: (-sum(self.failed[row[0], pinned, row[1]] for pinned in (False, True)), row)
        for suite, name in sorted(rows, key=worst):
            shares = [f"{self.failed[suite, pinned, name]}/{self.done[suite, pinned]}" for pinned in (False, True)]
            say(f"{suite:8} {shares[0]:>7}  {shares[1]:>7}  {name}")
        say(f"\nThe output of the runs that failed is in {RESULTS}")
        return False


def main():
    suites = (os.environ.get("SUITES") or ",".join(SUITES)).replace(",", " ").split()
    if set(suites) - set(SUITES):
        sys.exit(f"hammer: SUITES are some of {','.join(SUITES)}")
    say("hammer: builds programs and tests")
    try:
        hammer = Hammer(build())
    except subprocess.CalledProcessError:
        sys.exit(2)
    RESULTS.mkdir(parents=True)
    # What tests leave behind becomes a child of this process, which ends it.
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    loaded = [Run(suite, index, False) for index in range(1, RUNS + 1) for suite in suites]
    pinned = [Run(suite, index, True) for index in range(1, PINNED + 1) for suite in suites]
    hammer.total = len(loaded) + len(pinned)
    interrupted = False
    try:
        hammer.load(LOAD if loaded else 0)
        hammer.hammer(loaded)
        hammer.unload()
        hammer.hammer(pinned)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        hammer.end()
    is_green = hammer.table()
    if not any(RESULTS.iterdir()):
        RESULTS.rmdir()
    sys.exit(130 if interrupted else 0 if is_green else 1)


def interrupt(*_):
    raise KeyboardInterrupt


if __name__ == "__main__":
    # In the background of a shell, some signals are ignored, and the tests would inherit that.
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, interrupt)
    main()
