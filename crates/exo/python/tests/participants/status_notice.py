#!/usr/bin/python
"""The least that a participant of old has: it says something, and sets nothing."""


class ParticipantHandler(object):

    def handle_wi_control(self, ctrl):
        pass

    def handle_lifecycle_control(self, ctrl):
        pass

    def handle_wi(self, wi):
        print("This is the notice for %s" % wi.fields.ev.id)
