"""The words of the durable record: stack, plan, change, approval, run, request, host."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from workers.core.names import Name
from workers.core.values import JsonValue, Record, digest_value

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class StackId(Record):
    """``environment/name``: one deployed instance of a module."""

    environment: Name
    name: Name

    def __str__(self) -> str:
        return f"{self.environment}/{self.name}"


class HostAddress(Record):
    """A host as Ansible and SSH reach it. Modules that make hosts have an output ``hosts``, a list of these."""

    name: Name
    address: str
    port: int = 22
    user: str = ""
    host_keys: tuple[str, ...] = Field((), description="Public host keys, e.g. 'ssh-ed25519 AAAA…'.")
    instance: Annotated[str, StringConstraints(pattern=r"^([a-z0-9-]+/i-[0-9a-f]{8,17})?$")] = Field(
        "",
        description="Region and id of an EC2 instance, e.g. eu-central-1/i-0a1b2c3d, that lets keys in by EC2 Instance Connect.",
    )


class Operation(StrEnum):
    """What a plan is for."""

    APPLY = "apply"
    DESTROY = "destroy"


class ResourceChange(Record):
    """One resource in a plan: ``action`` is create, update, replace, delete, read or forget."""

    address: str
    action: str
    type: str = ""
    reasons: tuple[str, ...] = Field((), description="Paths of attributes that force a replacement.")


class Counts(Record):
    """How many resources a plan creates, updates, replaces and deletes."""

    create: int = 0
    update: int = 0
    replace: int = 0
    delete: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.create + self.update + self.replace + self.delete

    def __str__(self) -> str:
        parts = [f"{n} to {verb}" for verb, n in self.model_dump().items() if n]
        return ", ".join(parts) or "no changes"


class Plan(Record):
    """A saved plan file: immutable, named by its digest, usable once."""

    digest: Digest
    stack: StackId
    operation: Operation
    module: str
    module_digest: Digest
    workspace_digest: Digest = Field(description="Digest over every file of the stack root, lock file included.")
    inputs: dict[str, JsonValue] = Field(description="Module inputs; sensitive ones as references or '(sensitive)'.")
    counts: Counts
    changes: tuple[ResourceChange, ...]
    output_changes: tuple[str, ...] = ()
    empty_before: bool = Field(description="The state held no managed resource when the plan was made.")
    has_changes: bool
    cleans_up: bool = Field(
        False, description="The approver was told that a failed apply removes what it made, without asking again."
    )
    tool: str = Field(description="Program and version, e.g. 'OpenTofu 1.12.6'.")
    run: str
    process_instance: int
    created: datetime
    expires: datetime


class RoleStep(Record):
    """A role that will run as part of a change."""

    role: str
    digest: Digest
    inputs_digest: Digest
    inputs: dict[str, JsonValue] = {}


class Change(Record):
    """What a person decides on. Its digest binds the plan, the roles with their inputs, and the hosts."""

    environment: Name
    stack: str = Field("", description="environment/name, or empty where only hosts are configured.")
    plan: Digest | None = None
    roles: tuple[RoleStep, ...] = ()
    hosts: tuple[str, ...] = Field(
        (), description="'stack:<environment>/<name>' for hosts yet to be made, else host names."
    )
    process_instance: int = Field(
        description="The instance whose plan or check this is; binds the change to one process."
    )
    check: str = Field(
        "", description="Run of the check, where there is no plan: what is checked again is approved again."
    )
    expires: datetime | None = Field(None, description="The end date that the stack gets, where that is the change.")

    @property
    def digest(self) -> str:
        """The change digest: what an approval is for."""
        left_out = {"expires"} if self.expires is None else set()
        return digest_value(self.model_dump(mode="json", exclude=left_out))


class Policy(Record):
    """What the approval policy said about one change."""

    change: Digest
    approvals: int = Field(ge=0, description="How many distinct approvers are needed, a missing requester counted in.")
    group: str
    denied: bool = False
    reason: str = ""
    facts: dict[str, JsonValue] = {}
    table: str = Field("", description="Digest of the decision table as the engine holds it.")
    remind_after_minutes: int = Field(240, description="When an open review is mentioned again.")
    escalate_to: str = Field("", description="Group that may decide too from `escalate_at` on.")
    escalate_at: datetime | None = None
    reject_at: datetime | None = Field(None, description="From then on a change without a decision is rejected.")
    asked_by: int = Field(0, description="Key of the policy.check job; a review of this change has a higher one.")
    created: datetime


class Evidence(StrEnum):
    """How we know who decided."""

    ENGINE = "engine"
    SLUIS = "sluis"


class Decision(StrEnum):
    """What an approver said."""

    APPROVED = "approved"
    REJECTED = "rejected"
    NONE = "none"  # the task was completed without saying anything
    EXPIRED = "expired"  # nobody said anything in time; the model chooses this


class Statement(Record):
    """What a person said of a change: to us, who had authenticated them, or in Tasklist, where ``channel`` is empty.

    Kept before the service completes the user task in their stead; without it such a completion counts as nothing.
    """

    change: Digest
    user_task: int
    person: str = Field(description="Their user name, as in the environment's groups and in requests.")
    groups: tuple[str, ...] = Field((), description="Their groups as the identity provider says.")
    decision: Decision
    reason: str = Field("", max_length=2000)
    channel: str = Field("", description="Where they said it, e.g. 'web' or 'slack'.")
    identity: str = Field("", description="How they were authenticated, e.g. their Slack user id or OIDC subject.")
    created: datetime


class Approval(Record):
    """One person's recorded decision on one change."""

    change: Digest
    decision: Decision
    approver: str
    reason: str = ""
    evidence: Evidence
    channel: str = Field("", description="Where it was said to us; empty for Tasklist and the engine's API.")
    user_task: int
    verified_by: int = Field(description="Key of the approval.verify job that recorded it.")
    counts: bool = Field(True, description="False where the rules refuse it, e.g. the requester's own approval.")
    note: str = Field("", description="Why it does not count.")
    completed: datetime | None = None
    created: datetime


class RequestRecord(Record):
    """Who asked for a process instance, written by whoever authenticated them."""

    process_instance: int
    process: str
    requester: str
    evidence: str = Field(description="How the requester was authenticated.")
    created: datetime


class ArtifactRecord(Record):
    """An artefact that was fetched for an environment, its content checked."""

    digest: Digest = Field(description="SHA-256 of the content.")
    environment: Name
    source: str = Field(description="Address that it was fetched from.")
    commit: str = Field("", description="The commit, where it is the content of a git repository.")
    folder: str = Field("", description="The folder of that repository; empty for all of it.")
    name: str = Field(description="Name for people: the last part of the address.")
    size: int = Field(description="Bytes.")
    run: str
    created: datetime


class RunState(StrEnum):
    """The life of a run."""

    CREATED = "created"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"
    STATE_UNKNOWN = "state-unknown"

    @property
    def ended(self) -> bool:
        """Nothing more will happen in this run."""
        return self not in _NEXT_STATES

    def may_become(self, state: RunState) -> bool:
        """Whether a run in this state may change to that one; what has ended changes no more."""
        return state in _NEXT_STATES.get(self, ())


_NEXT_STATES: Final = {
    RunState.CREATED: frozenset({RunState.RUNNING, RunState.INTERRUPTED}),
    RunState.RUNNING: frozenset(
        {RunState.FINISHED, RunState.FAILED, RunState.INTERRUPTED, RunState.CANCELLED, RunState.STATE_UNKNOWN}
    ),
}


class Run(Record):
    """One execution of one job attempt."""

    id: str = Field(description="<job key>-<attempt>, both decimal.")
    job_type: str
    job_key: int
    attempt: int
    element: str = ""
    element_instance: int
    process: str = ""
    process_instance: int
    stack: str = ""
    worker: str = ""
    retries: int = 0
    state: RunState = Field(
        RunState.CREATED,
        description="Created, then running, then one of the others; from created also interrupted. An end is final.",
    )
    deliveries: int = Field(1, description="How often the engine delivered the job to this attempt.")
    inputs: dict[str, JsonValue] = {}
    outcome: str = Field("", description="done, failed, refused, stuck, abandoned.")
    code: str = ""
    message: str = ""
    result: dict[str, JsonValue] = {}
    reported: bool = Field(False, description="The engine has taken the outcome.")
    created: datetime
    started: datetime | None = None
    ended: datetime | None = None


class StackRecord(Record):
    """What is known of one stack."""

    id: StackId
    module: str
    module_digest: Digest
    inputs: dict[str, JsonValue] = {}
    hosts: tuple[HostAddress, ...] = ()
    outputs: dict[str, JsonValue] = {}
    secrets: dict[str, str] = Field({}, description="References to the sensitive outputs in the secret store.")
    last_plan: Digest | None = None
    last_apply: str = Field("", description="Run id of the last apply.")
    state: Literal["planned", "applied", "destroyed", "half-made", "unknown"] = "planned"
    adopted: bool = False
    expires: datetime | None = Field(None, description="Until when it is to be there; empty: for good.")
    expiry_watch: int = Field(0, description="Process instance that waits for the end date.")
    updated: datetime
