"""The workitem itself, and the configuration."""

import copy
import json
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
            self.assertFalse(item.fields.ev or item.params.x or item.forget or item.is_cancel or item.trace, text)
            self.assertEqual(item.to_h(), before)

    def test_what_is_set_comes_into_being(self):
        item = Workitem("{}")
        item.params.a = 1
        item.fields.b = {"c": 2}
        item.fields.b.c += 1
        item.set_field("x.y.z", 4)
        item.set_result(False)
        item.error = "e"
        item.trace = ["a:1"]
        expected = {"params": {"a": 1}, "b": {"c": 3}, "x": {"y": {"z": 4}}, "__result__": False}
        self.assertEqual(item.to_h(), {"fields": expected, "error": "e", "trace": ["a:1"]})
        self.assertEqual((item.error, item.trace, item.result), ("e", ["a:1"], False))

    def test_an_error_is_that_of_the_item_or_of_an_earlier_step(self):
        for text, error in (
            ('{"fields": {"__error__": "old"}}', "old"),
            ('{"error": null, "fields": {"__error__": "old"}}', "old"),
            ('{"error": "new", "fields": {"__error__": "old"}}', "new"),
        ):
            self.assertEqual(Workitem(text).error, error)

    def test_an_empty_object_is_there(self):
        item = Workitem('{"fields": {"ev": {}, "params": {}}}')
        self.assertTrue(item.fields and item.fields.ev and item.params)
        self.assertFalse(item.fields.other or Workitem("{}").fields or Workitem('{"fields": {}}').params)
        params = Workitem('{"fields": {}}').params
        params.x = 1
        self.assertTrue(params)

    def test_a_member_by_name_is_a_dict(self):
        fields = Workitem('{"fields": {"ev": {"items": [1], "a": {"b": 2}}}}').fields
        self.assertEqual(list(fields["ev"].items()), [("items", [1]), ("a", {"b": 2})])
        self.assertEqual({**fields["ev"]}, dict(fields["ev"]))
        self.assertEqual(json.dumps(fields["ev"]), '{"items": [1], "a": {"b": 2}}')
        fields["ev"]["a"]["c"] = 3
        self.assertEqual(fields.ev.a.c, 3)
        self.assertIs(fields.get("ev"), fields["ev"])

    def test_a_field_is_not_set_in_what_is_no_object(self):
        for value in "text", 1, None, [], ["x"], False:
            item = Workitem(json.dumps({"fields": {"a": value, "b": {"c": value}}}))
            for key in "a.x", "b.c.x", "a.x.y":
                with self.assertRaises(TypeError):
                    item.set_field(key, 1)
            item.set_field("a", 1)
            self.assertEqual(item.fields.a, 1)

    def test_the_text_of_an_item_is_sorted(self):
        item = Workitem('{"z": 1, "fei": {"wfid": "ü"}, "cancel": true}')
        self.assertEqual(str(item), item.dump())
        self.assertEqual([line[5:8] for line in item.dump().splitlines()[1:4]], ["can", "fei", "   "])
        self.assertEqual(Workitem(str(item)).to_h(), item.to_h())
        self.assertIs(item.is_cancel, True)
        item.fields.odd = {1: 2, "a": object()}
        self.assertIn("<object object", str(item))

    def test_attributes_and_names(self):
        fields = Workitem('{"fields": {"ev": {"items": [1, {"a": 2}]}, "msg": [], "none": {}}}').fields
        fields.ev.items[1]["a"] = 3
        fields["other"] = fields["ev"]
        self.assertEqual(fields.other.as_dict(), {"items": [1, {"a": 3}]})
        self.assertIs(fields.ev.as_dict(), fields.as_dict()["ev"])
        self.assertEqual((fields.get("x", 5), "msg" in fields, "x" in fields(), len(fields)), (5, True, False, 4))
        self.assertEqual(fields.none, {})
        self.assertTrue(fields.none)
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
