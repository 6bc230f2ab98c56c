"""Write the reference pages that come from code: settings, environment files, the command line.

Usage: ``python tools/docs.py`` writes them, ``python tools/docs.py --check`` says which are out of date (exit code 1).
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from pathlib import Path
from types import ModuleType, NoneType, SimpleNamespace, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

PROJECT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

import typer  # noqa: E402
from pydantic import BaseModel, SecretStr  # noqa: E402
from pydantic.fields import FieldInfo  # noqa: E402

from tools import aws_pages  # noqa: E402
from workers.core import compliance, records  # noqa: E402
from workers.core.environment import Environment  # noqa: E402
from workers.core.settings import Settings  # noqa: E402
from workers.core.values import JsonValue, Record  # noqa: E402
from workers.runs.audit import AuditEntry  # noqa: E402

NOTE: Final = "<!-- Generated from {source} by tools/docs.py; edit the source and run it again. -->"
COMPUTED: Final = {
    (Settings, "cache"): "`$XDG_CACHE_HOME/sluis`, else `~/.cache/sluis`",
    (Environment, "name"): "the file's name",
}
"""Defaults that depend on the machine or the file, in words."""


OTHER_VARIABLES: Final = (
    ("`SLUIS_PASSWORD_<USER>`", "Password with which `sluis start`, `approve` and `reject` sign in as that user."),
    ("`SLUIS_HOSTS_FOLDER`", "Where the module `local_host` keeps its machines; set by the worker to `<data>/hosts`."),
    ("`SLUIS_HOST_IMAGE`", "Archive with the Debian root of these machines; set by the worker."),
    (
        "`OTEL_EXPORTER_OTLP_ENDPOINT` and others",
        "Where traces go; see [Observe the workers](../how-to/observe-the-workers.md#traces).",
    ),
    ("`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`", "The way to the package registries, for downloads."),
)


def settings_page() -> str:
    """The page of all settings."""
    rows = [
        (f"`SLUIS_{name.upper()}`", _default(Settings, name, field), _meaning(field))
        for name, field in Settings.model_fields.items()
    ]
    return _page(
        "workers/core/settings.py",
        "Settings",
        "Settings are environment variables. Each has a default; a fresh clone needs none of them.",
        _table(("Variable", "Default", "Meaning"), rows),
        "## Other variables\n\nThese are read by single parts:",
        _table(("Variable", "Meaning"), OTHER_VARIABLES),
    )


def environment_page() -> str:
    """The page of the environment file."""
    sections = [_record(model, path) for model, path in _records(Environment, "")]
    intro = (
        "One file per customer and stage: `environments/<name>.yaml`. Unknown keys are refused. "
        "Secrets are references, never values: `secret://env/NAME` (an environment variable of the worker) and "
        "`secret://file/PATH` (a file below the project's `secrets` folder, or an absolute path), or one of "
        "[those that are not on this machine](../how-to/use-secrets.md).\n\n"
        "A name is a lower-case letter followed by at most 62 of `a-z`, `0-9`, `-` and `_`."
    )
    return _page("workers/core/environment.py", "The environment file", intro, *sections)


def records_page() -> str:
    """The page of the records that the store keeps and ``--json`` prints."""
    models = [*_records_of(records), *_records_of(compliance), AuditEntry]
    intro = (
        "What the store keeps and what commands print with `--json`. Each is one JSON object. "
        "Where they lie is in [the data folder](data-folder.md)."
    )
    return _page("workers/core/records.py", "Records", intro, *(_record(m, "", f"## {m.__name__}") for m in models))


def cli_page() -> str:
    """The page of the command line, from the command's own help."""
    from workers.cli.commands import app  # noqa: PLC0415 - only this page needs it

    root: Any = typer.main.get_command(app)
    before = "Options that stand before the command:\n\n" + _parameters(root, "sluis")
    parts = [_command(command, path) for command, path in _commands(root, "sluis")]
    return _page("workers/cli", "The command `sluis`", _paragraph(root.help), _paragraph(root.epilog), before, *parts)


def rest_api_page() -> str:
    """The page of the REST API, from its OpenAPI description."""
    from fastapi import FastAPI  # noqa: PLC0415 - only these pages need the web service

    from workers.web.access import Access  # noqa: PLC0415
    from workers.web.api import api_routes  # noqa: PLC0415
    from workers.web.guard import Guard  # noqa: PLC0415
    from workers.web.health import Health  # noqa: PLC0415
    from workers.web.metrics import Metrics  # noqa: PLC0415
    from workers.web.openapi import operations  # noqa: PLC0415
    from workers.web.probes import probe_routes  # noqa: PLC0415

    site: Any = SimpleNamespace(guard=Guard(Access(dict)))
    app = FastAPI()
    for router in (probe_routes(Health({}), Metrics()), api_routes(site, site)):
        app.include_router(router)
    groups: dict[str, list[str]] = {}
    for operation in operations(app.openapi()):
        groups.setdefault(operation.tag, []).append(_operation(operation))
    intro = (
        "Every worker serves it at `SLUIS_WEB_ADDRESS`:`SLUIS_WEB_PORT`, with its description at `/api/openapi.json` "
        "and a page at `/api/docs`. Programs send `Authorization: Bearer <token>`: a token of `SLUIS_WEB_TOKENS`, or "
        "one of the OpenID Connect provider. See [Let people and machines in](../how-to/let-people-in.md).\n\n"
        'Errors are `{"error": "…"}` with 400 (does not fit), 401 (nobody), 403 (role too low), 404 (not there, or '
        "not for you), 409 (too late), 422 (wrong form), 429 (too many requests), 503 (no engine)."
    )
    return _page(
        "workers/web", "The REST API", intro, *(f"## {tag.title()}\n\n" + "\n\n".join(g) for tag, g in groups.items())
    )


def metrics_page() -> str:
    """The page of the metrics, from the registry itself."""
    from workers.web.metrics import Metrics  # noqa: PLC0415

    rows = [
        (f"`{family.name}{'_total' if family.type == 'counter' else ''}`", family.type, _cell(family.documentation))
        for family in Metrics().registry.collect()
    ]
    intro = (
        "At `/metrics` of every worker, in Prometheus' text format. "
        "No label holds a name of a person, environment or stack."
    )
    return _page("workers/web/metrics.py", "Metrics", intro, _table(("Metric", "Kind", "Meaning"), rows))


def _operation(operation: Any) -> str:
    head = f"### `{operation.method} {operation.path}`\n\n{operation.summary}."
    rows = [
        (f"`{p.name}`", p.place, p.type, "yes" if p.required else "no", _cell(p.meaning) or "—")
        for p in operation.parts
    ]
    return head + ("\n\n" + _table(("Name", "In", "Type", "Required", "Meaning"), rows) if rows else "")


PAGES: Final[dict[str, Callable[[], str]]] = {
    "docs/reference/settings.md": settings_page,
    "docs/reference/environment.md": environment_page,
    "docs/reference/records.md": records_page,
    "docs/reference/cli.md": cli_page,
    "docs/reference/rest-api.md": rest_api_page,
    "docs/reference/metrics.md": metrics_page,
    "docs/reference/aws-resources.md": aws_pages.resources_page,
    "docs/reference/aws-costs.md": aws_pages.costs_page,
    "docs/reference/cloudwatch.md": aws_pages.metrics_page,
}


def outdated(project: Path = PROJECT) -> tuple[str, ...]:
    """The pages that do not say what the code says."""
    return tuple(path for path, page in PAGES.items() if _read(project / path) != page())


def main(arguments: list[str]) -> int:
    """Write the pages, or check them."""
    stale = outdated()
    if "--check" in arguments:
        for path in stale:
            print(f"{path} is out of date; run tools/docs.py", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        (PROJECT / path).parent.mkdir(parents=True, exist_ok=True)
        (PROJECT / path).write_text(PAGES[path](), encoding="utf-8")
        print(f"wrote {path}")
    return 0


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _page(source: str, title: str, *parts: str) -> str:
    return "\n\n".join([NOTE.format(source=source), f"# {title}", *(p.strip() for p in parts if p)]) + "\n"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in (header, *rows)]
    lines.insert(1, "|" + " --- |" * len(header))
    return "\n".join(lines)


def _meaning(field: FieldInfo) -> str:
    return _cell(field.description)


def _cell(text: str | None) -> str:
    return _paragraph(text).replace("<", "&lt;").replace("\n", " ")


def _default(model: type[BaseModel], name: str, field: FieldInfo) -> str:
    if (model, name) in COMPUTED:
        return COMPUTED[model, name]
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, BaseModel):
        return "defaults below"
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    return _value(value)


def _value(value: object) -> str:
    if isinstance(value, Enum):
        value = value.value
    if value is None or value in ("", {}, ()):
        return "—"
    if isinstance(value, tuple):
        value = ",".join(str(part) for part in value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _records(model: type[BaseModel], path: str) -> Iterator[tuple[type[BaseModel], str]]:
    """The record and those inside it, each with where it stands in the file."""
    yield model, path
    for name, field in model.model_fields.items():
        for inner, suffix in _models(field.annotation):
            yield from _records(inner, f"{path}.{name}{suffix}".lstrip("."))


def _records_of(module: ModuleType) -> list[type[Record]]:
    own: list[type[Record]] = [c for c in vars(module).values() if _is_record_of(module, c)]
    return sorted(own, key=lambda c: inspect.getsourcelines(c)[1])


def _is_record_of(module: ModuleType, value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Record) and value.__module__ == module.__name__


def _models(annotation: object, suffix: str = "") -> Iterator[tuple[type[BaseModel], str]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, suffix
    elif get_origin(annotation) is dict:
        yield from _models(get_args(annotation)[1], f"{suffix}.<name>")
    elif annotation is not JsonValue:
        for part in get_args(annotation):
            yield from _models(part, suffix)


def _record(model: type[BaseModel], path: str, heading: str = "") -> str:
    rows = [
        (f"`{name}`", _type(field.annotation, field), _default(model, name, field), _meaning(field))
        for name, field in model.model_fields.items()
    ]
    kind = model.model_fields.get("type")
    variant = f" with `type: {get_args(kind.annotation)[0]}`" if kind and path == "state" else ""
    heading = heading or (f"## `{path}`{variant}" if path else "## The file")
    return "\n\n".join([heading, _paragraph(model.__doc__), _table(("Key", "Type", "Default", "Meaning"), rows)])


def _type(annotation: Any, field: FieldInfo | None = None) -> str:
    bounds = _bounds(field) if field else ""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is JsonValue or annotation is Any:
        return "any value"
    if origin is Annotated:
        return _type(arguments[0])
    if origin is Literal:
        return " or ".join(f"`{a}`" for a in arguments)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(_type(a) for a in arguments if a is not NoneType))
    if origin is dict:
        return f"mapping of {_type(arguments[1])}".replace("mapping of mapping,", "mapping of mappings,")
    if origin is tuple:
        return f"list of {_type(arguments[0])}"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(f"`{item.value}`" for item in annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        name = annotation.__name__
        return f"[{name}](#{name.lower()})" if annotation.__module__ == records.__name__ else "mapping, see below"
    return {"str": "text", "int": "whole number", "bool": "`true` or `false`", "datetime": "time"}.get(
        annotation.__name__, "text"
    ) + bounds


def _bounds(field: FieldInfo) -> str:
    least = next((m.ge for m in field.metadata if hasattr(m, "ge")), None)
    most = next((m.le for m in field.metadata if hasattr(m, "le")), None)
    return f", {least} to {most}" if least is not None and most is not None else ""


def _commands(command: Any, path: str) -> Iterator[tuple[Any, str]]:
    """The commands below a group of Typer's, which brings a Click of its own from 0.26 on: no type to name here."""
    if not hasattr(command, "commands"):
        yield command, path
        return
    for name, inner in command.commands.items():
        if not inner.hidden:
            yield from _commands(inner, f"{path} {name}")


def _command(command: Any, path: str) -> str:
    words = [_word(p) for p in command.params if p.param_type_name == "argument"]
    usage = " ".join([path, *(["[OPTIONS]"] if len(words) < len(command.params) else []), *words])
    parts = (f"## `{path}`", _paragraph(command.help), f"```text\n{usage}\n```", _parameters(command, path))
    return "\n\n".join(part for part in parts if part)


def _parameters(command: Any, path: str) -> str:
    context = typer.Context(command, info_name=path)
    rows = [row for parameter in command.params if (row := _parameter(parameter, context))]
    return _table(("Argument or option", "Meaning"), rows) if rows else ""


def _word(argument: Any) -> str:
    """An argument as usage lines show it."""
    name = argument.metavar or argument.name.upper()
    return name if argument.required or name.startswith("[") else f"[{name}]"


def _parameter(parameter: Any, context: typer.Context) -> tuple[str, str] | None:
    if getattr(parameter, "hidden", False):
        return None
    if parameter.param_type_name == "argument":
        return f"`{_word(parameter)}`", _cell(parameter.help)
    record = parameter.get_help_record(context)
    return (f"`{record[0]}`", _cell(record[1])) if record else None


def _paragraph(text: str | None) -> str:
    lines = [line.strip() for line in (text or "").strip().splitlines()]
    return re.sub(r"\[/?bold\]|``", "`", "\n".join(lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
