"""Loads the logic, and tells what is wrong with a file that cannot be."""

import importlib.machinery
import importlib.util
import os
import re
import sys
import traceback

from . import workitem
from .workitem import Workitem

HERE = os.path.dirname(os.path.abspath(__file__))

# What only Python 2 has, in the lines and in the messages of Python 3 about them.
OLD_SYNTAX = re.compile(
    r"""\bprint\s+["'\w%] | \bprint\s*>> | ^except\s+[\w.]+\s*,\s*\w+\s*: | ^raise\s+[\w.]+\s*,
    | ^exec\s+["'\w] | <> | \bur["'] | \b0[0-7]+\b | `[^`]*` """,
    re.VERBOSE,
)

# Built-in names that are gone.
OLD_NAMES = re.compile("'(basestring|execfile|raw_input|reload|unicode|xrange)'")

# Modules that have another name in Python 3.
OLD_MODULES = {
    "BaseHTTPServer": "http.server", "ConfigParser": "configparser", "Cookie": "http.cookies", "Queue": "queue",
    "StringIO": "io", "__builtin__": "builtins", "cPickle": "pickle", "cStringIO": "io", "commands": "subprocess",
    "cookielib": "http.cookiejar", "httplib": "http.client", "sets": "set", "urllib2": "urllib.request",
    "urlparse": "urllib.parse", "xmlrpclib": "xmlrpc.client",
}


class Unusable(Exception):
    """The logic cannot be used: why, for the log, and the trace of the exception behind it if there is one."""

    def __init__(self, why, behind=None):
        super().__init__(why)
        self.trace = trace(behind) if behind else None


def load(path):
    """The class ParticipantHandler of a file."""
    stand_in_for_ruote()
    path = os.path.abspath(path)
    if not os.path.isfile(path):
        raise Unusable(f"unable to read {path}: there is no such file; [participant] code= in config.exo names it")
    module = execute(path)
    handler = getattr(module, "ParticipantHandler", None)
    if not isinstance(handler, type):
        raise Unusable(f"unable to use {path}: it has no class ParticipantHandler{classes(path, module)}")
    if not callable(getattr(handler, "handle_wi", None)):
        line = line_of(path, "ParticipantHandler")
        raise Unusable(f"unable to use {path}, line {line}: class ParticipantHandler has no method handle_wi")
    return handler


def stand_in_for_ruote():
    """Old logic may import Workitem and Launcher from RuoteAMQP, too. It has them from here, unless that is installed."""
    if importlib.util.find_spec("RuoteAMQP") is None:
        import SkyNET

        sys.modules["RuoteAMQP"] = SkyNET
        sys.modules["RuoteAMQP.workitem"] = SkyNET.workitem
        sys.modules["RuoteAMQP.launcher"] = SkyNET.launcher


def workitem_class():
    """The class of items: with the real RuoteAMQP in use, one that is a Workitem of that as well, for isinstance()."""
    real = getattr(sys.modules.get("RuoteAMQP.workitem"), "Workitem", None)
    if not isinstance(real, type) or issubclass(Workitem, real):
        return Workitem
    made = getattr(workitem, "RuoteWorkitem", None)
    if made is None or not issubclass(made, real):
        made = type("RuoteWorkitem", (Workitem, real), {"__module__": workitem.__name__})
        workitem.RuoteWorkitem = made
    return made


def execute(path):
    """The module of a file, under its own name, with its directory on the path."""
    sys.path.insert(0, os.path.dirname(path))
    name = re.sub(r"\W", "_", os.path.basename(path).partition(".")[0])
    if name in sys.modules:
        name = f"participant_{name}"
    loader = importlib.machinery.SourceFileLoader(name, path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except SyntaxError as error:
        raise Unusable(syntax(path, error)) from None
    except BaseException as error:
        raise Unusable(failed(path, error), error) from None
    return module


def syntax(path, error):
    """What to say of a file that is not Python."""
    text = (error.text or "").strip()
    where = f"{error.filename or path}, line {error.lineno}" if error.lineno else path
    version = "Python {}.{}".format(*sys.version_info)
    said = f"unable to load {where}: {error.msg} ({version})" + (f": {text}" if text else "")
    return said + (OLD if isinstance(error, TabError) or OLD_SYNTAX.search(text) else "")


def failed(path, error):
    """What to say of a file that raised an exception while it was loaded."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    where = f"{path}, line {lines[-1]}" if lines else path
    said = f"unable to load {where}: {type(error).__name__}: {error}"
    module = error.name if isinstance(error, ModuleNotFoundError) else None
    if module in OLD_MODULES:
        said += f" (it is {OLD_MODULES[module]} in Python 3){OLD}"
    elif isinstance(error, NameError) and OLD_NAMES.search(str(error)):
        said += OLD
    return said


OLD = (
    "\nThis is Python 2. Convert the file with 2to3 (python3 -m lib2to3 -w FILE, up to Python 3.12), or bring it up to"
    " date by hand: it runs in Python 3.9 and newer."
)


def ours_skipped(error):
    """The traceback of an exception, from where it leaves what is ours."""
    at = error.__traceback__
    while at and (at.tb_frame.f_code.co_filename.startswith((HERE, "<frozen"))):
        at = at.tb_next
    return at


def trace(error):
    """The trace of an exception, as Python shows it."""
    return "".join(traceback.format_exception(type(error), error, ours_skipped(error))).rstrip("\n")


def calls(error):
    """The calls that led to an exception, the outermost first, as the process engine wants them."""
    frames = traceback.extract_tb(ours_skipped(error))
    return [f"{frame.filename}:{frame.lineno}: in {frame.name}: {frame.line}" for frame in frames]


def classes(path, module):
    """The classes that a file has instead."""
    found = [
        f"{name} at line {line_of(path, name)}"
        for name, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == module.__name__
    ]
    return f", only {', '.join(found)}" if found else ""


def line_of(path, name):
    """The line that a class begins at."""
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            if re.match(rb"\s*class\s+" + name.encode() + rb"\b", line):
                return number
    return 1
