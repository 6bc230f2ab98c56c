"""``sources.yaml``: which modules and roles come from a git repository, at which commit, with which content."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final

import yaml
from pydantic import Field, ValidationError, field_validator

from workers.core.contract import Kind
from workers.core.errors import SettingError
from workers.core.values import NAME_PATTERN, Record

FILE: Final = "sources.yaml"

_ADDRESS: Final = re.compile(r"(https|ssh|git|file)://[^\s'\"\x00-\x1f]+")
_NOTE: Final = "# Modules and roles from other repositories. Written by `sluis source add`.\n"


class Source(Record):
    """One module or role that was copied in.

    Attributes:
        digest: content digest of the folder as it was fetched.
    """

    kind: Kind
    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    git: str
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
    folder: str = ""
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$|^$")] = ""

    @field_validator("git")
    @classmethod
    def _is_address(cls, value: str) -> str:
        """An address that git takes for one, and for nothing else: no options, no programs."""
        if not _ADDRESS.fullmatch(value) or re.match(r"\w+://-", value):
            raise ValueError("expected an address that begins with https, ssh, git or file and ://")
        if re.match(r"https?://[^/]*:[^/]*@", value):
            raise ValueError("holds a password; use a credential helper of git")
        return value

    @field_validator("folder")
    @classmethod
    def _is_below(cls, value: str) -> str:
        parts = value.split("/") if value else []
        if not all(re.fullmatch(r"[\w.][\w.-]*", part) and part not in (".", "..") for part in parts):
            raise ValueError("expected a folder of the repository, e.g. modules/network")
        return value


def read_sources(project: Path) -> tuple[Source, ...]:
    """What ``sources.yaml`` says; nothing where there is none.

    Raises:
        SettingError: it is not YAML or does not fit.
    """
    path = project / FILE
    if not path.is_file():
        return ()
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or []
        found = tuple(Source.model_validate(item) for item in content)
    except (yaml.YAMLError, UnicodeDecodeError, TypeError) as error:
        raise SettingError(f"{path}: this is no list of sources: {error}.") from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, d['loc']))}: {d['msg']}" for d in error.errors())
        raise SettingError(f"{path}: {problems}.", "`sluis source add` writes it.") from error
    keys = [(source.kind, source.name) for source in found]
    if len(set(keys)) != len(keys):
        raise SettingError(f"{path}: a module or role is named twice.", "Keep one of them.")
    return found


def write_sources(project: Path, sources: tuple[Source, ...]) -> None:
    """Write ``sources.yaml`` anew, sorted."""
    ordered = sorted(sources, key=lambda s: (s.kind.value, s.name))
    text = yaml.safe_dump([s.model_dump(mode="json") for s in ordered], sort_keys=False)
    (project / FILE).write_text(_NOTE + text, encoding="utf-8")


def make_source(kind: Kind, name: str, address: str, commit: str, folder: str) -> Source:
    """A source as a person asks for it.

    Raises:
        SettingError: a part of it cannot be used.
    """
    try:
        return Source(kind=kind, name=name, git=address, commit=commit, folder=folder.strip("/"))
    except ValidationError as error:
        problems = "; ".join(f"{d['loc'][0]}: {d['msg']}" for d in error.errors())
        raise SettingError(f"{problems}.", "A commit is its 40 hexadecimal digits: branches and tags move.") from error
