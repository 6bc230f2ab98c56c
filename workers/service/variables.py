"""Variables of a process given on the command line, held against its start form before anything is started."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from workers.core.errors import InputError, UsageError
from workers.core.values import JsonValue
from workers.service.choices import listed
from workers.service.models import Model

_TEXT: Final = ("textfield", "textarea", "datetime")
_CHOICE: Final = ("select", "radio")
_CHOICES: Final = ("checklist", "taglist")


@dataclass(frozen=True)
class Given:
    """Variables as they were typed.

    Attributes:
        texts: ``--var name=text``; the form says what they become.
        values: ``--input name=JSON`` and ``--vars-file``.
    """

    texts: Mapping[str, str]
    values: Mapping[str, JsonValue]


def given(texts: Collection[str], inputs: Collection[str], file: Path | None) -> Given:
    """What was typed, taken apart.

    Raises:
        UsageError: something that is not ``name=…`` or not JSON.
    """
    values = dict(_file(file)) if file else {}
    for text in inputs:
        name, value = _pair("--input", text)
        try:
            values[name] = json.loads(value)
        except ValueError as error:
            raise UsageError(f"--input {name}: this is not JSON: {error}.", f"For plain text: --var {text}") from error
    return Given(dict(_pair("--var", text) for text in texts), values)


def checked(given_: Given, model: Model, environments: Collection[str]) -> dict[str, JsonValue]:
    """The variables to start the process with: as given, converted, defaults of the form filled in.

    Raises:
        InputError: one is missing, unknown or does not fit; every one is named.
    """
    fields = fields_of(model)
    found: dict[str, JsonValue] = {**given_.values}
    problems: list[str] = []
    for name, text in given_.texts.items():
        found[name] = _convert(name, text, fields.get(name, {}), problems)
    problems += _unknown(found, fields, model)
    for name, field in fields.items():
        if name not in found and "defaultValue" in field:
            found[name] = field["defaultValue"]
        problems += _problems(name, field, found.get(name), environments)
    if problems:
        raise InputError(f"process {model.id}", tuple(problems))
    return found


def fields_of(model: Model) -> dict[str, dict[str, Any]]:
    """The fields of the start form by their variables, those in groups included."""
    form = model.start_form or {}
    fields: dict[str, dict[str, Any]] = {}
    waiting = list(form.get("components", ()))
    while waiting:
        component = waiting.pop(0)
        if component.get("key"):
            fields[component["key"]] = component
        waiting += component.get("components", ())
    return fields


def _convert(name: str, text: str, field: Mapping[str, Any], problems: list[str]) -> JsonValue:
    kind = field.get("type")
    if kind == "number":
        try:
            return (
                json.loads(text, parse_constant=_refuse)
                if not text.strip().startswith(("[", "{", '"'))
                else _refuse(text)
            )
        except ValueError:
            problems.append(f"{name}: expected a number, got '{text}'")
            return 0
    if kind == "checkbox":
        if text not in ("true", "false"):
            problems.append(f"{name}: expected true or false, got '{text}'")
        return text == "true"
    if kind in _CHOICES:
        return [_chosen(part.strip(), field) for part in text.split(",") if part.strip()]
    return _chosen(text, field) if kind in _CHOICE else text


def _chosen(text: str, field: Mapping[str, Any]) -> JsonValue:
    """The value of a choice, which may be a number, from its text."""
    values = [option["value"] for option in field.get("values") or ()]
    return next((value for value in values if text in (value, str(value), json.dumps(value))), text)


def _refuse(text: str) -> JsonValue:
    raise ValueError(text)


def _unknown(found: Mapping[str, JsonValue], fields: Mapping[str, Any], model: Model) -> list[str]:
    problems = []
    for name in found:
        if name in fields or name in model.words:
            continue
        close = get_close_matches(name, sorted(fields), n=1)
        hint = f"; did you mean '{close[0]}'?" if close else f"; there are {', '.join(fields)}" if fields else ""
        problems.append(f"{name}: the process has no such variable{hint}")
    return problems


def _problems(name: str, field: Mapping[str, Any], value: JsonValue, environments: Collection[str]) -> list[str]:
    rules = field.get("validate") or {}
    if value is None or value == "":
        label = field.get("label") or field.get("dateLabel", "")
        return [f"{name} is missing ({label}): give --var {name}=…"] if rules.get("required") else []
    return [f"{name}: {text}" for text in _misfits(name, field, rules, value, environments)]


def _misfits(
    name: str, field: Mapping[str, Any], rules: Mapping[str, Any], value: JsonValue, environments: Collection[str]
) -> list[str]:
    kind = field.get("type")
    if kind in _TEXT:
        return _text_misfits(rules, value)
    if kind == "number":
        return _number_misfits(rules, value)
    if kind == "checkbox" and not isinstance(value, bool):
        return [f"expected true or false, got {_shown(value)}"]
    allowed = [v["value"] for v in field.get("values") or ()]
    # The form lists environments for Tasklist; one that has a file since then is as good.
    allowed += [e for e in environments if name == "environment" and e not in allowed]
    # Roles are listed at the deployment; the process judges them, like every value that is not in its form.
    if kind in _CHOICE and allowed and value not in allowed and listed(field) != "roles":
        return [f"expected one of {', '.join(map(str, allowed))}, got {_shown(value)}"]
    return []


def _text_misfits(rules: Mapping[str, Any], value: JsonValue) -> list[str]:
    if not isinstance(value, str):
        return [f"expected text, got {_shown(value)}"]
    found = []
    if "pattern" in rules and not re.search(rules["pattern"], value):
        found.append(f"expected text that matches {rules['pattern']}, got {_shown(value)}")
    if len(value) > rules.get("maxLength", len(value)):
        found.append(f"expected at most {rules['maxLength']} characters, got {len(value)}")
    if len(value) < rules.get("minLength", 0):
        found.append(f"expected at least {rules['minLength']} characters, got {len(value)}")
    return found


def _number_misfits(rules: Mapping[str, Any], value: JsonValue) -> list[str]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return [f"expected a number, got {_shown(value)}"]
    found = [f"expected at least {rules['min']}, got {value}"] if value < rules.get("min", value) else []
    return found + ([f"expected at most {rules['max']}, got {value}"] if value > rules.get("max", value) else [])


def _shown(value: JsonValue) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:59] + "…"  # noqa: PLR2004 - a line's worth


def _pair(option: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise UsageError(f"{option} {text}: expected NAME=VALUE.", "Names have letters, digits and underscores only.")
    return name, value


def _file(path: Path) -> dict[str, JsonValue]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"--vars-file {path}: {error.strerror}.") from error
    except ValueError as error:
        raise UsageError(f"--vars-file {path}: this is not JSON: {error}.") from error
    if not isinstance(content, dict):
        raise UsageError(f"--vars-file {path}: expected an object of variables, got {type(content).__name__}.")
    return content
