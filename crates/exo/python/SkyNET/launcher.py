"""Launches processes, as RuoteAMQP.launcher does, but by way of exo, which has the connection to the broker."""

import json

from .workitem import plain


class Launcher:
    """Sends what it is given to the process engine of the participant that it is used in.

    Where the broker is, and the account, can be said as ever, and make no difference: they are those of the participant.
    """

    # What sends a message to the process engine; the adapter sets it.
    engine = None

    def __init__(self, amqp_host=None, amqp_user=None, amqp_pass=None, amqp_vhost=None, conn=None):
        if Launcher.engine is None:
            raise RuntimeError("a Launcher needs exo: it can be used in a participant alone")

    def launch(self, process, fields=None, variables=None):
        """Launches a process: its definition as text, and the fields that it begins with."""
        fields, variables = plain(fields), plain(variables)
        for name, value in ("fields", fields), ("variables", variables):
            if value and not isinstance(value, dict):
                raise TypeError(f"{name} should be a dict, not {type(value).__name__}")
        Launcher.engine({"definition": process, "fields": fields, "variables": variables})

    def resume(self, workitem=None, msg=None):
        """Sends a workitem that was kept, so that its process goes on: a Workitem, or its text as msg."""
        if workitem is None and msg is None:
            raise ValueError("either workitem or msg is needed")
        Launcher.engine(json.loads(msg) if workitem is None else workitem)
