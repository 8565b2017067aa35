"""The logic of this participant. What it prints or raises is in its log."""


class ParticipantHandler(object):
    """Does the work. One object does all of it, one workitem at a time."""

    def handle_wi(self, wi):
        """Works on a workitem: reads and sets wi.fields, and sets wi.result."""
        wi.result = True

    def handle_wi_control(self, ctrl):
        """Is asked for the "status" of an item, or told to "cancel" it, by ctrl.message, while handle_wi works on it.

        What it returns is the answer.
        """

    def handle_lifecycle_control(self, ctrl):
        """Is told "start", with the configuration in ctrl.config, and "stop" or "die" in the end, by ctrl.message."""
