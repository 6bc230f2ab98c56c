"""Who may see and do what: roles per environment, as the environment files give them; everything else is denied."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from workers.core.environment import Environment
from workers.core.records import Run

TOKEN: str = "token:"  # noqa: S105 - the prefix of a machine's name
GROUP: str = "group:"


class Role(IntEnum):
    """What somebody may do in an environment; each role may do what those before it may."""

    NONE = 0
    VIEWER = 1
    OPERATOR = 2
    APPROVER = 3
    ADMIN = 4


@dataclass(frozen=True)
class Person:
    """Somebody whom we authenticated.

    Attributes:
        name: their user name; ``token:<name>`` for a machine.
        via: how we know: ``engine``, ``oidc`` or ``token``.
        groups: what the identity provider says they belong to.
    """

    name: str
    via: str
    groups: tuple[str, ...] = ()

    @property
    def is_machine(self) -> bool:
        """It signed in with a static token and is nobody who could decide on a change."""
        return self.via == "token"


@dataclass(frozen=True)
class Access:
    """The roles of everybody.

    Args:
        environments: every environment of the project, read anew.
    """

    environments: Callable[[], Mapping[str, Environment]]

    def role(self, person: Person, environment: str) -> Role:
        """The highest role of the person in an environment; none where there is no such environment."""
        found = self.environments().get(environment)
        return _role(person, found) if found else Role.NONE

    def roles(self, person: Person) -> dict[str, Role]:
        """The role in every environment."""
        return {name: _role(person, found) for name, found in self.environments().items()}

    def anywhere(self, person: Person) -> Role:
        """The highest role that the person has in any environment."""
        return max(self.roles(person).values(), default=Role.NONE)

    def everywhere(self, person: Person) -> Role:
        """The role that the person has at least in every environment."""
        return min(self.roles(person).values(), default=Role.NONE)

    def of_run(self, person: Person, run: Run) -> Role:
        """The role for a run: the lowest over the environments that it works on."""
        return self.of_stack(person, run.stack)

    def of_stack(self, person: Person, subjects: str) -> Role:
        """The role for stacks and hosts (``environment/name``, separated by spaces)."""
        names = {subject.partition("/")[0] for subject in subjects.split()}
        if not names:
            return self.everywhere(person)
        return min(self.role(person, name) for name in names)


def _role(person: Person, environment: Environment) -> Role:
    names = _names(person, environment)
    held = (Role[role.upper()] for role, members in environment.people.roles.items() if names.intersection(members))
    return max(held, default=Role.NONE)


def _names(person: Person, environment: Environment) -> frozenset[str]:
    """What the person is called in lists of members. Groups of a machine count for nothing."""
    if person.is_machine:
        return frozenset((person.name,))
    listed = (group for group, members in environment.people.groups.items() if person.name in members)
    return frozenset((person.name, *(f"{GROUP}{group}" for group in (*listed, *person.groups))))
