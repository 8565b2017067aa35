"""Takes long, tells how far it is, and can be cancelled."""

import threading
import time


class ParticipantHandler(object):

    def __init__(self):
        self.done = 0
        self.cancelled = threading.Event()

    def handle_wi_control(self, ctrl):
        if ctrl.message == "status":
            return {"done": self.done, "wfid": ctrl.wfid}
        if ctrl.message == "cancel":
            print("cancelled %s" % ctrl.wfid)
            self.cancelled.set()
            return True

    def handle_lifecycle_control(self, ctrl):
        if ctrl.message == "die":
            time.sleep(0.3)
            print("last words", end="")

    def handle_wi(self, wi):
        self.log.info("building")
        self.done = 42
        print("at work")
        wi.result = not self.cancelled.wait(600)
