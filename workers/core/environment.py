"""The environment file: where things are made, how hosts are reached, who approves.

One file per customer and stage, ``environments/<name>.yaml``. Nothing is shared between environments by default.
Secrets are references (``secret://env/NAME``, ``secret://file/PATH``, ``secret://aws-sm/NAME#KEY``), never values.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from workers.core.compliance import Severity
from workers.core.names import Name, SecretReference
from workers.core.notices import Notices
from workers.core.values import JsonValue, Record


class Stage(StrEnum):
    """How careful one has to be; the approval policy (a DMN table) decides by it."""

    DEVELOPMENT = "development"
    TEST = "test"
    STAGING = "staging"
    PRODUCTION = "production"


class LocalState(Record):
    """Terraform state in Sluis's own data folder. For one machine only."""

    type: Literal["local"] = Field("local", description="State in Sluis's data folder.")


class S3State(Record):
    """Terraform state in an S3 bucket, locked by S3 itself."""

    type: Literal["s3"] = Field(description="State in a bucket.")
    bucket: str = Field(description="Name of the bucket.")
    region: str = Field(description="Region of the bucket.")
    key_prefix: str = Field("state", description="Keys are <key_prefix>/<environment>/<stack>/terraform.tfstate.")
    kms_key_id: str = Field("", description="KMS key for encryption; default: the bucket's own.")
    endpoint: str = Field("", description="Another S3 endpoint; for tests and S3-compatible stores.")

    def key(self, environment: str, stack: str) -> str:
        """The key of a stack's state in the bucket."""
        return f"{self.key_prefix}/{environment}/{stack}/terraform.tfstate".lstrip("/")


class LocalSecretStore(Record):
    """Sensitive outputs in files below Sluis's own data folder, readable by its user only."""

    type: Literal["local"] = Field("local", description="Files in Sluis's data folder. For one machine only.")


class AwsSecretStore(Record):
    """Sensitive outputs in AWS Secrets Manager, one secret per stack."""

    type: Literal["aws-sm"] = Field(description="AWS Secrets Manager, with the worker's own identity.")
    prefix: str = Field("sluis", description="Secrets are named <prefix>/<environment>/<stack>.")
    kms_key_id: str = Field("", description="KMS key for encryption; default: the account's own.")


class Encryption(Record):
    """State and saved plans encrypted by OpenTofu itself, whatever the backend does. Give one kind of key."""

    passphrase: SecretReference | None = Field(None, description="Passphrase of at least 16 characters.")
    kms_key_id: str = Field("", description="AWS KMS key instead of a passphrase.")
    region: str = Field("", description="Region of the KMS key; default: the worker's own.")
    migrate: bool = Field(
        False, description="Also read a state that is not encrypted yet; the next apply encrypts it. Turn it off then."
    )

    @model_validator(mode="after")
    def _one_key(self) -> Encryption:
        if bool(self.passphrase) == bool(self.kms_key_id):
            raise ValueError("encryption: give either passphrase or kms_key_id")
        return self


class Cloud(Record):
    """The AWS account and the roles that plans and applies assume there."""

    type: Literal["aws"] = Field("aws", description="The cloud; AWS is the only one so far.")
    account: Annotated[str, StringConstraints(pattern=r"^\d{12}$")] = Field(
        description="Account number; the provider refuses every other account."
    )
    region: str = Field(description="Region of the AWS provider.")
    plan_role_arn: str = Field("", description="Role for plans; give it read access only.")
    apply_role_arn: str = Field("", description="Role for applies.")
    external_id: str = Field("", description="External id for assuming the roles.")
    default_tags: dict[str, str] = Field({}, description="Tags on every resource, beside sluis:stack and sluis:run.")


class ArtifactSource(Record):
    """A place that artefacts may come from."""

    prefix: Annotated[
        str, StringConstraints(pattern=r"^(https|file|git\+https|git\+ssh|git\+file)://[^\s?#]+$|^\./[^\s?#]*$")
    ] = Field(
        description="What an address must begin with. Ends with '/', else it is one whole address. './' is the project folder."
    )
    token: SecretReference | None = Field(
        None, description="Sent as 'Authorization: Bearer …' to https addresses below this prefix, and nowhere else."
    )


class Artifacts(Record):
    """What may be fetched to be rolled out here. Nothing, where no source is named."""

    sources: tuple[ArtifactSource, ...] = Field((), description="Where artefacts may come from.")
    max_megabytes: Annotated[int, Field(ge=1, le=512)] = Field(64, description="Largest artefact.")


class Machine(Record):
    """What VM provisioning makes in this environment, and what the releases of an application run on.

    ``inputs`` are constants; ``request`` maps inputs of the module to facts of the request (``name``, ``environment``,
    ``full_name``, which is both, and ``public_key``). ``roles`` has constant inputs of roles that configure machines
    here; what a request says itself counts before them.
    """

    module: Name = Field(description="Module that makes a machine.")
    inputs: dict[str, JsonValue] = Field({}, description="Constant inputs of the module.")
    request: dict[str, Literal["name", "environment", "full_name", "public_key"]] = Field(
        {}, description="Inputs of the module that come from the request."
    )
    roles: dict[Name, dict[str, JsonValue]] = Field(
        {}, description="Constant inputs by role, for the roles that a request names."
    )

    def inputs_for(self, environment: str, name: str, public_key: str) -> dict[str, JsonValue]:
        """Inputs of the module for a machine of that name: the constant ones, and the facts of the request."""
        facts = {
            "name": name,
            "environment": environment,
            "full_name": f"{environment}-{name}",
            "public_key": public_key,
        }
        return {**self.inputs, **{i: facts[fact] for i, fact in self.request.items()}}


class Connection(Record):
    """How hosts are reached over SSH."""

    user: str = Field("root", description="User to sign in as, where the host does not name its own.")
    private_key: SecretReference | None = Field(
        None, description="Where it is absent, Sluis makes a key of its own for the environment."
    )
    escalate: bool = Field(True, description="Use sudo (Ansible's become) where a role asks for it.")
    host_keys: Literal["known", "first-use"] = Field(
        "known",
        description="'known': from the module's outputs or the host entry, else refused. 'first-use': learnt at the first contact.",
    )
    connect_timeout_seconds: Annotated[int, Field(ge=1, le=600)] = Field(10, description="Per attempt to connect.")


class Host(Record):
    """A host that exists already."""

    address: str = Field(description="Host name or IP address; 'local' is this machine, without SSH.")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(22, description="Port of its SSH server.")
    user: str = Field("", description="User to sign in as; default: the connection's.")
    host_keys: tuple[str, ...] = Field((), description="Public host keys, e.g. 'ssh-ed25519 AAAA…'.")


class People(Record):
    """Who belongs to which group, where no identity provider says it, and whom to ask."""

    approvers: Name = Field("approvers", description="Group that approves where the policy names no other.")
    groups: dict[str, tuple[str, ...]] = Field({}, description="Members of each group, by their engine user names.")
    roles: dict[Literal["viewer", "operator", "approver", "admin"], tuple[str, ...]] = Field(
        {},
        description="Who may use the web service here, and as what: user names, 'group:<name>' or 'token:<name>'. Nobody else may.",
    )
    remind_after_minutes: Annotated[int, Field(ge=1)] = Field(
        60 * 4, description="An open review is mentioned again after this time, where the process says nothing else."
    )
    escalate_to: Name | Literal[""] = Field(
        "", description="Group that may decide too where nobody has in time; empty: nobody else is asked."
    )
    escalate_after_minutes: Annotated[int, Field(ge=1)] = Field(
        60 * 24, description="When that group is asked, counted from the policy's answer."
    )
    reject_after_minutes: Annotated[int, Field(ge=1)] = Field(
        60 * 24 * 7, description="A change that nobody has decided on by then is rejected, counted in the same way."
    )

    def members(self, *groups: str) -> tuple[str, ...]:
        """Who belongs to any of the groups."""
        return tuple(person for group in groups for person in self.groups.get(group, ()))

    @model_validator(mode="after")
    def _groups_exist(self) -> People:
        for setting in ("approvers", "escalate_to"):
            group = getattr(self, setting)
            if self.groups and group and group not in self.groups:
                raise ValueError(f"{setting}: group {group!r} is not among groups ({', '.join(sorted(self.groups))})")
        return self

    @model_validator(mode="after")
    def _escalation_comes_before_the_end(self) -> People:
        if self.escalate_to and self.escalate_after_minutes >= self.reject_after_minutes:
            raise ValueError("escalate_after_minutes: must be less than reject_after_minutes, or it never happens")
        return self


class Limits(Record):
    """Bounds on what may run and for how long."""

    plan_valid_minutes: Annotated[int, Field(ge=1, le=60 * 24 * 30)] = Field(
        60 * 24, description="Age at which a plan can no longer be applied."
    )
    plan_timeout_minutes: Annotated[int, Field(ge=1, le=24 * 60)] = Field(30, description="Longest plan.")
    apply_timeout_minutes: Annotated[int, Field(ge=1, le=24 * 60)] = Field(120, description="Longest apply.")
    role_timeout_minutes: Annotated[int, Field(ge=1, le=24 * 60)] = Field(60, description="Longest run of a role.")


class AuditRole(Record):
    """A role that looks at hosts and gives back findings, e.g. ``cis_audit``."""

    role: Name = Field(description="The role.")
    inputs: dict[str, JsonValue] = Field({}, description="Its inputs.")


class Compliance(Record):
    """What a compliance check looks for, how often, and who decides on what it finds."""

    every_days: Annotated[int, Field(ge=0, le=366)] = Field(
        0, description="How often `ComplianceSchedule` checks the environment; 0: only on demand."
    )
    audits: tuple[AuditRole, ...] = Field((), description="Roles that audit the hosts of every stack.")
    ask_from: Severity = Field(
        Severity.MEDIUM, description="People are asked about findings from this severity on; others are only reported."
    )
    two_people_from: Severity = Field(
        Severity.HIGH, description="From this severity on two different people have to accept a finding."
    )
    accept_days: Annotated[int, Field(ge=1, le=3660)] = Field(
        365, description="For how long a finding may be accepted at most."
    )
    group: Name | Literal[""] = Field("", description="Group that decides on findings; default: the approvers.")


class Environment(Record):
    """One environment file, checked."""

    name: Name = Field(description="Must be the file's name without .yaml; may be left out.")
    description: str = Field("", description="For people.")
    customer: str = Field("", description="Whose environment it is.")
    stage: Stage = Field(Stage.DEVELOPMENT, description="What the approval policy decides by.")
    state: Annotated[LocalState | S3State, Field(discriminator="type")] = Field(
        LocalState(), description="Where Terraform keeps its state."
    )
    encryption: Encryption | None = Field(None, description="Encryption of state and plans by OpenTofu.")
    secret_store: Annotated[LocalSecretStore | AwsSecretStore, Field(discriminator="type")] = Field(
        LocalSecretStore(), description="Where sensitive outputs of modules go; the process gets references to them."
    )
    cloud: Cloud | None = Field(None, description="The AWS account, where modules need one.")
    machine: Machine | None = Field(None, description="What VM provisioning makes here.")
    artifacts: Artifacts = Field(Artifacts(), description="What may be rolled out here, from where.")
    connection: Connection = Field(Connection(), description="How hosts are reached.")
    hosts: dict[Name, Host] = Field({}, description="Hosts that exist already, by name.")
    people: People = Field(People(), description="Who approves.")
    notices: Notices = Field(Notices(), description="Who is told of what, and how.")
    variables: dict[str, str | SecretReference] = Field(
        {}, description="Environment variables for tofu and ansible, values or references."
    )
    compliance: Compliance = Field(Compliance(), description="Compliance checks.")
    limits: Limits = Field(Limits(), description="Bounds on age and duration.")

    @field_validator("variables")
    @classmethod
    def _no_reserved(cls, value: dict[str, str]) -> dict[str, str]:
        reserved = sorted(
            k for k in value if k.startswith(("TF_CLI_ARGS", "TF_ENCRYPTION", "ANSIBLE_", "SLUIS_", "LD_", "PYTHON"))
        )
        if reserved:
            raise ValueError(
                f"variables: {', '.join(reserved)} would change how the tools run; they are set by Sluis only"
            )
        return value

    @model_validator(mode="after")
    def _told_groups_exist(self) -> Environment:
        for number, preference in enumerate(self.notices.tell):
            if preference.group and preference.group not in self.people.groups:
                known = ", ".join(sorted(self.people.groups)) or "none"
                raise ValueError(
                    f"notices.tell.{number}.group: {preference.group!r} is not among people.groups ({known})"
                )
        return self
