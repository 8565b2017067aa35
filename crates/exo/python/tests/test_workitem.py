"""The workitem itself, and the configuration."""

import copy
import os
import pickle
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from SkyNET import Workitem, configuration  # noqa: E402 (the path comes first)


class Members(unittest.TestCase):
    def test_what_is_not_there_is_none_and_stays_absent(self):
        for text in "{}", '{"fei": 1, "fields": null}', '{"fields": {}}', '{"fields": {"params": null}}':
            item = Workitem(text)
            before = copy.deepcopy(item.to_h())
            seen = [item.fields.a, item.params.a, item.result, item.error, item.wfid, item.wf_name]
            seen += [item.participant_name, item.timed_out, item.dispatched_at, item.lookup("a.b")]
            seen += [item.fields.items, item.params.values]
            self.assertEqual(seen, [None] * len(seen), text)
            self.assertFalse(item.fields.ev or item.params.x or item.forget, text)
            self.assertEqual(item.to_h(), before)

    def test_what_is_set_comes_into_being(self):
        item = Workitem("{}")
        item.params.a = 1
        item.fields.b = {"c": 2}
        item.fields.b.c += 1
        item.set_field("x.y.z", 4)
        item.set_result(False)
        item.error = "e"
        expected = {"params": {"a": 1}, "b": {"c": 3}, "x": {"y": {"z": 4}}, "__result__": False, "__error__": "e"}
        self.assertEqual(item.to_h(), {"fields": expected})
        self.assertEqual((item.error, item.result), ("e", False))

    def test_attributes_and_names(self):
        fields = Workitem('{"fields": {"ev": {"items": [1, {"a": 2}]}, "msg": [], "none": {}}}').fields
        fields.ev.items[1]["a"] = 3
        fields["other"] = fields["ev"]
        self.assertEqual(fields.other.as_dict(), {"items": [1, {"a": 3}]})
        self.assertIs(fields.ev.as_dict(), fields.as_dict()["ev"])
        self.assertEqual((fields.get("x", 5), "msg" in fields, "x" in fields(), len(fields)), (5, True, False, 4))
        self.assertEqual(fields.none, {})
        self.assertFalse(fields.none)
        fields.none.x = 1
        self.assertEqual(list(fields), ["ev", "msg", "none", "other"])
        self.assertEqual(fields.none.as_dict(), {"x": 1})
        del fields.msg, fields["none"]
        self.assertEqual(sorted(fields.as_dict()), ["ev", "other"])
        with self.assertRaises(KeyError):
            fields["none"]
        with self.assertRaises(AttributeError):
            del fields.none

    def test_attributes_in_what_is_set_are_plain_json(self):
        item = Workitem('{"fields": {"a": {"b": 1}}}')
        item.fields.c = [item.fields.a, {"d": (item.fields.a,)}]
        item.fields = {"all": item.fields}
        self.assertEqual(item.to_h(), {"fields": {"all": {"a": {"b": 1}, "c": [{"b": 1}, {"d": [{"b": 1}]}]}}})

    def test_a_list_that_was_set_can_be_changed_later(self):
        item = Workitem('{"fields": {}}')
        item.fields.msg = messages = []
        messages.append("x")
        self.assertEqual(item.to_h(), {"fields": {"msg": ["x"]}})

    def test_copies_share_nothing(self):
        item = Workitem('{"fei": {"wfid": "x"}, "fields": {"a": {"b": [1]}}, "more": {"c": 1}}')
        for other in item.dup(), copy.deepcopy(item), pickle.loads(pickle.dumps(item)):
            self.assertEqual(other, item)
            self.assertEqual(hash(other), hash(item))
            other.fields.a.b.append(2)
        self.assertEqual(copy.deepcopy(item.fields.a).as_dict(), {"b": [1]})
        self.assertEqual(copy.copy(item.fields).a.b, [1])
        self.assertEqual(item.fields.a.b, [1])
        self.assertEqual(item.more.c, 1)
        with self.assertRaises(AttributeError):
            item.never

    def test_lookup(self):
        item = Workitem('{"fields": {"a": {"b": [{"c": 1}]}}}')
        keys = "a.b.0.c", "a.b.1.c", "a.x", "a.b.0.c.d"
        self.assertEqual([item.lookup(key) for key in keys], [1, None, None, None])
        self.assertEqual(item.lf("a.b", True), ("b", {"b": [{"c": 1}]}))


class Configuration(unittest.TestCase):
    def test_what_old_logic_asks_it(self):
        parser = configuration.parser({"DEFAULT": {"home": "/srv"}, "a": {"Path": "%(home)s/x", "n": "7", "yes": "on"}})
        self.assertEqual(parser.get("a", "path"), "/srv/x")
        self.assertEqual((parser.getint("a", "n"), parser.getboolean("a", "yes")), (7, True))
        self.assertEqual((parser.has_section("b"), parser.has_option("a", "n")), (False, True))

    def test_a_percent_sign_that_means_nothing_is_one(self):
        parser = configuration.parser({"a": {"password": "5%0%", "missing": "%(nowhere)s", "twice": "%%"}})
        self.assertEqual(dict(parser.items("a")), {"password": "5%0%", "missing": "%(nowhere)s", "twice": "%"})


if __name__ == "__main__":
    unittest.main()
