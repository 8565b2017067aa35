"""The messages that handle_wi_control and handle_lifecycle_control are called with."""


class WorkItemCtrl:
    """Says what is asked.

    `message` is "status" or "cancel" about an item; `workitem` is that item then, and `wfid` the process that it belongs
    to. About the participant it is "start", with a ConfigParser as `config`, "stop" or "die".
    """

    def __init__(self, message=None, config=None, workitem=None):
        self.message = message
        self.config = config
        self.workitem = workitem

    @property
    def wfid(self):
        """The process that the item belongs to; None if the message is about the participant."""
        return None if self.workitem is None else self.workitem.wfid

    def start(self):
        """Is the participant to start?"""
        return self.message == "start"

    def stop(self):
        """Is it to tidy up, since no more work comes?"""
        return self.message == "stop"

    def die(self):
        """Is its process about to end, whatever it does?"""
        return self.message == "die"

    def __repr__(self):
        return f"{type(self).__name__}({self.message!r})"


class ParticipantCtrl(WorkItemCtrl):
    """A message about the participant as such. Logic sees no difference to one about an item."""
