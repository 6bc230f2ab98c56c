"""The program ``sluis`` with all its commands."""

from __future__ import annotations

from workers.cli import (
    approvals,
    audit,
    check,
    demo,
    doctor,
    environments,
    findings,
    generate,
    life,
    new,
    processes,
    runs,
    sources,
    stacks,
    state,
    worker,
)
from workers.cli.program import program

app = program()
for group in (
    doctor,
    demo,
    life,
    state,
    worker,
    check,
    generate,
    new,
    sources,
    processes,
    approvals,
    stacks,
    runs,
    findings,
    environments,
    audit,
):
    group.register(app)
