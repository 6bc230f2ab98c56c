"""Reading ``environments/<name>.yaml``."""

from __future__ import annotations

import json
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError

from workers.core.environment import Environment
from workers.core.errors import NotFoundError, SettingError
from workers.core.values import is_name

_SHOWN: Final = 60


def environment_names(project: Path) -> tuple[str, ...]:
    """The environments that have a file, sorted."""
    return tuple(sorted(path.stem for path in (project / "environments").glob("*.yaml")))


def read_environment(project: Path, name: str) -> Environment:
    """Read and check one environment file.

    Args:
        project: the project folder.
        name: the environment, which is the file's name without ``.yaml``.

    Raises:
        NotFoundError: there is no such file.
        SettingError: the file is not YAML or does not fit; every problem is named with its place.
    """
    path = project / "environments" / f"{name}.yaml"
    if not is_name(name) or not path.is_file():
        raise NotFoundError(f"There is no environment '{name}'.", _suggestion(project, name))
    content = _load(path)
    if not isinstance(content, dict):
        raise SettingError(f"{path}: expected a mapping of settings, got {type(content).__name__}.")
    if content.get("name", name) != name:
        raise SettingError(f"{path}: name is '{content['name']}', but the file is called {path.name}.", "Rename one.")
    try:
        return Environment.model_validate_json(_as_json(path, content | {"name": name}))
    except ValidationError as error:
        problems = "; ".join(_problem(detail) for detail in error.errors())
        raise SettingError(
            f"{path}: {problems}.", "docs/reference/environment.md lists what a file may say."
        ) from error


def _load(path: Path) -> Any:
    try:
        return _parse(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        reason = getattr(error, "problem", None) or str(error)
        raise SettingError(f"{where}: this is not YAML: {reason}.") from error


@lru_cache(maxsize=128)
def _parse(text: str) -> Any:
    """Reading YAML takes longer than most of a job; the same text means the same."""
    return yaml.safe_load(text)


def _as_json(path: Path, content: dict[str, Any]) -> str:
    try:
        return json.dumps(content)
    except TypeError as error:
        raise SettingError(f"{path}: {error}.", "Quote dates and times so that they are text.") from error


def _problem(detail: Any) -> str:
    where = ".".join(str(part) for part in detail["loc"]) or "file"
    if detail["type"] == "extra_forbidden":
        return f"{where}: there is no such setting"
    message = detail["msg"].removeprefix("Value error, ")
    return (
        f"{where}: {message}, got {_shorten(detail['input'])}"
        if detail["type"] != "missing"
        else f"{where}: is missing"
    )


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _suggestion(project: Path, name: str) -> str:
    names = environment_names(project)
    close = get_close_matches(name, names, n=1)
    if close:
        return f"Did you mean '{close[0]}'?"
    return f"There are: {', '.join(names)}." if names else f"{project / 'environments'} holds no file."
