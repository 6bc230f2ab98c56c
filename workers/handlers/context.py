"""What every handler works with: the project, the store and the tools."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from workers.catalogue.environments import read_environment
from workers.catalogue.reading import read_contract
from workers.core.contract import CatalogueProblem, Contract, Kind
from workers.core.environment import AwsSecretStore, Environment
from workers.core.errors import ContractError, InputError, MissingToolError, NotFoundError
from workers.core.records import HostAddress, StackId
from workers.core.values import is_name
from workers.execution.keys import KeyPair, environment_key, public_key_of
from workers.execution.secret_keepers import AwsKeeper, FolderKeeper, SecretKeeper
from workers.execution.secrets import Secrets
from workers.execution.ssh import SshAccess
from workers.execution.terraform import TerraformTool
from workers.execution.workspace import private_folder
from workers.runs.artifacts import Artifacts
from workers.runs.audit import Audit
from workers.runs.compliance import Checks, Configured
from workers.runs.records import Changes, Plans, Requests, Stacks
from workers.runs.runs import Runs
from workers.runs.shared_locks import SharedLocks
from workers.runs.store import Store

_FOLDERS: Final = {Kind.MODULE: Path("terraform/modules"), Kind.ROLE: Path("ansible/roles")}
_WORDS: Final = {Kind.MODULE: "module", Kind.ROLE: "role"}


def _no_program(name: str) -> tuple[str, ...]:
    raise MissingToolError(f"{name} is not on this machine.")


@dataclass(frozen=True)
class Context:
    """The hands of the handlers.

    Args:
        project: folder with terraform/, ansible/ and environments/.
        data: data folder; stack states, keys and locks live below it.
        store: the durable record.
        runs: run records over that store.
        terraform: gives the tool, or raises MissingToolError.
        secrets: resolves references.
        grace: how long a tool may take to stop.
        max_deliveries: deliveries of one attempt that may end in a dead worker.
        variables: environment variables that every tool of this machine gets.
        address: says where people reach the run pages; empty where that is not known.
        program: how an optional program is called, or raises MissingToolError.
    """

    project: Path
    data: Path
    store: Store
    runs: Runs
    terraform: Callable[[], TerraformTool]
    secrets: Secrets
    grace: timedelta = timedelta(seconds=120)
    max_deliveries: int = 3
    variables: Mapping[str, str] = field(default_factory=dict)
    address: Callable[[], str] = str
    program: Callable[[str], tuple[str, ...]] = _no_program

    @property
    def pages(self) -> str:
        """Address of the run pages; empty where none is known."""
        return self.address()

    @property
    def plans(self) -> Plans:
        """Saved plans."""
        return Plans(self.store)

    @property
    def changes(self) -> Changes:
        """Changes, policies and approvals."""
        return Changes(self.store)

    @property
    def stacks(self) -> Stacks:
        """Stack records."""
        return Stacks(self.store)

    @property
    def checks(self) -> Checks:
        """Compliance checks, and what was accepted."""
        return Checks(self.store)

    @property
    def configured(self) -> Configured:
        """Which roles were run on the hosts of stacks."""
        return Configured(self.store)

    @property
    def requests(self) -> Requests:
        """Who asked for what."""
        return Requests(self.store)

    @property
    def shared_locks(self) -> SharedLocks:
        """Locks between machines."""
        return SharedLocks(self.store, self.data / "locks", self.runs.worker)

    @property
    def artifacts(self) -> Artifacts:
        """Artefacts that were fetched."""
        return Artifacts(self.store)

    @property
    def audit(self) -> Audit:
        """The audit trail."""
        return Audit(self.store)

    def environment(self, name: str) -> Environment:
        """The environment, read anew so that an edited file counts at once."""
        return read_environment(self.project, name)

    def contract(self, kind: Kind, name: str) -> Contract:
        """The contract of a module or role, read anew: its digest must be that of the files as they are now.

        Raises:
            NotFoundError: there is no such folder.
            ContractError: it cannot be read.
        """
        folder = self.project / _FOLDERS[kind]
        if not is_name(name) or not (folder / name).is_dir():
            raise NotFoundError(f"There is no {_WORDS[kind]} '{name}' in {folder}.")
        found = read_contract(kind, folder / name)
        if isinstance(found, CatalogueProblem):
            where = f"{found.path}:{found.line}" if found.line else str(found.path)
            raise ContractError(f"{_WORDS[kind]} {name}: {where}: {found.message}")
        return found

    def secret_keeper(self, environment: Environment) -> SecretKeeper:
        """Where sensitive outputs of the environment's stacks go."""
        store = environment.secret_store
        if isinstance(store, AwsSecretStore):
            return AwsKeeper(store.prefix, store.kms_key_id)
        return FolderKeeper(self.data / "secrets")

    def key_pair(self, environment: Environment) -> KeyPair:
        """The SSH key with which hosts of the environment are reached."""
        reference = environment.connection.private_key
        if reference is None:
            return environment_key(self.data / "keys", environment.name)
        private = self.secrets.value(reference)
        with private_folder() as folder:
            return KeyPair(private, public_key_of(private, folder))

    def access(self, environment: Environment) -> SshAccess:
        """How hosts of the environment are reached."""
        connection = environment.connection
        return SshAccess(
            user=connection.user,
            private_key=self.key_pair(environment).private,
            first_use=connection.host_keys == "first-use",
            known_hosts=self.data / "known_hosts" / environment.name,
            connect_timeout=connection.connect_timeout_seconds,
            escalate=connection.escalate,
        )

    async def hosts(self, environment: Environment, references: tuple[str, ...]) -> tuple[HostAddress, ...]:
        """The hosts behind references: see `workers.handlers.covering`.

        Raises:
            NotFoundError: a stack that is not there, or a host that it does not have.
            InputError: a name that the environment does not have, or a stack of another environment.
        """
        found: list[HostAddress] = []
        for reference in references:
            found += await self._hosts(environment, reference)
        return tuple(found)

    async def _hosts(self, environment: Environment, reference: str) -> tuple[HostAddress, ...]:
        if reference.startswith("stack:"):
            return _chosen((await self.stacks.get(stack_of(environment, reference))).hosts, reference)
        host = environment.hosts.get(reference)
        if host is None:
            raise unknown_host(environment, reference)
        return (HostAddress(name=reference, **host.model_dump()),)


def stack_of(environment: Environment, reference: str) -> StackId:
    """The stack that a host reference names.

    Raises:
        InputError: it belongs to another environment.
    """
    owner, _, name = reference.removeprefix("stack:").partition("#")[0].partition("/")
    if owner != environment.name:
        raise unknown_host(environment, reference)
    return StackId(environment=owner, name=name)


def _chosen(hosts: tuple[HostAddress, ...], reference: str) -> tuple[HostAddress, ...]:
    """The hosts of a stack that a reference means: all, or the one after the ``#``."""
    _, one, name = reference.partition("#")
    found = tuple(host for host in hosts if host.name == name) if one else hosts
    if one and not found:
        known = ", ".join(host.name for host in hosts) or "none"
        raise NotFoundError(f"'{reference}': the stack has no host '{name}' (it has: {known}).")
    return found


def unknown_host(environment: Environment, reference: str) -> InputError:
    """The error for a host reference that means nothing in the environment."""
    known = ", ".join(sorted(environment.hosts)) or "none"
    problem = f"'{reference}' is no host of environment {environment.name} (its own hosts: {known})"
    return InputError("hosts", (problem,))
