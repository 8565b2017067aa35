"""Sends workitems of its own to the engine before it answers, and does what workitems allow besides."""

from SkyNET import (WorkItemCtrl, ParticipantCtrl, Workitem)


class ParticipantHandler(object):

    def __init__(self):
        self.states = []

    def handle_wi_control(self, ctrl):
        pass

    def handle_lifecycle_control(self, ctrl):
        self.states.append(ctrl.message)
        if ctrl.message == "stop":
            print("tidy after %s" % ", ".join(self.states))

    def handle_wi(self, wi):
        for package in wi.fields.packages:
            part = wi.dup()
            part.fields.package = package
            del part.fields.packages
            self.send_to_engine(part)
        wi.fields.parts = {"count": len(wi.fields.packages), "names": wi.fields.packages}
        wi.fields.again = wi.fields.parts
        if "skipped" in wi.fields:
            del wi.fields.as_dict()["skipped"]
        wi.fields.who = "%s of %s, %s" % (wi.participant_name, wi.wf_name, wi.fei.engine_id)
        wi.fields.asked = {"forget": wi.forget, "error": wi.error, "sid": wi.sid}
        assert isinstance(wi, Workitem) and wi == Workitem('{"fei": %s, "fields": {}}' % str(
            wi.to_h()["fei"]).replace("'", '"'))
        assert WorkItemCtrl("start").message == ParticipantCtrl("start").message
        wi.result = True
