"""A Terraform module as a contract."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from workers.catalogue.conditions import allowed_values, pattern
from workers.catalogue.hcl import Block, Expression, parse
from workers.catalogue.json_syntax import parse_json
from workers.catalogue.literals import Unknown, entries, literal, text, truth, value_of
from workers.catalogue.readme import readme_sentence
from workers.catalogue.source import SourceError, decode
from workers.catalogue.type_expressions import read_type
from workers.core.contract import Contract, Input, Kind, Output, Type, Validation
from workers.runs.folder import Folder

_EXTENSIONS: Final = (".tf.json", ".tofu.json", ".tf", ".tofu")
_OVERRIDE: Final = re.compile(r"(.*_)?override\.(tf|tofu)(\.json)?")
_IDENTIFIER: Final = re.compile(r"[^\W\d][\w-]*")


def read_module(path: Path, folder: Folder) -> Contract:
    """The contract of the module at ``path``, whose content is ``folder``.

    Files are chosen as OpenTofu does: ``x.tofu`` is read instead of ``x.tf``, override files amend the others.

    Raises:
        SourceError: a file that cannot be read, with its line; or no configuration at all.
    """
    blocks = _blocks(path, folder.files)
    variables = _merged(blocks, "variable")
    outputs = _merged(blocks, "output")
    return Contract(
        Kind.MODULE,
        path.name,
        path,
        folder.digest,
        readme_sentence(folder.files),
        tuple(sorted((_input(block) for block in variables), key=lambda i: i.name)),
        tuple(sorted((_output(block) for block in outputs), key=lambda o: o.name)),
        any(_is_of_root(block) for block in blocks),
        _providers(blocks),
    )


def configuration_files(names: Iterable[str]) -> tuple[str, ...]:
    """Which of the files of a module OpenTofu reads, overrides last.

    Source: https://opentofu.org/docs/language/files/.
    """
    top = {name for name in names if "/" not in name and name.endswith(_EXTENSIONS)}
    read = [
        name
        for name in top
        if not _is_ignored(name) and re.sub(r"\.tf(?=$|\.json$)", ".tofu", name) not in top - {name}
    ]
    return tuple(sorted(read, key=lambda name: (_OVERRIDE.fullmatch(name) is not None, name)))


def _is_ignored(name: str) -> bool:
    return name.startswith((".", "#")) or name.endswith("~")


def _blocks(path: Path, files: Mapping[str, bytes]) -> list[Block]:
    names = configuration_files(files)
    if not names:
        raise SourceError(path, 0, "there is no .tf file in it.", "A module is a folder with .tf files.")
    return [block for name in names for block in _parse(path / name, files[name]).blocks]


def _parse(path: Path, content: bytes) -> Block:
    source = decode(path, content)
    return parse_json(source) if path.suffix == ".json" else parse(source)


def _merged(blocks: Iterable[Block], type_: str) -> list[Block]:
    """The blocks of one type by their name, amended by override files.

    Source: https://opentofu.org/docs/language/files/override/.
    """
    found: dict[str, Block] = {}
    for block in blocks:
        if block.type != type_:
            continue
        name = _name(block)
        is_override = _OVERRIDE.fullmatch(block.source.path.name) is not None
        if name in found and not is_override:
            raise block.source.error(block.start, f"{type_} {name!r} is declared twice.")
        if name not in found and is_override:
            raise block.source.error(block.start, f"{type_} {name!r} overrides nothing.")
        found[name] = _amended(found[name], block) if name in found else block
    return list(found.values())


def _amended(block: Block, override: Block) -> Block:
    blocks = override.blocks or block.blocks
    return replace(block, arguments={**block.arguments, **override.arguments}, blocks=blocks)


def _name(block: Block) -> str:
    if len(block.labels) != 1 or not _IDENTIFIER.fullmatch(block.labels[0]):
        raise block.source.error(block.start, f'{block.type} needs exactly one name, like {block.type} "size".')
    return block.labels[0]


def _input(block: Block) -> Input:
    arguments = block.arguments
    name = _name(block)
    default = literal(arguments.get("default"))
    validations = tuple(_validation(v) for v in block.of_type("validation"))
    return Input(
        name=name,
        type=read_type(arguments["type"]) if "type" in arguments else Type(),
        description=text(arguments.get("description")).strip(),
        required="default" not in arguments,
        default=None if isinstance(default, Unknown) else default,
        nullable=truth(arguments.get("nullable"), default=True),
        sensitive=truth(arguments.get("sensitive"), default=False),
        ephemeral=truth(arguments.get("ephemeral"), default=False),
        choices=next(filter(None, (allowed_values(v.condition, name) for v in validations)), ()),
        pattern=next(filter(None, (pattern(v.condition, name) for v in validations)), ""),
        validations=validations,
    )


def _validation(block: Block) -> Validation:
    missing = {"condition", "error_message"} - block.arguments.keys()
    if missing:
        raise block.source.error(block.start, f"the validation block lacks {' and '.join(sorted(missing))}.")
    message = block.arguments["error_message"]
    return Validation(block.arguments["condition"].text, text(message).strip() or message.text.strip('"'))


def _output(block: Block) -> Output:
    arguments = block.arguments
    if "value" not in arguments:
        raise block.source.error(block.start, f"output {_name(block)!r} lacks a value.")
    description = text(arguments.get("description")).strip()
    return Output(_name(block), description, truth(arguments.get("sensitive"), default=False))


def _is_of_root(block: Block) -> bool:
    """Whether the block says where state is kept.

    A provider configuration alone makes no root: its state would be kept nowhere. A generated root can call such a
    module once, which is what a stack does.
    """
    return block.type == "terraform" and any(block.of_type("backend", "cloud"))


def _providers(blocks: Iterable[Block]) -> tuple[tuple[str, str], ...]:
    required = (r for b in blocks if b.type == "terraform" for r in b.of_type("required_providers"))
    found = {name: _address(name, wanted) for r in required for name, wanted in r.arguments.items()}
    return tuple(sorted(found.items()))


def _address(name: str, wanted: Expression) -> str:
    """The source address; a provider without one is HashiCorp's of that name."""
    source = dict(entries(wanted.tokens) or ()).get("source")
    address = value_of(source) if source else None
    return address if isinstance(address, str) else f"hashicorp/{name}"
