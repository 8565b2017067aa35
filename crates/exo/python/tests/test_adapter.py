"""The adapter as exo sees it: a process, over pipes, that runs participants written for the old SkyNET."""

import os
import sys
import tempfile
import unittest

from driver import Exo, item

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.dirname(HERE)
PARTICIPANTS = os.path.join(HERE, "participants")
OBS = {"obs": {"user": "boss", "timeout": "30", "password": "50%"}}


def adapter(code, directory=PARTICIPANTS, unbuffered=""):
    """The adapter, with logic in a file."""
    paths = os.pathsep.join(filter(None, [PACKAGE, os.environ.get("PYTHONPATH")]))
    # An empty value is as none: what is printed must not depend on the settings of who runs the tests.
    environment = {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": unbuffered}
    return Exo([sys.executable, "-m", "SkyNET.adapter", code], directory, environment)


class Written(unittest.TestCase):
    """Tests that write the logic themselves."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def logic(self, text, name="participant_logic.py", unbuffered=""):
        with open(os.path.join(self.directory, name), "w", encoding="utf-8") as file:
            file.write(text)
        return adapter(name, self.directory, unbuffered)

    def handler(self, body, unbuffered="", **sections):
        """A handler with this body of handle_wi, started."""
        lines = "\n".join(f"        {line}" for line in body.splitlines())
        text = f"class ParticipantHandler(object):\n    def handle_wi(self, wi):\n{lines}\n"
        return self.logic(text, unbuffered=unbuffered).start(**sections)


class OldParticipants(unittest.TestCase):
    """Participants written for the old SkyNET, unchanged."""

    def test_without_a_result_the_item_is_answered_as_it_came(self):
        sent = item(ev={"id": 7}, zulu=1, alpha=[{"z": None, "a": 1.5}], nothing={})
        sent["unknown"] = {"z": 1, "a": "ü€"}
        with adapter("status_notice.py") as exo:
            reply = exo.start().do(1, sent)
            self.assertEqual(reply, {"type": "reply", "id": 1, "workitem": sent})
            self.assertEqual(list(reply["workitem"]), list(sent))
            self.assertEqual(list(reply["workitem"]["fields"]), list(sent["fields"]))
            self.assertEqual(exo.stop(), 0)
            self.assertEqual(exo.log(), "This is the notice for 7\n")
            self.assertEqual(exo.left(), [])

    def test_a_result_of_an_earlier_participant_stays(self):
        with adapter("status_notice.py") as exo:
            reply = exo.start().do(1, item(ev={"id": 7}, __result__=False))
        self.assertIs(reply["workitem"]["fields"]["__result__"], False)

    def test_fields_params_configuration_and_result(self):
        sent = item(params={"strict": True}, ev={"who": "lbt", "actions": [{"targetproject": "A:B"}]}, last=1)
        with adapter("check_request.py") as exo:
            reply = exo.start(**OBS).do(1, sent)
            log = exo.receive("log")
        self.assertEqual(log, {"type": "log", "level": "INFO", "message": "Checking 20110216-abc", "id": 1})
        expected = {
            **sent["fields"],
            "__result__": True,
            "msg": ["1 action(s) by lbt"],
            "checked": {"project": "A:B"},
            "status": "A:B as boss in 30 s",
        }
        self.assertEqual(reply["workitem"], {**sent, "fields": expected})
        self.assertEqual(list(reply["workitem"]["fields"]), list(expected))

    def test_dump_is_the_whole_item_readable(self):
        with adapter("check_request.py") as exo:
            event = {"who": "ü", "actions": [{"targetproject": "A"}]}
            exo.start(**OBS).do(1, item(params={"debug_dump": True}, ev=event))
            exo.wait_for_log('"wf_name": "trial"')
            exo.wait_for_log('        "who": "ü"\n')

    def test_an_exception_is_a_failure_with_class_message_trace_and_item(self):
        with adapter("check_request.py") as exo:
            failure = exo.start(**OBS).do(5, item(ev={"id": 1}))
            self.assertEqual((failure["type"], failure["id"]), ("failure", 5))
            self.assertEqual(failure["error"]["class"], "RuntimeError")
            self.assertEqual(failure["error"]["message"], "Missing mandatory field: actions")
            calls = failure["error"]["trace"]
            self.assertRegex(calls[0], r"check_request\.py:5\d: in handle_wi: ")
            self.assertRegex(calls[-1], r"check_request\.py:\d+: in \w+: raise RuntimeError\(")
            lines = failure["error"]["report"].splitlines()
            self.assertEqual(lines[0], "Traceback (most recent call last):")
            self.assertRegex(lines[1], r'check_request\.py", line 5\d, in handle_wi$')
            self.assertEqual(lines[-1], "RuntimeError: Missing mandatory field: actions")
            fields = failure["workitem"]["fields"]
            self.assertEqual(fields["__error__"], "Mandatory field: actions does not exist.")
            self.assertEqual(fields["msg"], ["Mandatory field: actions does not exist."])
            again = exo.do(6, item(params={"strict": 1}, ev={"who": "lbt", "actions": [{"targetproject": "A"}]}))
            self.assertEqual((again["type"], again["id"]), ("reply", 6))

    def test_send_to_engine_goes_before_the_reply(self):
        with adapter("split_request.py") as exo:
            reply = exo.start().do(1, item(packages=["b", "a"], skipped=1, params={"forget": True}))
            sent = [exo.receive("send")["workitem"]["fields"] for _ in range(2)]
            self.assertEqual(exo.stop(), 0)
            self.assertEqual(exo.log(), "tidy after start, stop\n")
            self.assertEqual(exo.left(), [])
        self.assertEqual([fields.get("package") for fields in sent], ["b", "a"])
        self.assertFalse(any("packages" in fields for fields in sent))
        fields = reply["workitem"]["fields"]
        self.assertEqual(fields["parts"], {"count": 2, "names": ["b", "a"]})
        self.assertEqual(fields["again"], fields["parts"])
        self.assertEqual(fields["who"], "trial of trial, engine")
        self.assertEqual(fields["asked"], {"forget": True, "error": None, "sid": "0_0!f1!20110216-abc"})
        self.assertNotIn("skipped", fields)

    def test_status_and_cancel_are_answered_while_it_works(self):
        with adapter("long_build.py") as exo:
            exo.start().work(3, item())
            exo.wait_for_log("at work")
            exo.send("status", id=3)
            self.assertEqual(
                exo.receive("answer"),
                {"type": "answer", "id": 3, "request": "status", "return": {"done": 42, "wfid": "20110216-abc"}},
            )
            exo.send("cancel", id=3)
            self.assertEqual(exo.receive("answer"), {"type": "answer", "id": 3, "request": "cancel", "return": True})
            self.assertIs(exo.receive("reply")["workitem"]["fields"]["__result__"], False)
            exo.send("status", id=3)
            self.assertIs(exo.receive("answer")["return"], None)

    def test_a_cancel_of_the_engine_has_no_answer(self):
        with adapter("long_build.py") as exo:
            exo.start().work(1, item())
            exo.wait_for_log("at work")
            exo.send("control", id=1, workitem={"cancel": True, "fei": item("20110216-xyz")["fei"]})
            exo.receive("reply")
            exo.send("control", id=None, workitem={"cancel": True, "fei": item("20110216-gone")["fei"]})
            self.assertEqual(exo.stop(), 0)
            self.assertIn("cancelled 20110216-xyz\n", exo.log())
            self.assertIn("cancelled 20110216-gone\n", exo.log())
            self.assertEqual([message["type"] for message in exo.left()], ["log"])


class Skeleton(unittest.TestCase):
    """What skynet install makes a participant of that has no logic yet."""

    def test_it_runs(self):
        crates = os.path.dirname(os.path.dirname(PACKAGE))
        with adapter("participant_logic.py", os.path.join(crates, "skynet", "skeletons", "participant")) as exo:
            exo.start().work(1, item())
            exo.send("status", id=1)
            self.assertIs(exo.receive("answer")["return"], None)
            self.assertIs(exo.receive("reply")["workitem"]["fields"]["__result__"], True)
            self.assertEqual(exo.stop(), 0)
            self.assertEqual(exo.log(), "")


class Ending(unittest.TestCase):
    """How it ends."""

    def test_stop_lets_the_item_in_hand_finish(self):
        with adapter("long_build.py") as exo:
            exo.start().work(1, item())
            exo.wait_for_log("at work")
            exo.send("stop")
            exo.send("cancel", id=1)
            exo.receive("reply")
            self.assertEqual(exo.wait(), 0)

    def test_the_end_of_its_input_after_stop_changes_nothing(self):
        with adapter("until_hang_up.py") as exo:
            exo.start().work(1, item())
            exo.send("stop")
            self.assertEqual(exo.hang_up(), 0)
            self.assertEqual(exo.receive("reply")["id"], 1)

    def test_die_does_not_wait_for_the_work(self):
        with adapter("long_build.py") as exo:
            exo.start().work(1, item())
            exo.wait_for_log("at work")
            exo.send("die")
            self.assertEqual(exo.wait(), 1)
            self.assertIn("last words", exo.log())
            self.assertNotIn("reply", [message["type"] for message in exo.left()])

    def test_without_exo_it_ends_at_once(self):
        for working in False, True:
            with self.subTest(working=working), adapter("long_build.py") as exo:
                exo.start()
                if working:
                    exo.work(1, item())
                    exo.wait_for_log("at work")
                self.assertEqual(exo.hang_up(), 1)


class Logic(Written):
    """What the logic may do."""

    def test_what_it_prints_or_a_child_of_it_prints_is_log(self):
        body = "import os, subprocess, sys\nprint('{\"type\":\"ready\"}')\nos.write(1, b'raw\\n')\n"
        body += "subprocess.call(['sh', '-c', 'echo child; cat'])\nwi.fields.read = sys.stdin.read()"
        with self.handler(body) as exo:
            self.assertEqual(exo.do(1, item())["workitem"]["fields"]["read"], "")
            self.assertEqual(exo.stop(), 0)
            self.assertEqual(exo.log(), '{"type":"ready"}\nraw\nchild\n')
            self.assertEqual(exo.left(), [])

    def test_a_line_is_one_write_however_python_was_told_to_buffer(self):
        body = "import sys\nwi.fields.how = [[f.line_buffering, f.write_through] for f in (sys.stdout, sys.stderr)]"
        for unbuffered in "", "1":
            with self.subTest(unbuffered=unbuffered), self.handler(body, unbuffered) as exo:
                self.assertEqual(exo.do(1, item())["workitem"]["fields"]["how"], [[True, False]] * 2)

    def test_what_others_log_goes_to_the_log_with_the_item(self):
        body = "import logging, threading\nlogging.getLogger('lib').warning('a\\nb %s', 1)\nlogging.debug('no')\n"
        body += "self.log.critical('c')\nthread = threading.Thread(target=self.log.info, args=('own',))\n"
        body += "thread.start()\nthread.join()\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    self.log.exception('d')"
        with self.handler(body) as exo:
            exo.do(9, item())
            self.assertEqual(exo.stop(), 0)
            left = exo.left()
        self.assertEqual([log["level"] for log in left], ["WARNING", "ERROR", "INFO", "ERROR"])
        self.assertEqual([log["id"] for log in left], [9] * 4)
        self.assertEqual([log["message"] for log in left[:3]], ["lib: a\nb 1", "c", "own"])
        self.assertRegex(left[3]["message"], r"(?s)^d\nTraceback .*\nZeroDivisionError: division by zero$")

    def test_the_level_of_the_log_is_that_of_the_configuration(self):
        for wanted, expected in ("DEBUG", ["x", "y"]), ("error", []), ("nonsense", ["y"]):
            with self.subTest(wanted=wanted):
                with self.handler("self.log.debug('x')\nself.log.info('y')", skynet={"log_level": wanted}) as exo:
                    exo.do(1, item())
                    exo.stop()
                    self.assertEqual([log["message"] for log in exo.left()], expected)

    def test_one_item_after_the_other_in_the_order_received(self):
        body = "self.seen = getattr(self, 'seen', -1) + 1\nwi.fields.before = self.seen"
        with self.handler(body) as exo:
            for number in range(20):
                exo.work(number, item())
            replies = [exo.receive("reply") for _ in range(20)]
        self.assertEqual([reply["id"] for reply in replies], list(range(20)))
        self.assertEqual([reply["workitem"]["fields"]["before"] for reply in replies], list(range(20)))

    def test_items_that_are_not_begun_are_given_back(self):
        text = "import threading\nclass ParticipantHandler:\n    go = threading.Event()\n"
        text += "    def handle_wi(self, wi):\n        print('at', wi.wfid)\n        self.go.wait(300)\n"
        text += "    def handle_wi_control(self, ctrl):\n        self.go.set()\n"
        with self.logic(text) as exo:
            exo.send("start", participant="trial", config={})
            self.assertEqual(exo.receive("ready"), {"type": "ready", "at_once": 1})
            for number in 1, 2, 3:
                exo.work(number, item(str(number)))
            exo.wait_for_log("at 1\n")
            for number in 1, 2, 9, 2:
                exo.send("withdraw", id=number)
            exo.send("cancel", id=1)
            self.assertEqual(exo.receive("withdrawn"), {"type": "withdrawn", "id": 2})
            self.assertEqual([exo.receive("reply")["id"] for _ in range(2)], [1, 3])
            self.assertEqual(exo.stop(), 0)
            self.assertEqual([message["type"] for message in exo.left()], ["answer"])
            self.assertEqual(exo.log(), "at 1\nat 3\n")

    def test_several_at_once_if_the_handler_says_that_it_can(self):
        text = "import threading\nclass ParticipantHandler:\n    thread_safe = True\n    def __init__(self):\n"
        text += "        self.all = threading.Barrier(3, timeout=300)\n"
        text += "    def handle_wi(self, wi):\n        self.all.wait()\n        self.log.info(wi.wfid)\n"
        with self.logic(text) as exo:
            exo.start()
            for _ in range(2):
                for number in 1, 2, 3:
                    exo.work(number, item(str(number)))
                self.assertEqual(sorted(exo.receive("reply", "failure")["id"] for _ in range(3)), [1, 2, 3])
            self.assertEqual(exo.stop(), 0)
            logs = exo.left()
        self.assertEqual(len(logs), 6)
        self.assertTrue(all(log["message"] == str(log["id"]) for log in logs))

    def test_what_is_not_json_is_a_failure_that_names_the_type(self):
        for value in "{1, 2}", "object()", "float('nan')", "b'x'":
            with self.subTest(value=value), self.handler(f"wi.fields.x = {value}") as exo:
                failure = exo.do(1, item())
                self.assertEqual(failure["type"], "failure")
                self.assertNotIn("workitem", failure)
                self.assertRegex(failure["error"]["message"], "^the workitem is not JSON any more: ")

    def test_an_exit_in_the_logic_is_a_failure(self):
        with self.handler("import sys\nsys.exit('enough')") as exo:
            for number in 1, 2:
                failure = exo.do(number, item())
                self.assertEqual((failure["error"]["class"], failure["error"]["message"]), ("SystemExit", "enough"))

    def test_an_exception_whose_text_is_elsewhere(self):
        body = "class OscError(Exception):\n    def __init__(self, msg):\n        self.msg = msg\n"
        body += "if wi.fields.plain:\n    raise ValueError(wi.fields.plain)\nraise OscError('no such project')"
        with self.handler(body) as exo:
            error = exo.do(1, item())["error"]
            self.assertEqual((error["class"], error["message"]), ("OscError", "no such project"))
            self.assertEqual(exo.do(2, item(plain="x"))["error"]["message"], "x")

    def test_the_logic_decides_whether_a_reply_is_wanted(self):
        for body in "wi.forget = True", "wi.params.forget = True", "wi.forget = False", "wi.params.forget = False":
            for params in {}, {"forget": True}, {"forget": False, "x": 1}:
                with self.subTest(body=body, params=params), self.handler(body) as exo:
                    reply = exo.do(1, item(params=params))
                    expected = {**params, "forget": body.endswith("True")}
                    self.assertEqual(reply["workitem"]["fields"]["params"], expected)

    def test_big_and_strange_items(self):
        with self.handler("wi.fields.back = wi.fields.text\nwi.fields.file = '\\udcff'") as exo:
            text = "ä\u2028\n\0" * 2_500_000
            fields = exo.do(1, item(text=text))["workitem"]["fields"]
            self.assertTrue(fields["back"] == text)
            self.assertEqual(fields["file"], "?")
            self.assertEqual(exo.do(2, item(text="b"))["workitem"]["fields"]["back"], "b")

    def test_integers_of_any_length(self):
        if hasattr(sys, "set_int_max_str_digits"):
            self.addCleanup(sys.set_int_max_str_digits, sys.get_int_max_str_digits())
            sys.set_int_max_str_digits(0)
        with self.handler("wi.fields.more = wi.fields.long + 1") as exo:
            self.assertEqual(exo.do(1, item(long=10**5000))["workitem"]["fields"]["more"], 10**5000 + 1)

    def test_a_control_handler_that_raises_is_logged_and_answered(self):
        text = "class ParticipantHandler:\n    def handle_wi_control(self, ctrl):\n        raise KeyError('x')\n"
        text += "    def handle_wi(self, wi):\n        print('at work')\n        input()\n"
        with self.logic(text.replace("input()", "__import__('threading').Event().wait(600)")) as exo:
            exo.start().work(1, item())
            exo.work(2, item())
            exo.wait_for_log("at work")
            exo.send("status", id=1)
            self.assertIs(exo.receive("answer")["return"], None)
            log = exo.receive("log")
            self.assertEqual((log["level"], log["id"]), ("ERROR", 1))
            self.assertRegex(log["message"], r"(?s)^handle_wi_control failed on status\n.*KeyError: 'x'$")

    def test_what_it_forks_can_log_whatever_another_thread_did(self):
        body = "import logging, os\nwriting = logging.getLogger().handlers[0]._adapter.channel._lock\nwith writing:\n"
        body += "    child = os.fork()\n"
        body += "    if child == 0:\n        self.log.warning('from a child')\n        os._exit(0)\n"
        body += "os.waitpid(child, 0)\nwi.result = True"
        with self.handler(body) as exo:
            self.assertIs(exo.do(1, item())["workitem"]["fields"]["__result__"], True)
            log = exo.receive("log")
            self.assertEqual((log["level"], log["message"], log["id"]), ("WARNING", "from a child", 1))

    def test_what_it_forks_ends_when_it_comes_out_of_the_logic(self):
        body = "import os, sys\nends = [lambda: sys.exit(3), lambda: sys.exit(), lambda: sys.exit('enough'),\n"
        body += "    lambda: sys.exit(-1), lambda: sys.exit(True), lambda: 1 / 0, lambda: wi.fields.nowhere.x.y]\n"
        body += "wi.fields.codes = codes = []\nfor end in [*ends, None]:\n    child = os.fork()\n    if child == 0:\n"
        body += "        if end is None:\n            return\n        end()\n"
        body += "    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
        with self.handler(body) as exo:
            for number in 1, 2:
                reply = exo.do(number, item())
                self.assertEqual(reply["type"], "reply")
                self.assertEqual(reply["workitem"]["fields"]["codes"], [3, 0, 1, 255, 1, 1, 1, 0])
            self.assertEqual(exo.stop(), 0)
            self.assertEqual(exo.left(), [])
            log = exo.log()
        self.assertEqual(log.count("enough\n"), 2)
        self.assertEqual(log.count("ZeroDivisionError: division by zero\n"), 2)

    def test_what_it_forks_elsewhere_ends_as_well(self):
        text = "import os\nclass ParticipantHandler:\n    def fork(self):\n        child = os.fork()\n"
        text += "        if child == 0:\n            raise SystemExit(4)\n"
        text += "        print('child', os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
        text += "    __init__ = fork\n    def handle_wi(self, wi):\n        pass\n"
        text += "    def handle_wi_control(self, ctrl):\n        self.fork()\n"
        text += "    def handle_lifecycle_control(self, ctrl):\n        self.fork()\n"
        with self.logic(text) as exo:
            exo.start()
            exo.send("control", id=None, workitem=item())
            exo.wait_for_log("child 4\nchild 4\nchild 4\n")
            self.assertEqual(exo.do(1, item())["type"], "reply")
            self.assertEqual(exo.stop(), 0)
            self.assertEqual((exo.left(), exo.log()), ([], "child 4\n" * 4))

    def test_processes_are_launched_and_resumed_by_way_of_exo(self):
        body = "from RuoteAMQP.launcher import Launcher\nimport RuoteAMQP\nassert RuoteAMQP.Launcher is Launcher\n"
        body += "launcher = Launcher(amqp_host='h:1', amqp_user='u', amqp_pass='p', amqp_vhost='v')\n"
        body += "launcher.launch('define', {'a': wi.fields.ev})\nlauncher.launch(process='define', variables={'v': 1})\n"
        body += "launcher.resume(wi)\nlauncher.resume(msg=wi.dump())\nlauncher.resume(workitem=wi)\nrefused = 0\n"
        body += "for call in (lambda: launcher.launch('x', [1]), lambda: launcher.launch('x', {}, 'v'), launcher.resume):\n"
        body += "    try:\n        call()\n    except (TypeError, ValueError):\n        refused += 1\nwi.fields.refused = refused"
        sent = item(ev={"b": [1]})
        with self.handler(body) as exo:
            self.assertEqual(exo.do(1, sent)["workitem"]["fields"]["refused"], 3)
            messages = [exo.receive("send")["workitem"] for _ in range(5)]
            self.assertEqual(exo.stop(), 0)
            self.assertEqual(exo.left(), [])
        first = {"definition": "define", "fields": {"a": {"b": [1]}}, "variables": None}
        second = {"definition": "define", "fields": None, "variables": {"v": 1}}
        self.assertEqual(messages, [first, second, sent, sent, sent])

    def test_items_are_those_of_the_real_package_where_it_is_installed(self):
        os.mkdir(os.path.join(self.directory, "RuoteAMQP"))
        real = "import json\nclass Workitem(object):\n    def __init__(self, msg):\n        self._h = json.loads(msg)\n"
        real += "    def to_h(self):\n        return self._h\n    def real(self):\n        return self._h['fei']['wfid']\n"
        for name, text in ("__init__", "from .workitem import Workitem\n"), ("workitem", real):
            with open(os.path.join(self.directory, "RuoteAMQP", f"{name}.py"), "w", encoding="utf-8") as file:
                file.write(text)
        body = "import SkyNET, copy, json, pickle\nfrom RuoteAMQP.workitem import Workitem\n"
        body += "wi.fields.a = [isinstance(i, c) for i in (wi, wi.dup(), copy.deepcopy(wi), pickle.loads(pickle.dumps(wi)))\n"
        body += "               for c in (Workitem, SkyNET.Workitem)]\nwi.fields.real = wi.real()\n"
        body += "self.send_to_engine(Workitem(json.dumps(wi.to_h())))"
        # The first is here before the package is imported.
        with self.handler("from RuoteAMQP import Workitem\n" + body) as exo:
            exo.do(1, item())
            reply = exo.do(2, item())
            self.assertEqual((reply["type"], exo.receive("send")["workitem"]), ("reply", reply["workitem"]))
        self.assertEqual(reply["workitem"]["fields"]["a"], [True] * 8)

    def test_an_error_that_is_set_is_that_of_the_item(self):
        with self.handler("wi.error = wi.fields.what\nwi.trace = ['a:1']") as exo:
            workitem = exo.do(1, item(what={"message": "no"}))["workitem"]
        self.assertEqual((workitem["error"], workitem["trace"]), ({"message": "no"}, ["a:1"]))

    def test_its_directory_is_on_the_path(self):
        with open(os.path.join(self.directory, "helper.py"), "w", encoding="utf-8") as file:
            file.write("ANSWER = 42\n")
        with self.handler("import helper\nwi.fields.answer = helper.ANSWER") as exo:
            self.assertEqual(exo.do(1, item())["workitem"]["fields"]["answer"], 42)

    def test_messages_of_a_later_exo_are_passed_over(self):
        with self.handler("wi.result = True") as exo:
            exo.send("weather", sun=True)
            self.assertEqual(exo.do(1, item())["type"], "reply")


class Unusable(Written):
    """Logic that cannot run: a last line that says why, with file and line, exit 1, never ready."""

    def refused(self, text, *expected, name="participant_logic.py", config=None):
        with self.logic(text, name) as exo:
            exo.send("start", participant="trial", config=config or {})
            self.assertEqual(exo.wait(), 1)
            self.assertEqual(exo.left(), [])
            log = exo.log()
        fatal = log[log.index("SkyNET.adapter: fatal: "):]
        for part in expected:
            self.assertIn(part.replace("FILE", os.path.join(os.path.realpath(self.directory), name)), fatal)
        return log

    def test_a_missing_file(self):
        with adapter("nowhere.py", self.directory) as exo:
            self.assertEqual(exo.wait(), 1)
            self.assertIn("nowhere.py: there is no such file; [participant] code= in config.exo names it\n", exo.log())

    def test_a_syntax_error(self):
        log = self.refused("x = 1\ndef f(:\n", "unable to load FILE, line 2: invalid syntax (Python 3.", "): def f(:\n")
        self.assertNotIn("This is Python 2", log)

    def test_python_2(self):
        hint = "\nThis is Python 2. Convert the file with 2to3"
        lines = 'print "x"', "print x", "try: pass\nexcept E, e: pass", 'raise E, "x"', "mode = 0755", "if 1 <> 2: pass"
        for line in lines:
            with self.subTest(line=line):
                self.refused(f"# old\n{line}\n", f"FILE, line {line.count(chr(10)) + 2}: ", hint)
        self.refused("import ConfigParser\n", "FILE, line 1: Module", "(it is configparser in Python 3)", hint)
        self.refused("f = lambda: 0\nx = unicode(1)\n", "FILE, line 2: NameError", hint)

    def test_an_error_while_it_is_loaded(self):
        log = self.refused("def f():\n    1 / 0\nf()\n", "FILE, line 2: ZeroDivisionError: division by zero\n")
        self.assertNotIn("SkyNET/", log)
        self.refused("import not_there\n", "FILE, line 1: ModuleNotFoundError: No module named 'not_there'\n")

    def test_no_handler(self):
        self.refused("x = 1\n", "unable to use FILE: it has no class ParticipantHandler\n")
        self.refused("\nclass Handler: pass\n", "it has no class ParticipantHandler, only Handler at line 2\n")
        without = "FILE, line 3: class ParticipantHandler has no method handle_wi\n"
        self.refused("\n\nclass ParticipantHandler: pass\n", without)

    def test_an_error_at_its_start(self):
        handler = "class ParticipantHandler:\n    def handle_wi(self, wi): pass\n"
        self.refused(handler + "    def __init__(self, x): pass\n", "unable to start FILE: TypeError: ")
        start = "    def handle_lifecycle_control(self, ctrl):\n        self.x = ctrl.config.get('a', 'b')\n"
        log = self.refused(handler + start, "unable to start FILE: NoSectionError: No section: 'a'\n")
        self.assertIn("participant_logic.py\", line 4, in handle_lifecycle_control\n", log)

    def test_usage(self):
        with Exo([sys.executable, "-m", "SkyNET.adapter"], PACKAGE) as exo:
            self.assertEqual(exo.wait(), 100)
            self.assertEqual(exo.log(), "usage: python3 -m SkyNET.adapter code\n")


if __name__ == "__main__":
    unittest.main()
