"""A workitem as participants of SkyNET have always seen it: attributes over a JSON object that stays what it is."""

import copy
import json


class Attributes:
    """A JSON object whose members are attributes: `fields.ev.id`, `fields.msg = []`, `del fields.msg`.

    What is not there is None, as it always was, so that `if fields.msg:` and `if not params.project:` can be written.
    For the same reason no method has a name that a member may well have, such as `items` or `values`: as_dict() is the
    dict itself, and changes to it are changes to the workitem. Members that are objects are such objects again; lists
    are plain lists, and what is in them is plain.
    """

    __slots__ = ("_data", "_attach")

    def __init__(self, data, attach=None):
        """`attach`, if given, puts data into its place with the first member that is set."""
        object.__setattr__(self, "_data", data)
        object.__setattr__(self, "_attach", attach)

    def as_dict(self):
        """The object itself, as a dict."""
        return self._data

    # What the very first workitems had: 'msg' in wi.fields().
    __call__ = as_dict

    def get(self, name, default=None):
        """The member of this name, or default; one that is an object is the dict itself, as with fields[name]."""
        return self._data.get(name, default)

    def __getitem__(self, name):
        return self._data[name]

    def __setitem__(self, name, value):
        self._data[name] = plain(value)
        if self._attach is not None:
            self._attach(self._data)
            object.__setattr__(self, "_attach", None)

    def __delitem__(self, name):
        del self._data[name]

    def __getattr__(self, name):
        return wrapped(self._data.get(name))

    def __setattr__(self, name, value):
        self[name] = value

    def __delattr__(self, name):
        try:
            del self._data[name]
        except KeyError:
            raise AttributeError(name) from None

    def __contains__(self, name):
        return name in self._data

    def __iter__(self):
        return iter(self._data)

    def __len__(self):
        return len(self._data)

    def __bool__(self):
        """Is it there? An empty one is, too."""
        return self._attach is None

    def __eq__(self, other):
        return self._data == plain(other)

    __hash__ = None

    def __copy__(self):
        return Attributes(copy.copy(self._data))

    def __deepcopy__(self, memo):
        return Attributes(copy.deepcopy(self._data, memo))

    def __reduce__(self):
        return Attributes, (self._data,)

    def __dir__(self):
        return [*super().__dir__(), *self._data]

    def __repr__(self):
        return repr(self._data)


# The name that RuoteAMQP has for it.
DictAttrProxy = Attributes


def wrapped(value):
    """A value as logic sees it."""
    return Attributes(value) if isinstance(value, dict) else value


def plain(value):
    """A value that logic has set, as JSON has it."""
    if isinstance(value, Attributes):
        return value.as_dict()
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items()} if tainted(value.values()) else value
    if isinstance(value, (list, tuple)) and tainted(value):
        return [plain(member) for member in value]
    return value


def tainted(values):
    """Is there an Attributes in it, at whatever depth? Else the value itself is kept: logic may go on changing it."""
    return any(
        isinstance(value, Attributes)
        or (isinstance(value, dict) and tainted(value.values()))
        or (isinstance(value, (list, tuple)) and tainted(value))
        for value in values
    )


class FlowExpressionId:
    """Where in which process an item comes from: wfid, subid, expid, engine_id."""

    def __init__(self, data):
        self._data = data if isinstance(data, dict) else {}

    def __getitem__(self, name):
        return self._data[name]

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return self._data.get(name)

    def to_storage_id(self):
        """One text of them all, such as "0_0!sub!20110216-abc"."""
        sub = self._data.get("subid") or self._data.get("sub_wfid") or ""
        return f"{self.expid or ''}!{sub}!{self.wfid or ''}"

    def __repr__(self):
        return repr(self._data)


class Workitem:
    """The token of a process, with its payload: the fields. Made of JSON text, or of a dict, which it then is."""

    def __init__(self, message):
        self._h = message if isinstance(message, dict) else json.loads(message)

    def to_h(self):
        """The workitem itself, as a dict."""
        return self._h

    def dup(self):
        """A copy that shares nothing with this one."""
        return type(self)(copy.deepcopy(self._h))

    def dump(self):
        """The whole workitem as text, to be read by people; the members are sorted, so that two can be compared."""
        try:
            return json.dumps(self._h, indent=4, ensure_ascii=False, default=repr, sort_keys=True)
        except TypeError:
            # The logic has put names of several types into it.
            return json.dumps(self._h, indent=4, ensure_ascii=False, default=repr)

    __str__ = dump

    @property
    def is_cancel(self):
        """Does the process engine only say with it that it has cancelled the work?"""
        return bool(self._h.get("cancel"))

    @property
    def fei(self):
        """Where the item comes from."""
        return FlowExpressionId(self._h.get("fei"))

    @property
    def wfid(self):
        """The process that the item belongs to."""
        return self.fei.wfid

    @property
    def sid(self):
        """Where the item comes from, as one text."""
        return self.fei.to_storage_id()

    @property
    def participant_name(self):
        """What the process calls the participant."""
        return self._h.get("participant_name")

    @property
    def wf_name(self):
        """The name of the process definition."""
        return self._h.get("wf_name")

    @property
    def fields(self):
        """The payload."""
        return member(self._h, "fields")

    @fields.setter
    def fields(self, value):
        self._h["fields"] = plain(value)

    @property
    def params(self):
        """What the step of the process says to the participant: `fields.params`."""
        return member(self.fields, "params")

    @params.setter
    def params(self, value):
        self.fields.params = value

    @property
    def result(self):
        """What the process branches by: `fields.__result__`."""
        return self.fields["__result__"] if "__result__" in self.fields else None

    @result.setter
    def result(self, value):
        self.fields["__result__"] = value

    @property
    def error(self):
        """What went wrong: the error of the workitem, or else `fields.__error__`, that of an earlier step.

        An error that is set makes the step fail with it.
        """
        return self._h["error"] if self._h.get("error") is not None else self.fields.get("__error__")

    @error.setter
    def error(self, value):
        self._h["error"] = plain(value)

    @property
    def trace(self):
        """The trace that belongs to the error, if it has one."""
        return self._h.get("trace")

    @trace.setter
    def trace(self, value):
        self._h["trace"] = plain(value)

    @property
    def timed_out(self):
        """Is it here because an earlier step took too long?"""
        return self.fields["__timed_out__"] if "__timed_out__" in self.fields else None

    @property
    def dispatched_at(self):
        """When the process engine sent it."""
        return self.fields.dispatched_at

    @property
    def forget(self):
        """Is no reply expected?"""
        return bool(self.params.forget)

    @forget.setter
    def forget(self, value):
        self.params.forget = value

    def lookup(self, key, container_lookup=False):
        """The field of a name with dots, "ev.project", as plain JSON, or None.

        With container_lookup: its last name, and the object that it would be in.
        """
        *path, last = key.split(".")
        found = self.fields.as_dict()
        for name in path:
            found = child(found, name)
        return (last, found) if container_lookup else child(found, last)

    lf = lookup

    def set_field(self, key, value):
        """Sets the field of a name with dots, "ev.project", and makes the objects that it is in."""
        *path, last = key.split(".")
        at = self.fields
        for name in path:
            if name in at and not isinstance(at[name], dict):
                raise TypeError(f"unable to set {key}: {name} is {type(at[name]).__name__}, not an object")
            at = member(at, name)
        at[last] = value

    def set_result(self, value):
        """The same as setting `result`."""
        self.result = value

    def __getattr__(self, name):
        # Only what is not found above gets here: another member of the workitem.
        data = self.__dict__.get("_h", {})
        if name not in data:
            raise AttributeError(f"a workitem has no {name}")
        return wrapped(data[name])

    def __eq__(self, other):
        return isinstance(other, Workitem) and self._h.get("fei") == other._h.get("fei")

    def __hash__(self):
        return hash(self.sid)

    def __repr__(self):
        return f"Workitem({self.sid!r})"


def member(parent, name):
    """The object of a name, which comes into being with the first member that is set, not by looking at it."""
    data = plain(parent[name]) if name in parent else None
    if isinstance(data, dict):
        return Attributes(data)

    def attach(made):
        parent[name] = made

    return Attributes({}, attach)


def child(value, name):
    """A member of an object, or an element of a list; None if there is none."""
    if isinstance(value, dict):
        return value.get(name)
    if isinstance(value, list) and name.lstrip("-").isdigit() and -len(value) <= int(name) < len(value):
        return value[int(name)]
    return None
