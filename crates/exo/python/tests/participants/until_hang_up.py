"""Works until what reads from exo has come to its end."""

import threading


class ParticipantHandler(object):

    def handle_wi(self, wi):
        for thread in threading.enumerate():
            if thread.name == "exo":
                thread.join()
