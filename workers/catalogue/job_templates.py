"""Element templates for the jobs that belong to no module or role, so that a modeller writes no job type for them."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from workers.catalogue.template_fields import Field, expression, text
from workers.core.values import JsonValue

_SCHEMA: Final = "https://unpkg.com/@camunda/zeebe-element-templates-json-schema/resources/schema.json"
_ICON: Final = "M9 2a7 7 0 1 0 .01 0zM9 5v4l3 2"
_WHERE: Final = (
    text(
        "environment",
        "Environment",
        "Name of the environment, or an expression.",
        "where",
        "=environment",
        required=True,
    ),
    expression("hosts", "Hosts", 'List of references, e.g. ["stack:local/web1"].', "where", "=hosts"),
)
_GROUPS: Final = (("where", "Where"), ("what", "What"), ("tls", "TLS"), ("job", "Job"), ("output", "Result"))


def job_templates() -> tuple[Field, ...]:
    """One for each such job that people draw: waiting for hosts, probing pages, telling people, checking a request."""
    return (_wait(), _probe(), _notify(), _request())


def _wait() -> Field:
    seconds = expression("timeoutSeconds", "Seconds", "For how long to wait.", "what", "=120")
    about = "Waits until every host lets us in over SSH. Errors to catch: HOST_UNREACHABLE."
    return _template("host.wait", "Wait for hosts", about, [*_WHERE, seconds], "reachable")


def _probe() -> Field:
    schemes: list[JsonValue] = [{"name": "HTTP", "value": "http"}, {"name": "HTTPS", "value": "https"}]
    fields: list[Field] = [
        *_WHERE,
        {
            "label": "Scheme", "description": "How to ask.", "type": "Dropdown", "group": "what", "choices": schemes,
            "value": "http", "binding": {"type": "zeebe:input", "name": "scheme"},
        },
        expression("port", "Port", "Default: 80, with HTTPS 443.", "what", "", required=False),
        text("path", "Path", "Begins with a slash.", "what", "/", required=True),
        text("contains", "Expected text", "What a reader of the page must see.", "what"),
        expression("timeoutSeconds", "Seconds", "For how long to try.", "what", "=30"),
        text("serverName", "Server name", "Host name to ask for. Default: the host's address.", "tls"),
        text("authority", "Authority", "PEM, or a reference such as secret://file/authority.crt.", "tls"),
        text("fingerprint", "Fingerprint", "SHA-256 of the one certificate that counts.", "tls"),
        expression("unverified", "Any certificate", "true: nothing need vouch for it.", "tls", "", required=False),
    ]  # fmt: skip
    about = "Asks every host for a page until it answers as expected. Errors to catch: PROBE_FAILED."
    return _template("http.probe", "Probe page", about, fields, "probe")


def _notify() -> Field:
    fields = [
        text("event", "Event", "What people can prefer by, e.g. applied, failed, rejected.", "what", required=True),
        text("subject", "Subject", "One line.", "what", required=True),
        text("message", "Message", "Markdown.", "what"),
        text("environment", "Environment", "Whose people are told.", "where", "=environment"),
        text("run", "Run", "The run that the notice links to.", "what"),
        text("group", "Group", "Who is told. Default: the requester and the approvers.", "where"),
    ]
    return _template(
        "notify.send", "Tell people", "Tells people over the channels of the environment.", fields, "notice"
    )


def _request() -> Field:
    fields = [
        _WHERE[0],
        text("name", "Name", "Name of the machine.", "what", "=name", required=True),
        expression("configure", "Roles", "List of {role, inputs}.", "what", "=[]"),
        expression("inputs", "Inputs", "More inputs of the machine's module.", "what", "={}"),
        expression("endDate", "End date", "Until when it is to be there; null: for good.", "what", "=null"),
        expression("remindBefore", "Remind before", "How long before that people are told, e.g. P7D.", "what", "=null"),
        expression("agreed", "Agreed", "Whether the end was agreed on while it was not over yet.", "what", "=false"),
    ]
    about = "Refuses a bad request for a machine before anything starts. Errors to catch: REQUEST_INVALID."
    return _template("request.check", "Check request", about, fields, "request")


def _template(job: str, name: str, about: str, fields: list[Field], result: str) -> Field:
    ends: list[Field] = [
        {
            "label": "Retries", "description": "How often the job is tried again after passing trouble.",
            "type": "String", "group": "job", "value": "3",
            "constraints": {"notEmpty": True, "pattern": {"value": r"^(\d+|=.+)$", "message": "Must be a number."}},
            "binding": {"type": "zeebe:taskDefinition", "property": "retries"},
        },
        {
            "label": "Result variable", "description": "Where the result is kept.", "type": "String",
            "group": "output", "value": result, "constraints": {"notEmpty": True},
            "binding": {"type": "zeebe:output", "source": f"={result}"},
        },
    ]  # fmt: skip
    kind: Field = {"type": "Hidden", "value": job, "binding": {"type": "zeebe:taskDefinition", "property": "type"}}
    everything: list[Field] = [kind, *fields, *ends]
    used = {field.get("group") for field in everything}
    groups: list[JsonValue] = [{"id": i, "label": label} for i, label in _GROUPS if i in used]
    drawn = f'<path fill="none" stroke="#0e7490" stroke-width="2" d="{_ICON}"/>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="18" height="18" viewBox="0 0 18 18">{drawn}</svg>'
    return {
        "$schema": _SCHEMA,
        "id": f"sluis.job.{job}",
        "name": name,
        "description": about,
        "category": {"id": "sluis-jobs", "name": "Sluis jobs"},
        "icon": {"contents": "data:image/svg+xml," + quote(svg)},
        "appliesTo": ["bpmn:Task", "bpmn:ServiceTask"],
        "elementType": {"value": "bpmn:ServiceTask"},
        "groups": groups,
        "properties": [*everything],
    }
