"""What an approver reads: Markdown, short enough for a process variable."""

from __future__ import annotations

from typing import Final

from workers.core.records import Change, Operation, Plan

_LIMIT: Final = 8000
_LITERAL: Final = 80


def plan_markdown(plan: Plan, resources: str, change: Change, pages: str = "") -> str:
    """A Terraform plan with the roles that will run afterwards.

    Args:
        plan: the plan.
        resources: the plan's resources as Markdown, secrets removed.
        change: the change that the plan belongs to.
        pages: address of the run pages; empty where none is known.
    """
    verb = "Remove" if plan.operation is Operation.DESTROY else "Make"
    first = f"{verb} stack **{plan.stack}** with module **{plan.module}**.{_link(pages, plan.run)}"
    parts = [first, resources, _roles(change)]
    if plan.cleans_up:
        parts.append("The stack is empty now. If making it fails, what was made is removed again without asking.")
    return shortened("\n\n".join(part for part in parts if part))


def check_markdown(change: Change, tasks: str, artifacts: tuple[str, ...] = ()) -> str:
    """What a role would change, and what else the same approval covers.

    Args:
        change: the change; its first role is the one that was checked.
        tasks: what the check found as Markdown, secrets removed.
        artifacts: a sentence on each artefact that the roles get.
    """
    first, *more = change.roles
    parts = [f"Configure {', '.join(change.hosts)} with role **{first.role}**.", *artifacts]
    if more:
        lines = [f"- role **{step.role}**{_inputs(step.inputs)}" for step in more]
        parts.append("\n".join(["Where that fails, without asking again:", "", *lines]))
    return shortened("\n\n".join([*parts, tasks]))


def shortened(markdown: str) -> str:
    """The text, cut at a line if it is too long for a process variable."""
    if len(markdown) <= _LIMIT:
        return markdown
    return markdown[: markdown.rfind("\n", 0, _LIMIT - 40)] + "\n\n… the rest is in the log of the run."


def _link(pages: str, run: str) -> str:
    return f" [Plan and log as a page]({pages}/runs/{run})" if pages else ""


def _roles(change: Change) -> str:
    if not change.roles:
        return ""
    lines = [f"- role **{step.role}**{_inputs(step.inputs)}" for step in change.roles]
    hosts = ", ".join(host.replace("stack:", "the hosts of stack ") for host in change.hosts)
    return "\n".join([f"Then Ansible configures {hosts}:", "", *lines])


def _inputs(inputs: object) -> str:
    if not isinstance(inputs, dict) or not inputs:
        return ""
    return " with " + ", ".join(f"{name} = `{_literal(value)}`" for name, value in sorted(inputs.items()))


def _literal(value: object) -> str:
    text = str(value).replace("`", "'").replace("\n", " ")
    return text if len(text) <= _LITERAL else text[: _LITERAL - 1] + "…"
