"""Settings of the service: environment variables that start with ``SLUIS_``, or an ``.env``-style file named by them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from workers.core.job import Pool


def _default_data() -> Path:
    return Path(".sluis")


def default_cache() -> Path:
    """Where downloads and built programs are kept, outside the work tree: ``$XDG_CACHE_HOME/sluis``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sluis"


class Settings(BaseSettings):
    """Every setting, with its default and meaning; ``docs/reference/settings.md`` is generated from this class."""

    model_config = SettingsConfigDict(env_prefix="SLUIS_", frozen=True, extra="ignore")

    project: Path = Field(Path(), description="Folder with bpmn/, terraform/, ansible/ and environments/.")
    data: Path = Field(
        default_factory=_default_data,
        description="Data folder: the store, stack states, the embedded engine's data and logs. Relative to the project.",
    )
    store: str = Field(
        "",
        description="Where plans, approvals, runs, stack records, logs and the audit trail are kept: s3://bucket/prefix, or a "
        "folder; default: store/ in the data folder. Workers on several machines need S3.",
    )
    store_kms_key: str = Field("", description="KMS key for what is put into S3; default: the bucket's own encryption.")
    store_lock_days: int = Field(
        0,
        ge=0,
        le=36_500,
        description="Days for which nobody, administrators included, can remove an audit entry from S3 (Object Lock in "
        "compliance mode, which the bucket must have); 0: no lock.",
    )
    cache: Path = Field(
        default_factory=default_cache, description="Downloads and built programs, keyed by version; safe to delete."
    )

    engine: Literal["embedded", "external"] = Field(
        "embedded",
        description="'embedded': `sluis up` starts a Camunda here. 'external': only the addresses below are used.",
    )
    grpc_address: str = Field("127.0.0.1:26500", description="host:port of the Zeebe gateway.")
    grpc_tls: bool = Field(False, description="Speak TLS to the gateway.")
    rest_address: str = Field(
        "http://127.0.0.1:8080",
        description="Base address of the orchestration cluster's REST API (Operate and Tasklist on 8.6 too).",
    )
    rest_user: str = Field(
        "view",
        description="The service's own identity at the REST API where that asks for a sign-in by form (embedded "
        "engine). It only reads; as an approver it counts for nothing.",
    )
    rest_password: SecretStr = Field(SecretStr("view"), description="Password of that user.")
    oauth_token_url: str = Field(
        "", description="OAuth token address; when set, client id and secret are used for gRPC and REST."
    )
    oauth_client_id: str = Field("", description="OAuth client id.")
    oauth_client_secret: SecretStr = Field(SecretStr(""), description="OAuth client secret.")
    oauth_audience: str = Field("zeebe-api", description="OAuth audience; may be empty.")
    oauth_scope: str = Field("", description="OAuth scope, where the identity provider asks for one.")
    tls_ca: Path | None = Field(
        None,
        description="Certificates (PEM) of the authorities that the cluster's are checked against, for gRPC and REST, and beside "
        "the usual ones for the token server; default: the usual ones.",
    )
    tls_certificate: Path | None = Field(
        None, description="Our own certificate (PEM) for a cluster that asks for one (mTLS), for gRPC and REST."
    )
    tls_key: Path | None = Field(None, description="Its private key (PEM, without a password).")
    search_port: Annotated[int, Field(ge=1024, le=65535)] = Field(
        9201, description="Port of the embedded engine's OpenSearch."
    )
    monitoring_port: Annotated[int, Field(ge=1024, le=65535)] = Field(
        9600, description="Port of the embedded engine's health endpoint."
    )
    engine_ready_seconds: Annotated[int, Field(ge=10, le=3600)] = Field(
        180, description="How long to wait for the embedded engine."
    )

    worker_name: str = Field("", description="Name under which jobs are activated; default host name and process id.")
    pools: Annotated[tuple[Pool, ...], NoDecode] = Field(
        tuple(Pool),
        description="Kinds of work that this worker serves, separated by commas: terraform, ansible, light. Some worker has to "
        "serve each.",
    )
    terraform_slots: Annotated[int, Field(ge=0, le=1000)] = Field(
        0, description="Terraform jobs that run at once; 0: as many as memory and CPUs allow."
    )
    terraform_job_mb: Annotated[int, Field(ge=16, le=65536)] = Field(
        512, description="Memory that a Terraform job takes, its providers included; for the number of slots."
    )
    ansible_slots: Annotated[int, Field(ge=0, le=1000)] = Field(
        0, description="Ansible jobs that run at once; 0: as many as memory and CPUs allow."
    )
    ansible_job_mb: Annotated[int, Field(ge=16, le=65536)] = Field(
        256, description="Memory that an Ansible job takes; for the number of slots."
    )
    light_slots: Annotated[int, Field(ge=1, le=10000)] = Field(
        128, description="Light jobs (checks, notices, probes) that run at once."
    )
    job_push: bool = Field(
        True, description="Let the engine push light jobs to workers; without it they are only polled for."
    )
    lease_seconds: Annotated[int, Field(ge=2, le=3600)] = Field(
        60,
        description="How long the engine leaves a job with a worker that does not renew it: so late does another worker "
        "take over from a dead one. Renewed at a third.",
    )
    max_deliveries: Annotated[int, Field(ge=1, le=100)] = Field(
        3, description="Deliveries of one attempt that may end in a dead worker before an incident is raised."
    )
    grace_seconds: Annotated[int, Field(ge=1, le=3600)] = Field(
        120, description="How long a tool may take to stop after its one SIGINT before it is killed."
    )
    drain_seconds: Annotated[int, Field(ge=0, le=86400)] = Field(
        600, description="How long running jobs may take to end after SIGTERM to the worker."
    )

    tofu: str = Field(
        "",
        description="The tofu or terraform program; default: tofu from the cache or PATH, else terraform ≥ 1.6 from PATH.",
    )
    tofu_cli_config: str = Field(
        "", description="CLI configuration file for tofu (TF_CLI_CONFIG_FILE), e.g. with a provider mirror."
    )
    web_address: str = Field(
        "127.0.0.1", description="Address that the web service (health, metrics, run pages, REST API) listens on."
    )
    web_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        8090,
        description="Its port; 0 serves none. Where this is not set and the port is busy, a free one is taken.",
    )
    web_url: str = Field(
        "", description="Address under which people reach it, e.g. https://sluis.example.com; for links and sign-in."
    )
    web_session_secret: SecretStr = Field(
        SecretStr(""),
        description="Signs the cookies of the web service; the same for all workers behind one address. Default: made once, in the data folder.",
    )
    web_tokens: dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = Field(
        {},
        description="Machines that may use the REST API: a JSON object from their names to the SHA-256 digests of their tokens. `sluis token` makes one.",
    )
    oidc_issuer: str = Field("", description="OpenID Connect provider with which people sign in to the web service.")
    oidc_client_id: str = Field("", description="Our client id there.")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="Our client secret there.")
    oidc_user_claim: str = Field("preferred_username", description="Claim with the user name as the engine knows it.")
    oidc_groups_claim: str = Field("groups", description="Claim with the groups.")
    webhook_secret: SecretStr = Field(
        SecretStr(""), description="Shared with GitHub, whose push and pull request events then start a process."
    )
    webhook_process: str = Field("", description="The process that such an event starts.")
    webhook_variables: dict[str, str] = Field(
        {}, description="Its variables: a JSON object of texts; {commit}, {ref}, {name} and {repository} are filled in."
    )
    webhook_refs: tuple[str, ...] = Field(
        ("*",), description='Which refs start it: a JSON list of patterns, e.g. ["refs/heads/main", "refs/tags/v*"].'
    )

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe event that is logged."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        "auto", description="'auto': text on a terminal, JSON elsewhere."
    )
    log_group: str = Field(
        "",
        description="Log group of CloudWatch Logs that gets the log of a worker too, in a stream of the worker's name; default: none. Needs logs:PutLogEvents and logs:CreateLogStream.",
    )

    @field_validator("pools", mode="before")
    @classmethod
    def _known_pools(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        names = [name.strip() for name in value.split(",") if name.strip()]
        known = [pool.value for pool in Pool]
        if not names or not set(names) <= set(known):
            raise ValueError(f"give one or more of {', '.join(known)}")
        return tuple(pool for pool in Pool if pool in names)

    @property
    def data_folder(self) -> Path:
        """The data folder as an absolute path."""
        return (self.project / self.data).resolve()
