"""A message for people."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Notice:
    """What people are told.

    Attributes:
        event: what happened: ``applied``, ``rejected``, ``failed``, ``cleaned-up``, ``reminder``, …
        subject: one line.
        message: the rest.
        run: id of the run whose log says more; empty where there is none.
        assignee: whom it is for; empty where nobody in particular.
        group: which group it is for; empty where none.
    """

    event: str
    subject: str
    message: str
    environment: str
    run: str = ""
    assignee: str = ""
    group: str = ""
