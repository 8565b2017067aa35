"""The examples, and what the manual page shows, over pipes."""

import json
import os
import subprocess
import tempfile
import unittest

from driver import Exo, item
from test_adapter import adapter

EXO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EXAMPLES = os.path.join(EXO, "examples")
TARGET = os.path.join(
    os.environ.get("CARGO_TARGET_DIR") or os.path.join(os.path.dirname(os.path.dirname(EXO)), "target"), "examples"
)
PAGE = os.path.join(EXO, "man", "participant.7")


def blocks():
    """The literal blocks of the manual page."""
    with open(PAGE, encoding="utf-8") as file:
        text = file.read().replace("\\&", "").replace("\\e", "\\")
    return [block.partition("\n.Ed\n")[0] for block in text.split("\n.Bd -literal\n")[1:]]


def messages():
    """The session of the manual page: who sends what."""
    session = next(block for block in blocks() if block.startswith("< "))
    lines = session.replace("\n    ", "").splitlines()
    return [(line[0], json.loads(line[2:])) for line in lines]


class Example:
    """What every example does."""

    # Whether it answers questions while it works.
    is_concurrent = True

    def run_it(self):
        raise NotImplementedError

    def test_it_adds_up_and_keeps_the_rest(self):
        sent = item(zulu=[{"b": None, "a": "ü\n"}], numbers=[1, 2.5, 3], alpha={})
        sent["unknown"] = {"z": 1, "a": True}
        with self.run_it() as exo:
            exo.start(sum={"limit": "5"}, participant={})
            for number in 1, 2:
                reply = exo.do(number, sent)
                self.assertEqual((reply["type"], reply["id"]), ("reply", number))
                expected = {**sent["fields"], "sum": 6.5, "__result__": True}
                self.assertEqual(reply["workitem"], {**sent, "fields": expected})
                self.assertEqual(list(reply["workitem"]), list(sent))
                self.assertEqual(list(reply["workitem"]["fields"]), list(expected))
            self.assertEqual(exo.stop(), 0)
            self.assertEqual({message["type"] for message in exo.left()} - {"log"}, set())

    def test_what_cannot_be_added_up_is_a_failure(self):
        with self.run_it() as exo:
            exo.start()
            for number, sent in enumerate((item(), item(numbers=7), {"fei": {"wfid": "x"}})):
                failure = exo.do(number, sent)
                self.assertEqual((failure["type"], failure["id"]), ("failure", number))
                self.assertTrue(failure["error"]["class"] and failure["error"]["message"])
            self.assertEqual(exo.do(9, item(numbers=[4]))["workitem"]["fields"]["sum"], 4)

    def test_it_is_asked_and_cancelled(self):
        with self.run_it() as exo:
            exo.start().work(5, item(numbers=[1, 2], params={"pause": 600 if self.is_concurrent else 0}))
            for message, value in ("status", "0 of 2"), ("cancel", True):
                # Not before it has begun, so that there is something to tell.
                if message == "status" and self.is_concurrent:
                    exo.receive("log")
                exo.send(message, id=5)
                answer = exo.receive("answer")
                self.assertEqual((answer["id"], answer["request"]), (5, message))
                self.assertEqual(answer["return"], value if self.is_concurrent else None)
            reply = exo.receive("reply")
            self.assertIs(reply["workitem"]["fields"]["__result__"], not self.is_concurrent)
            self.assertEqual(exo.stop(), 0)

    def test_it_ends(self):
        for how, code in ("die", 1), ("hang up", 1), ("stop", 0):
            with self.subTest(how=how), self.run_it() as exo:
                exo.start()
                if how == "hang up":
                    self.assertEqual(exo.hang_up(), code)
                else:
                    exo.send(how)
                    self.assertEqual(exo.wait(), code)

    def test_messages_of_a_later_exo_are_passed_over(self):
        with self.run_it() as exo:
            exo.start()
            exo.send("weather", sun=True)
            exo.send("control", id=None, workitem={"cancel": True, "fei": {}})
            self.assertEqual(exo.do(1, item(numbers=[]))["workitem"]["fields"]["sum"], 0)


class Concurrent(Example):
    """What those do that work in another thread than they read in."""

    def test_the_engine_can_cancel_and_stop_waits(self):
        with self.run_it() as exo:
            exo.start().work(5, item(numbers=[1, 2], params={"pause": 600}))
            exo.receive("log")
            exo.send("control", id=5, workitem={"cancel": True, "fei": item()["fei"]})
            exo.send("stop")
            self.assertIs(exo.receive("reply")["workitem"]["fields"]["__result__"], False)
            self.assertEqual(exo.wait(), 0)

    def test_it_has_a_configuration(self):
        with self.run_it() as exo:
            failure = exo.start(sum={"limit": "2"}).do(1, item(numbers=[1, 2, 3]))
            self.assertEqual(failure["error"]["message"], "more than 2 numbers")


class Python(Concurrent, unittest.TestCase):
    def run_it(self):
        return adapter("participant_logic.py", os.path.join(EXAMPLES, "python"))

    def test_the_session_of_the_manual_page_is_what_happens(self):
        with self.run_it() as exo:
            for who, message in messages():
                if who == "<":
                    exo.send(message.pop("type"), **message)
                    continue
                received = exo.receive(message["type"])
                if message["type"] == "failure":
                    self.assertRegex(received["error"]["trace"][-1], r"participant_logic\.py:\d+: in \w+: raise TypeError")
                    received["error"].update(trace=["..."], report="...")
                self.assertEqual(received, message)
            self.assertEqual(exo.wait(), 0)
            self.assertEqual(exo.left(), [])


class Shell(Example, unittest.TestCase):
    is_concurrent = False

    def run_it(self):
        directory = os.path.join(EXAMPLES, "shell")
        return Exo(["./participant_logic"], directory)


class JavaScript(Concurrent, unittest.TestCase):
    def run_it(self):
        return Exo(["./participant_logic"], os.path.join(EXAMPLES, "javascript"))


class Rust(Concurrent, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        manifest = os.path.join(EXAMPLES, "rust", "Cargo.toml")
        command = ["cargo", "build", "--quiet", "--locked", "--manifest-path", manifest, "--target-dir", TARGET]
        subprocess.run(command, check=True, timeout=3600)

    def run_it(self):
        return Exo([os.path.join(TARGET, "debug", "participant_logic")], EXAMPLES)


class Page(unittest.TestCase):
    def test_the_least_that_works_does(self):
        script = next(block for block in blocks() if block.startswith("#!/bin/sh"))
        with tempfile.TemporaryDirectory() as directory:
            with Exo(["sh", "-c", script], directory) as exo:
                exo.start(participant={"name": "trial"})
                sent = item(b=1, a=2)
                exo.send("weather")
                reply = exo.do(1, sent)
                sent["fields"]["__result__"] = True
                self.assertEqual(reply, {"type": "reply", "id": 1, "workitem": sent})
                exo.send("status", id=1)
                answer = {"type": "answer", "id": 1, "request": "status", "return": None}
                self.assertEqual(exo.receive("answer"), answer)
                self.assertEqual(exo.stop(), 0)


if __name__ == "__main__":
    unittest.main()
