"""What the logic of a participant imports: from SkyNET import WorkItemCtrl, ParticipantCtrl, Workitem."""

from .Control import ParticipantCtrl, WorkItemCtrl
from .launcher import Launcher
from .workitem import FlowExpressionId, Workitem

__all__ = ["FlowExpressionId", "Launcher", "ParticipantCtrl", "WorkItemCtrl", "Workitem"]
