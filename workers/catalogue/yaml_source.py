"""YAML files of roles: safe loading, and the line of any place in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import yaml

from workers.catalogue.source import SourceError, decode
from workers.core.values import JsonValue

_MAX_NODES: Final = 200_000
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Vaulted(str):
    """A value that Ansible Vault encrypts; its text is the ciphertext."""

    __slots__ = ()


class _Loader(_Base):  # type: ignore[misc]
    """The safe loader, which also knows the two tags of Ansible."""


def _untemplated(loader: Any, node: yaml.Node) -> Any:
    """``!unsafe``: Ansible's mark for text that is no template."""
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("!vault", lambda loader, node: Vaulted(loader.construct_scalar(node)))
_Loader.add_constructor("!unsafe", _untemplated)


@dataclass(frozen=True)
class YamlFile:
    """A YAML file's value, and where its parts are."""

    path: Path
    text: str
    value: JsonValue

    @cached_property
    def _root(self) -> yaml.Node | None:
        return yaml.compose(self.text, Loader=yaml.SafeLoader)

    def error(self, place: Sequence[str], reason: str) -> SourceError:
        """An error at the key that ``place`` leads to, or at the nearest one above it."""
        node, line = self._root, 0
        for step in place:
            pairs = node.value if isinstance(node, yaml.MappingNode) else []
            found = next((pair for pair in pairs if pair[0].value == step), None)
            if found is None:
                break
            node, line = found[1], found[0].start_mark.line
        return SourceError(self.path, line + 1, reason)


def read_yaml(path: Path, content: bytes) -> YamlFile:
    """The one document in ``content``.

    Raises:
        SourceError: it is not YAML, with the line; holds a tag that could build anything but data; or unfolds, by
            aliases, into more than a role could need.
    """
    source = decode(path, content)
    try:
        value = yaml.load(source.text, Loader=_Loader)  # noqa: S506 - derived from the safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise SourceError(path, mark.line + 1 if mark else 0, f"not YAML: {error.problem}.") from error
    except (yaml.YAMLError, ValueError) as error:
        raise SourceError(path, 0, f"not YAML: {error}.") from error
    return YamlFile(path, source.text, _Plain(path).value(value))


class _Plain:
    """Makes JSON of what YAML can say: dates become text, keys become text."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._left = _MAX_NODES

    def value(self, value: Any) -> JsonValue:
        self._left -= 1
        if self._left < 0:
            raise SourceError(self._path, 0, f"it unfolds into more than {_MAX_NODES} values.")
        if isinstance(value, dict):
            return {_key(key): self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple | set):
            return [self.value(item) for item in value]
        if value is None or isinstance(value, bool | int | float | str):
            return value
        return value.isoformat() if isinstance(value, date) else str(value)


def _key(key: Any) -> str:
    return {True: "true", False: "false", None: "null"}[key] if isinstance(key, bool | None) else str(key)
