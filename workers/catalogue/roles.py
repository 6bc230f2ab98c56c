"""An Ansible role as a contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from workers.catalogue.argument_specs import options, sentence
from workers.catalogue.readme import readme_sentence
from workers.catalogue.source import SourceError
from workers.catalogue.yaml_source import Vaulted, YamlFile, read_yaml
from workers.core.contract import Contract, Input, Kind, Type, TypeName
from workers.core.values import JsonValue
from workers.runs.folder import Folder

_PARTS: Final = ("tasks/", "meta/", "defaults/", "vars/", "handlers/", "files/", "templates/")


def read_role(path: Path, folder: Folder) -> Contract:
    """The contract of the role at ``path``, whose content is ``folder``.

    Its inputs are the options of the entry point ``main`` in ``meta/argument_specs.yml`` (or ``argument_specs`` in
    ``meta/main.yml``); without them, the names in ``defaults/main.yml`` that do not start with an underscore.

    Raises:
        SourceError: a file that cannot be read, with its line; or nothing that makes a role.
    """
    if not any(name.startswith(_PARTS) for name in folder.files):
        raise SourceError(path, 0, "there is no role in it.", "A role is a folder with tasks/main.yml.")
    files = {name: read_yaml(path / name, content) for name, content in _wanted(folder.files)}
    defaults = _defaults(files)
    specs = _specs(files)
    found = options(specs, defaults) if specs else tuple(_by_value(name, value) for name, value in defaults.items())
    return Contract(
        Kind.ROLE,
        path.name,
        path,
        folder.digest,
        _description(files, specs) or readme_sentence(folder.files),
        tuple(sorted((i for i in found if specs or not i.name.startswith("_")), key=lambda i: i.name)),
    )


def _wanted(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """The files that a contract is made of; Ansible's order of preference is .yml, .yaml, .json."""
    for stem in ("meta/argument_specs", "meta/main", "defaults/main"):
        name = next((stem + ending for ending in (".yml", ".yaml", ".json") if stem + ending in files), None)
        if name:
            yield name, files[name]
    for name in sorted(files):
        if name.startswith("defaults/main/") and name.endswith((".yml", ".yaml", ".json")):
            yield name, files[name]


def _defaults(files: Mapping[str, YamlFile]) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {}
    for name, file in files.items():
        if not name.startswith("defaults/") or file.value is None:
            continue
        if not isinstance(file.value, dict):
            raise file.error((), "variables by name are expected here.")
        found |= file.value
    return found


def _specs(files: Mapping[str, YamlFile]) -> YamlFile | None:
    """The file that describes the entry point ``main``, if there is one."""
    for file in files.values():
        if file.path.parent.name != "meta" or not isinstance(file.value, dict):
            continue
        specs = file.value.get("argument_specs")
        if isinstance(specs, dict) and isinstance(specs.get("main"), dict):
            return file
        if file.path.stem == "argument_specs":
            raise file.error(("argument_specs", "main"), "argument_specs with an entry point main is expected here.")
    return None


def _description(files: Mapping[str, YamlFile], specs: YamlFile | None) -> str:
    main = _at(specs, "argument_specs", "main")
    found = sentence(main.get("short_description")) or sentence(main.get("description"))
    meta = next((file for name, file in files.items() if name.startswith("meta/main")), None)
    return found or sentence(_at(meta, "galaxy_info").get("description"))


def _at(file: YamlFile | None, *keys: str) -> dict[str, JsonValue]:
    value = file.value if file else None
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _by_value(name: str, value: JsonValue) -> Input:
    """An input as far as its default tells; a template may become anything."""
    if isinstance(value, Vaulted):
        return Input(name, Type(), required=False, sensitive=True)
    if isinstance(value, str) and ("{{" in value or "{%" in value):
        return Input(name, Type(), required=False)
    return Input(name, _type_of(value), required=False, default=value)


def _type_of(value: JsonValue) -> Type:
    match value:
        case bool():
            return Type(TypeName.BOOL)
        case int() | float():
            return Type(TypeName.NUMBER)
        case str():
            return Type(TypeName.STRING)
        case list():
            return Type(TypeName.LIST, element=Type())
        case dict():
            return Type(TypeName.MAP, element=Type())
    return Type()
