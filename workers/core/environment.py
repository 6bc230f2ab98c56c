"""The environment file: where things are made, how hosts are reached, who approves.

One file per customer and stage, ``environments/<name>.yaml``. Nothing is shared between environments by default.
Secrets are references (``secret://env/NAME``, ``secret://file/PATH``, ``secret://aws-sm/NAME#KEY``), never values.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from workers.core.values import NAME_PATTERN, JsonValue, Record

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
SecretReference = Annotated[str, StringConstraints(pattern=r"^secret://(env|file|aws-sm|keeper)/\S+$")]


class Stage(StrEnum):
    """How careful one has to be; the approval policy (a DMN table) decides by it."""

    DEVELOPMENT = "development"
    TEST = "test"
    STAGING = "staging"
    PRODUCTION = "production"


class LocalState(Record):
    """Terraform state in Sluis's own data folder. For one machine only."""

    type: Literal["local"] = "local"


class S3State(Record):
    """Terraform state in an S3 bucket, locked by S3 itself."""

    type: Literal["s3"]
    bucket: str
    region: str
    key_prefix: str = "state"
    kms_key_id: str = ""
    endpoint: str = Field("", description="Another S3 endpoint; for tests and S3-compatible stores.")


class Cloud(Record):
    """The AWS account and the roles that plans and applies assume there."""

    type: Literal["aws"] = "aws"
    account: Annotated[str, StringConstraints(pattern=r"^\d{12}$")]
    region: str
    plan_role_arn: str = ""
    apply_role_arn: str = ""
    external_id: str = ""
    default_tags: dict[str, str] = {}


class Machine(Record):
    """What VM provisioning makes in this environment.

    ``inputs`` are constants; ``request`` maps inputs of the module to facts of the request
    (``name``, ``environment``, ``public_key``).
    """

    module: Name
    inputs: dict[str, JsonValue] = {}
    request: dict[str, Literal["name", "environment", "public_key"]] = {}


class Connection(Record):
    """How hosts are reached over SSH."""

    user: str = "root"
    private_key: SecretReference | None = Field(
        None, description="Where it is absent, Sluis makes a key of its own for the environment."
    )
    escalate: bool = Field(True, description="Use sudo (Ansible's become) where a role asks for it.")
    host_keys: Literal["known", "first-use"] = Field(
        "known",
        description="'known': from the module's outputs or the host entry, else refused. 'first-use': learnt at the first contact.",
    )
    connect_timeout_seconds: Annotated[int, Field(ge=1, le=600)] = 10


class Host(Record):
    """A host that exists already."""

    address: str
    port: Annotated[int, Field(ge=1, le=65535)] = 22
    user: str = ""
    host_keys: tuple[str, ...] = ()


class People(Record):
    """Who belongs to which group, where no identity provider says it, and whom to ask."""

    approvers: Name = "approvers"
    groups: dict[str, tuple[str, ...]] = {}

    @model_validator(mode="after")
    def _approvers_exist(self) -> People:
        if self.groups and self.approvers not in self.groups:
            raise ValueError(
                f"approvers: group {self.approvers!r} is not among groups ({', '.join(sorted(self.groups))})"
            )
        return self


class Limits(Record):
    """Bounds on what may run and for how long."""

    plan_valid_minutes: Annotated[int, Field(ge=1, le=60 * 24 * 30)] = 60 * 24
    plan_timeout_minutes: Annotated[int, Field(ge=1, le=24 * 60)] = 30
    apply_timeout_minutes: Annotated[int, Field(ge=1, le=24 * 60)] = 120
    role_timeout_minutes: Annotated[int, Field(ge=1, le=24 * 60)] = 60


class Environment(Record):
    """One environment file, checked."""

    name: Name
    description: str = ""
    customer: str = ""
    stage: Stage = Stage.DEVELOPMENT
    state: Annotated[LocalState | S3State, Field(discriminator="type")] = LocalState()
    cloud: Cloud | None = None
    machine: Machine | None = None
    connection: Connection = Connection()
    hosts: dict[Name, Host] = {}
    people: People = People()
    variables: dict[str, str | SecretReference] = Field(
        {}, description="Environment variables for tofu and ansible, values or references."
    )
    limits: Limits = Limits()

    @field_validator("variables")
    @classmethod
    def _no_reserved(cls, value: dict[str, str]) -> dict[str, str]:
        reserved = sorted(k for k in value if k.startswith(("TF_CLI_ARGS", "ANSIBLE_", "SLUIS_", "LD_", "PYTHON")))
        if reserved:
            raise ValueError(
                f"variables: {', '.join(reserved)} would change how the tools run; they are set by Sluis only"
            )
        return value
