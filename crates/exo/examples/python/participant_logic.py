"""Adds up fields.numbers into fields.sum, params.pause seconds after each; knows status and cancel."""

import collections
import threading


class ParticipantHandler(object):
    """Works on one item at a time."""

    def __init__(self):
        self.limit = None
        self.progress = None
        # By item: the request may come just before the work begins, or when it is already over.
        self.cancelled = collections.defaultdict(threading.Event)

    def handle_lifecycle_control(self, ctrl):
        """Is told start, with the configuration, and stop or die in the end."""
        if ctrl.message == "start" and ctrl.config.has_option("sum", "limit"):
            self.limit = ctrl.config.getint("sum", "limit")

    def handle_wi_control(self, ctrl):
        """Is asked, by another thread, for the status of an item, or told to cancel it."""
        if ctrl.message == "cancel":
            self.cancelled[ctrl.workitem.sid].set()
            return True
        return self.progress

    def handle_wi(self, wi):
        """Works on a workitem."""
        numbers = wi.fields.numbers
        if not isinstance(numbers, list):
            raise TypeError("fields.numbers is no list of numbers")
        if self.limit is not None and len(numbers) > self.limit:
            raise ValueError("more than %d numbers" % self.limit)
        self.progress = "0 of %d" % len(numbers)
        self.log.info("%d numbers", len(numbers))
        wi.fields.sum = 0
        wi.result = True
        for done, number in enumerate(numbers):
            self.progress = "%d of %d" % (done, len(numbers))
            if self.cancelled[wi.sid].wait(wi.params.pause or 0):
                wi.result = False
                break
            wi.fields.sum += number
        self.cancelled.pop(wi.sid, None)
