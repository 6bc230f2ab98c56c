"""The contract of a module or role: its typed inputs, its outputs and the job types that serve it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from workers.core.values import JsonValue


class Kind(StrEnum):
    """What a contract belongs to; the value is also the first part of its job types."""

    MODULE = "terraform"
    ROLE = "ansible"


class TypeName(StrEnum):
    """The constructors of Terraform's type language; Ansible's types are mapped onto them."""

    ANY = "any"
    STRING = "string"
    NUMBER = "number"
    BOOL = "bool"
    LIST = "list"
    SET = "set"
    MAP = "map"
    TUPLE = "tuple"
    OBJECT = "object"


@dataclass(frozen=True)
class Attribute:
    """One attribute of an object type. ``optional(string, "x")`` has ``required=False`` and a default."""

    name: str
    type: Type
    required: bool = True
    default: JsonValue = None
    description: str = ""


@dataclass(frozen=True)
class Type:
    """A type expression, e.g. ``list(object({ name = string }))``.

    Attributes:
        name: the constructor.
        element: element type of list, set and map.
        elements: element types of a tuple.
        attributes: attributes of an object.
        integer: numbers only, whole ones only (Ansible's ``int``).
        choices: the only values allowed; empty where any is.
    """

    name: TypeName = TypeName.ANY
    element: Type | None = None
    elements: tuple[Type, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    integer: bool = False
    choices: tuple[JsonValue, ...] = ()


@dataclass(frozen=True)
class Validation:
    """A ``validation`` block: the condition as written and the message. Terraform itself decides it."""

    condition: str
    message: str


@dataclass(frozen=True)
class Input:
    """A variable of a module or an option of a role.

    Attributes:
        required: there is no default.
        default: the default where there is one and it is a literal.
        nullable: ``null`` is accepted.
        sensitive: its value must not be shown.
        ephemeral: its value must not be kept in plan or state.
        choices: allowed values, from ``choices`` or a ``contains([...], var.x)`` validation.
        pattern: a regular expression from a ``can(regex("...", var.x))`` validation; empty where there is none.
    """

    name: str
    type: Type = Type()
    description: str = ""
    required: bool = True
    default: JsonValue = None
    nullable: bool = True
    sensitive: bool = False
    ephemeral: bool = False
    choices: tuple[JsonValue, ...] = ()
    pattern: str = ""
    validations: tuple[Validation, ...] = ()


@dataclass(frozen=True)
class Output:
    """An output of a module."""

    name: str
    description: str = ""
    sensitive: bool = False


@dataclass(frozen=True)
class Contract:
    """What a module or role asks for and gives.

    Attributes:
        kind: module or role.
        name: folder name.
        path: the folder.
        digest: content digest of the folder (core.values.digest_files over every file that counts).
        description: first sentence of the README or of the argument specification.
        is_root: the module configures a backend of its own and is used as it is.
        providers: names of the providers that the module requires, with their source address.
    """

    kind: Kind
    name: str
    path: Path
    digest: str
    description: str = ""
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    is_root: bool = False
    providers: tuple[tuple[str, str], ...] = ()

    @property
    def job_types(self) -> tuple[str, ...]:
        """The job types that serve this contract, e.g. ``terraform.local_host.plan``."""
        verbs = ("plan", "apply", "drift") if self.kind is Kind.MODULE else ("check", "run")
        return tuple(f"{self.kind.value}.{self.name}.{verb}" for verb in verbs)

    def input(self, name: str) -> Input | None:
        """The input of that name."""
        return next((i for i in self.inputs if i.name == name), None)


@dataclass(frozen=True)
class CatalogueProblem:
    """A folder that could not be read into a contract. It stops only its own workers."""

    kind: Kind
    name: str
    path: Path
    line: int
    message: str


@dataclass(frozen=True)
class Catalogue:
    """All modules and roles found, and what could not be read."""

    contracts: tuple[Contract, ...] = ()
    problems: tuple[CatalogueProblem, ...] = ()

    def module(self, name: str) -> Contract | None:
        """The module of that name."""
        return self._find(Kind.MODULE, name)

    def role(self, name: str) -> Contract | None:
        """The role of that name."""
        return self._find(Kind.ROLE, name)

    def _find(self, kind: Kind, name: str) -> Contract | None:
        return next((c for c in self.contracts if c.kind is kind and c.name == name), None)
