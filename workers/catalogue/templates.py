"""Element templates for Camunda Modeler: call activities of the blocks, and single jobs, for each contract."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from workers.catalogue.template_fields import Field, expression, hidden, input_fields, text
from workers.core.contract import Contract, Kind
from workers.core.values import JsonValue

_SCHEMA: Final = "https://unpkg.com/@camunda/zeebe-element-templates-json-schema/resources/schema.json"
_ICONS: Final = {
    Kind.MODULE: "M2 2h6v6H2zM10 2h6v6h-6zM6 10h6v6H6z",
    Kind.ROLE: "M9 1l8 16h-3l-2-4H6l-2 4H1zM9 6l-2 5h4z",
}
_COLOURS: Final = {Kind.MODULE: "#5c4ee5", Kind.ROLE: "#1a1918"}
_WORDS: Final = {Kind.MODULE: "module", Kind.ROLE: "role"}
_GROUPS: Final = (("where", "Where"), ("required", "Required inputs"), ("optional", "Optional inputs"))
_MORE_GROUPS: Final = (("advanced", "Advanced inputs"), ("change", "Change and approval"), ("output", "Result"))
_BLOCKS: Final = {Kind.MODULE: "TerraformChange", Kind.ROLE: "AnsibleChange"}
_RESULTS: Final = {
    "TerraformChange": "change",
    "AnsibleChange": "configured",
    "plan": "plan",
    "apply": "applied",
    "check": "check",
    "run": "configured",
}
_ERRORS: Final = {
    "TerraformChange": "PLAN_FAILED, POLICY_DENIED, CHANGE_REJECTED, APPLY_FAILED",
    "AnsibleChange": "POLICY_DENIED, CHANGE_REJECTED, HOST_FAILED, HOST_UNREACHABLE",
    "plan": "PLAN_FAILED",
    "apply": "PLAN_STALE, APPLY_FAILED, RUN_INTERRUPTED",
    "check": "HOST_FAILED, HOST_UNREACHABLE",
    "run": "PLAN_STALE, HOST_FAILED, HOST_UNREACHABLE, RUN_INTERRUPTED",
}
_ENVIRONMENT: Final = text(
    "environment", "Environment", "Name of the environment, or an expression.", "where", "=environment", required=True
)
_STACK: Final = text(
    "stack", "Stack", "Name of the stack in the environment, e.g. web1.", "where", "=name", required=True
)


def templates(contract: Contract) -> tuple[Field, ...]:
    """The templates of one module or role: the block first, then single jobs that change nothing unapproved.

    A bare apply has none: it belongs into the block.
    """
    jobs = ("plan",) if contract.kind is Kind.MODULE else ("check",)
    return (_call(contract), *(_job(contract, verb) for verb in jobs))


def _call(contract: Contract) -> Field:
    block = _BLOCKS[contract.kind]
    called: Field = {
        "type": "Hidden",
        "value": block,
        "binding": {"type": "zeebe:calledElement", "property": "processId"},
    }
    fields = _module_call() if contract.kind is Kind.MODULE else _role_call()
    head = _head(contract, "change", f"Change with {contract.name}", block)
    return head | _element("bpmn:CallActivity") | _properties([called, *_named(contract), *fields], contract, block)


def _job(contract: Contract, verb: str) -> Field:
    job_type = f"{contract.kind.value}.{contract.name}.{verb}"
    task: list[Field] = [
        {"type": "Hidden", "value": job_type, "binding": {"type": "zeebe:taskDefinition", "property": "type"}},
        {
            "label": "Retries",
            "description": "How often the job is tried again after passing trouble.",
            "type": "String",
            "group": "change",
            "value": "3",
            "constraints": {"notEmpty": True, "pattern": {"value": r"^(\d+|=.+)$", "message": "Must be a number."}},
            "binding": {"type": "zeebe:taskDefinition", "property": "retries"},
        },
    ]
    fields = _module_plan() if contract.kind is Kind.MODULE else [_ENVIRONMENT, _hosts(), _covering()]
    head = _head(contract, verb, f"{verb.capitalize()} {contract.name}", verb)
    return head | _element("bpmn:ServiceTask") | _properties([*task, *_named(contract), *fields], contract, verb)


def _head(contract: Contract, last: str, name: str, what: str) -> Field:
    described = f"{(contract.description or contract.name).rstrip('.')}. Errors to catch: {_ERRORS[what]}."
    return {
        "$schema": _SCHEMA,
        "id": f"sluis.{contract.kind.value}.{contract.name}.{last}",
        "name": name,
        "description": described,
        "category": {"id": f"sluis-{_WORDS[contract.kind]}s", "name": f"Sluis {_WORDS[contract.kind]}s"},
        "icon": {"contents": _icon(contract.kind)},
    }


def _element(wanted: str) -> Field:
    return {"appliesTo": ["bpmn:Task", wanted], "elementType": {"value": wanted}}


def _properties(fields: list[Field], contract: Contract, what: str) -> Field:
    result: Field = {
        "label": "Result variable",
        "description": "Where the result is kept.",
        "type": "String",
        "group": "output",
        "value": f"{_RESULTS[what]}_of_{contract.name}".replace("-", "_"),
        "constraints": {"notEmpty": True},
        "binding": {"type": "zeebe:output", "source": f"={_RESULTS[what]}"},
    }
    everything = [*fields, *input_fields(contract), result]
    used = {field.get("group") for field in everything}
    groups: list[JsonValue] = [{"id": i, "label": label} for i, label in (*_GROUPS, *_MORE_GROUPS) if i in used]
    properties: list[JsonValue] = [*everything]
    return {"groups": groups, "properties": properties}


def _named(contract: Contract) -> list[Field]:
    return [hidden(_WORDS[contract.kind], contract.name)]


def _module_plan() -> list[Field]:
    return [
        _ENVIRONMENT,
        _STACK,
        {
            "label": "Operation",
            "description": "What is planned.",
            "type": "Dropdown",
            "group": "change",
            "choices": [{"name": "make or change", "value": "apply"}, {"name": "remove", "value": "destroy"}],
            "value": "apply",
            "binding": {"type": "zeebe:input", "name": "operation"},
        },
        expression("configure", "Roles", "Roles that run afterwards: list of {role, inputs}.", "change", "=[]"),
        expression("cleanupOf", "Clean-up of", "Digest of the failed change that is cleared away.", "change", "=null"),
        expression("cleansUp", "Cleans up", "The model removes what a failed apply made.", "change", "=false"),
    ]


def _module_call() -> list[Field]:
    return [*_module_plan(), *_for_people()]


def _role_call() -> list[Field]:
    return [_ENVIRONMENT, _hosts(), _covering(), *_for_people()]


def _for_people() -> list[Field]:
    return [
        text("purpose", "Purpose", "One sentence for the approvers.", "change", required=True),
        text("reminderAfter", "Reminder after", "ISO 8601 duration, e.g. PT4H.", "change"),
    ]


def _hosts() -> Field:
    return expression("hosts", "Hosts", 'List of references, e.g. ["stack:local/web1"].', "where", "=hosts")


def _covering() -> Field:
    description = "Digest of an approved change that may cover the role, or null."
    return expression("change", "Approved change", description, "change", "=null")


def _icon(kind: Kind) -> str:
    drawn = f'<path fill="{_COLOURS[kind]}" d="{_ICONS[kind]}"/>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="18" height="18" viewBox="0 0 18 18">{drawn}</svg>'
    return "data:image/svg+xml," + quote(svg)
