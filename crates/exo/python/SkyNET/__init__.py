"""What the logic of a participant imports: from SkyNET import WorkItemCtrl, ParticipantCtrl, Workitem."""

from .Control import ParticipantCtrl, WorkItemCtrl
from .workitem import Workitem

__all__ = ["ParticipantCtrl", "WorkItemCtrl", "Workitem"]
