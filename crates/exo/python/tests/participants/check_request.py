"""A check as there were many: fields IN and OUT, messages, a parameter, the result. RuoteAMQP is imported as it was.

:term:`Workitem` fields IN: ev.actions (list), ev.namespace, msg (list)
:term:`Workitem` fields OUT: msg, checked.project, status
"""

from RuoteAMQP import Workitem
from RuoteAMQP.workitem import DictAttrProxy, Workitem as AlsoWorkitem

assert Workitem is AlsoWorkitem


class ParticipantHandler(object):
    """ Participant class as defined by the SkyNET API """

    def __init__(self):
        self.user = None
        self.timeout = None
        self.password = None

    def handle_wi_control(self, ctrl):
        """ job control thread """
        pass

    def handle_lifecycle_control(self, ctrl):
        """ participant control thread """
        if ctrl.message == "start":
            if ctrl.config.has_option("obs", "user"):
                self.user = ctrl.config.get("obs", "user")
                self.timeout = ctrl.config.getint("obs", "timeout")
                self.password = ctrl.config.get("obs", "password")

    def check(self, wid):
        """ The check itself """
        wid.result = False
        if not wid.fields.msg:
            wid.fields.msg = []
        actions = wid.fields.ev.actions
        if not actions:
            wid.fields.__error__ = "Mandatory field: actions does not exist."
            wid.fields.msg.append(wid.fields.__error__)
            raise RuntimeError("Missing mandatory field: actions")

        projects = [action["targetproject"] for action in actions]
        wid.set_field("checked.project", projects[0])
        wid.fields.status = "%s as %s in %d s" % (wid.lookup("checked.project"), self.user, self.timeout)
        wid.fields.msg.append("%d action(s) by %s" % (len(actions), wid.fields.as_dict()["ev"]["who"]))
        if not wid.params.dryrun and "strict" in wid.params.as_dict():
            wid.result = True

    def handle_wi(self, wid):
        """ actual job thread """
        # We may want to examine the fields structure
        if wid.fields.debug_dump or wid.params.debug_dump:
            print(wid.dump())
        assert isinstance(wid, Workitem) and isinstance(wid.fields, DictAttrProxy)
        self.log.info("Checking %s", wid.wfid)
        self.check(wid)
