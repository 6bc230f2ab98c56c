"""A message for people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class NoticeEvent(StrEnum):
    """What people are told of. The models choose; a model may also name an event of its own."""

    APPROVAL_WANTED = "approval-wanted"
    REMINDER = "reminder"
    ESCALATED = "escalated"
    APPROVED = "approved"
    REJECTED = "rejected"
    APPLIED = "applied"
    FAILED = "failed"
    CONFIGURATION_FAILED = "configuration-failed"
    REQUEST_INVALID = "request-invalid"
    KEPT = "kept"
    CLEANED_UP = "cleaned-up"
    CLEANUP_FAILED = "cleanup-failed"
    REMOVED = "removed"
    ENDING = "ending"
    DRIFT_FOUND = "drift-found"
    REPORT_READY = "report-ready"


@dataclass(frozen=True)
class Notice:
    """What people are told.

    Attributes:
        event: what happened: a `NoticeEvent`, or a name that a model made up.
        subject: one line.
        message: the rest.
        run: id of the run whose log says more; empty where there is none.
        assignee: whom it is for; empty where nobody in particular.
        group: which group it is for; empty where none.
        change: digest of the change that waits for a decision; empty where none does.
        link: where a page shows more; empty where no page does.
    """

    event: str
    subject: str
    message: str
    environment: str
    run: str = ""
    assignee: str = ""
    group: str = ""
    change: str = ""
    link: str = ""
