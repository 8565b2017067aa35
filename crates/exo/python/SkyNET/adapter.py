"""Runs the logic of a participant of SkyNET under exo: python3 -m SkyNET.adapter CODE.

The main thread works, so that logic works in the thread that it was started in, and reads what exo sends when it has
nothing to do. Another one reads while the work takes its time, and a third one calls handle_wi_control then.

A ParticipantHandler with `thread_safe = True` gets as many items at once as exo has in hand (prefetch), each in a thread;
all others get one after the other, in the order in which they came.
"""

import logging
import os
import queue
import sys
import threading
import time

from . import configuration
from .Control import ParticipantCtrl, WorkItemCtrl
from .launcher import Launcher
from .loading import Unusable, calls, load, trace, workitem_class
from .protocol import Channel

# How many seconds handle_lifecycle_control has when it is told "die".
LAST_WORDS = 5

# How many seconds work may go on before another thread reads: to hand over what it reads takes longer than quick work.
QUICK = 0.02


class Adapter:
    """The logic, and what is in hand."""

    def __init__(self, channel, name):
        self.channel = channel
        self.log = logging.getLogger(name)
        self.handler = None
        Launcher.engine = self.send_to_engine
        self._thread_safe = False
        self._in_hand = {}
        # What is not begun. Who takes an id out, to begin it or to give it back, is alone in that.
        self._waiting = {}
        self._messages = iter(())
        self._reading = threading.Lock()
        self._stopped = False
        self._working = threading.Event()
        self._begun = 0
        self._work = queue.SimpleQueue()
        self._controls = queue.SimpleQueue()
        self._helpers = []
        self._here = threading.local()
        self._process = os.getpid()

    def start(self, handler, sections):
        """Makes the handler, and tells it to start."""
        # On the class first: what __init__ does may be worth a line in the log.
        for name, value in ("log", self.log), ("send_to_engine", self.send_to_engine):
            if not hasattr(handler, name):
                setattr(handler, name, value if name == "log" else staticmethod(value))
        try:
            self.handler = handler()
        except BaseException as error:
            self._end_if_forked(error)
            raise
        self._end_if_forked()
        self.handler.log = self.log
        self.handler.send_to_engine = self.send_to_engine
        self._thread_safe = bool(getattr(handler, "thread_safe", False))
        self._tell_lifecycle("start", configuration.parser(sections))

    def run(self, messages):
        """Works until exo says stop."""
        self._messages = messages
        read = self._read if self._thread_safe else self._read_meanwhile
        threading.Thread(target=read, name="exo", daemon=True).start()
        control = threading.Thread(target=self._control, name="control", daemon=True)
        control.start()
        self.channel.send("ready", **({} if self._thread_safe else {"at_once": 1}))
        self._work_on()
        for helper in self._helpers:
            helper.join()
        self._begin()
        try:
            self._tell_lifecycle("stop")
        except BaseException:
            self.log.exception("handle_lifecycle_control failed on stop")
        self._controls.put(None)
        control.join()

    def send_to_engine(self, workitem):
        """Sends a workitem to the process engine at once, in addition to the reply."""
        self.channel.send("send", workitem=workitem.to_h() if hasattr(workitem, "to_h") else workitem)

    def item_of_thread(self):
        """The id of the item that the present thread works on. In a thread of the logic: of the only one in hand."""
        found = getattr(self._here, "item", None)
        if found is None and len(self._in_hand) == 1:
            found = next(iter(self._in_hand.copy()), None)
        return found

    def _read(self):
        """Reads what exo sends."""
        with self._reading:
            while self._read_one():
                pass

    def _read_meanwhile(self):
        """Reads what exo sends while the work takes its time."""
        while True:
            self._working.wait()
            begun = self._begun
            time.sleep(QUICK)
            while self._working.is_set() and self._begun == begun:
                with self._reading:
                    if not self._read_one():
                        return

    def _read_one(self):
        """Reads one message, and sorts it; false if there is none any more."""
        try:
            message = next(self._messages, None)
            if message is not None:
                self._stopped = self._stopped or message["type"] == "stop"
                self._take(message)
        except Exception as error:
            print(f"SkyNET.adapter: fatal: unable to understand what exo sends: {trace(error)}", file=sys.stderr)
            message = None
        if message is None and not self._stopped:
            self._die()
        return message is not None

    def _take(self, message):
        kind = message["type"]
        if kind == "work":
            self._in_hand[message["id"]] = item = workitem_class()(message["workitem"])
            self._waiting[message["id"]] = item
            self._help()
            self._work.put((message["id"], item))
        elif kind == "withdraw":
            if self._waiting.pop(message["id"], None) is not None:
                self._in_hand.pop(message["id"], None)
                self.channel.send("withdrawn", id=message["id"])
        elif kind in ("status", "cancel", "control"):
            self._controls.put(message)
        elif kind == "stop":
            self._work.put(None)
        elif kind == "die":
            self._die()

    def _help(self):
        """Starts a thread for an item that would have to wait, if the handler can do with that."""
        if self._thread_safe and len(self._in_hand) > 1 + len(self._helpers):
            helper = threading.Thread(target=self._work_on, name=f"work-{len(self._helpers) + 1}", daemon=True)
            self._helpers.append(helper)
            helper.start()

    def _work_on(self):
        """Works on one item after the other."""
        while True:
            work = self._next_work()
            if work is None:
                # For the next of the threads that work.
                self._work.put(None)
                return
            if self._waiting.pop(work[0], None) is None:
                # It was given back meanwhile.
                continue
            self._here.item, item = work
            self._begin()
            self._handle(self._here.item, item)
            self._working.clear()
            self._here.item = None

    def _begin(self):
        """Begins something during which another thread has to read if it takes its time."""
        self._begun += 1
        self._working.set()

    def _next_work(self):
        """Waits for an item; None if no more comes."""
        # Who reads meanwhile may wait for the next message, and has put there what came before.
        if not self._thread_safe and self._work.empty():
            with self._reading:
                while self._work.empty() and self._read_one():
                    pass
        return self._work.get()

    def _handle(self, number, item):
        """Works on an item, and answers for it."""
        try:
            self.handler.handle_wi(item)
            self._end_if_forked()
            answer = "reply", {"workitem": item.to_h()}
        # SystemExit, too: an item that ends the process would come again, and end the next one.
        except BaseException as error:
            self._end_if_forked(error)
            answer = "failure", {"error": described(error), "workitem": item.to_h()}
        # Before the answer: the next item may be here as soon as exo has it.
        self._in_hand.pop(number, None)
        kind, members = answer
        try:
            self.channel.send(kind, id=number, **members)
        except (TypeError, ValueError, RecursionError) as error:
            told = members.get("error") or described(error, "the workitem is not JSON any more: ")
            self.channel.send("failure", id=number, error=told)

    def _end_if_forked(self, error=None):
        """Ends a process that the logic has forked, and that comes out of it: the answer is for its parent to give."""
        if os.getpid() == self._process:
            return
        code = error.code if isinstance(error, SystemExit) else error
        if code is None:
            code = 0
        elif not isinstance(code, int):
            print(code if isinstance(error, SystemExit) else trace(error), file=sys.stderr)
            code = 1
        for stream in sys.stdout, sys.stderr:
            try:
                stream.flush()
            except (OSError, ValueError):
                pass
        os._exit(code & 0xFF)

    def _control(self):
        """Asks the logic about items while it works on them."""
        while True:
            message = self._controls.get()
            if message is None:
                return
            number, kind = message["id"], message["type"]
            self._here.item = number
            if kind == "control":
                self._ask(WorkItemCtrl("cancel", workitem=workitem_class()(message["workitem"])))
            else:
                item = self._in_hand.get(number)
                returned = None if item is None else self._ask(WorkItemCtrl(kind, workitem=item))
                self._answer(number, kind, returned)

    def _ask(self, question):
        """Calls handle_wi_control."""
        try:
            control = getattr(self.handler, "handle_wi_control", None)
            returned = None if control is None else control(question)
            self._end_if_forked()
            return returned
        except BaseException as error:
            self._end_if_forked(error)
            self.log.exception("handle_wi_control failed on %s", question.message)
            return None

    def _answer(self, number, request, returned):
        try:
            self.channel.send("answer", id=number, request=request, **{"return": returned})
        except (TypeError, ValueError, RecursionError):
            self.log.exception("what handle_wi_control returned on %s is not JSON", request)
            self.channel.send("answer", id=number, request=request, **{"return": None})

    def _tell_lifecycle(self, message, config=None):
        """Calls handle_lifecycle_control."""
        control = getattr(self.handler, "handle_lifecycle_control", None)
        try:
            if control is not None:
                control(ParticipantCtrl(message, config))
        except BaseException as error:
            self._end_if_forked(error)
            raise
        self._end_if_forked()

    def _die(self):
        """Ends the process, whatever the logic does."""
        last = threading.Thread(target=self._tell_lifecycle, args=("die",), daemon=True)
        last.start()
        last.join(LAST_WORDS)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)


class ToExo(logging.Handler):
    """Sends what is logged, by whatever logger, to the log of the participant."""

    def __init__(self, adapter):
        super().__init__()
        self._adapter = adapter

    def emit(self, record):
        try:
            message = self.format(record)
            if record.name not in (self._adapter.log.name, "root"):
                message = f"{record.name}: {message}"
            number = self._adapter.item_of_thread()
            item = {} if number is None else {"id": number}
            self._adapter.channel.send("log", level=level(record.levelno), message=message, **item)
        except Exception:
            self.handleError(record)


def level(number):
    """The levels that exo has."""
    names = (logging.ERROR, "ERROR"), (logging.WARNING, "WARNING"), (logging.INFO, "INFO")
    return next((name for least, name in names if number >= least), "DEBUG")


def described(error, before=""):
    """An exception as exo is told of it: `report` is for the log, the rest for the process engine."""
    return {
        "class": type(error).__name__,
        "message": before + text_of(error),
        "trace": calls(error),
        "report": trace(error),
    }


def text_of(error):
    """What an exception says, also if that is in its `msg`, as with those of osc."""
    try:
        text, msg = str(error), getattr(error, "msg", None)
    except Exception:
        return "its text cannot be had"
    return msg if isinstance(msg, str) and msg not in text else text


def run(code):
    """Runs the logic in a file."""
    # Newer versions of Python refuse long integers as texts of unknown origin; a workitem may have them.
    getattr(sys, "set_int_max_str_digits", lambda digits: None)(0)
    channel = Channel()
    name = os.environ.get("PARTICIPANT") or os.path.basename(code).partition(".")[0]
    adapter = Adapter(channel, name)
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[ToExo(adapter)])
    handler = load(code)
    messages = channel.messages()
    first = next(messages, None)
    if first is None:
        raise Unusable("exo ended before it said start")
    sections = first.get("config", {})
    wanted = str(sections.get("skynet", {}).get("log_level", "INFO")).upper()
    if wanted in ("DEBUG", "INFO", "WARNING", "ERROR"):
        logging.getLogger().setLevel(wanted)
    try:
        adapter.start(handler, sections)
    except BaseException as error:
        raise Unusable(f"unable to start {os.path.abspath(code)}: {type(error).__name__}: {error}", error) from None
    adapter.run(messages)


def main():
    """The program."""
    if len(sys.argv) != 2:
        print("usage: python3 -m SkyNET.adapter code", file=sys.stderr)
        return 100
    try:
        run(sys.argv[1])
    except Unusable as error:
        # The trace first: the last line is the one that people look at.
        if error.trace:
            print(error.trace, file=sys.stderr)
        print(f"SkyNET.adapter: fatal: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
