"""``main.tf.json`` of a stack root: module call, backend, providers, variables and outputs.

Only what the contract and the environment file say goes in here. A string with ``${`` would be a template, so the
few strings that do are escaped.

Tags: ``sluis:stack`` and ``sluis:run`` are default tags of the AWS provider. A value that differs from plan to plan
would show up as a change of every resource in every plan, so ``sluis:run`` is at the same time in ``ignore_tags``:
the provider sets it when it creates a resource and leaves it out of every later comparison. A resource thus carries
the run whose plan created it, which is what is needed to find what an interrupted apply did not record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from workers.core.contract import Contract, Input
from workers.core.environment import Cloud, Environment, S3State
from workers.core.errors import InputError
from workers.core.records import StackId
from workers.core.values import JsonValue

ROLE_VARIABLE: Final = "sluis_role_arn"
RUN_TAG: Final = "sluis:run"
STACK_TAG: Final = "sluis:stack"

Phase = Literal["plan", "apply"]


@dataclass(frozen=True)
class RootSpec:
    """What a stack root is made from.

    Attributes:
        inputs: the module's inputs, secrets resolved; those that are absent take the module's defaults.
        run: id of the run that makes the plan; when a root is made again for the apply, still that one.
        state_folder: where local state is kept, as ``<environment>/<stack>/terraform.tfstate``.
        lock_file: the stack's provider lock file from the last time.
    """

    stack: StackId
    contract: Contract
    environment: Environment
    inputs: Mapping[str, JsonValue]
    run: str
    state_folder: Path
    lock_file: bytes | None = None

    def declared(self, name: str) -> Input:
        """The module's variable of that name.

        Raises:
            InputError: there is none.
        """
        found = self.contract.input(name)
        if found is None:
            raise InputError(f"module {self.contract.name}", (f"{name}: the module has no such variable",))
        return found


def role_values(spec: RootSpec, phase: Phase) -> dict[str, JsonValue]:
    """The ephemeral variable with the cloud role of this phase, where the environment names roles."""
    cloud = _aws(spec)
    if not cloud or not _assumes_role(cloud):
        return {}
    return {ROLE_VARIABLE: (cloud.plan_role_arn if phase == "plan" else cloud.apply_role_arn) or None}


def main_configuration(spec: RootSpec) -> dict[str, JsonValue]:
    """``main.tf.json`` as a value."""
    given = sorted(spec.inputs)
    call: dict[str, JsonValue] = {"source": "./module"}
    main: dict[str, JsonValue] = {
        "terraform": _terraform(spec),
        "module": {"stack": {**call, **{name: f"${{var.{name}}}" for name in given}}},
    }
    variables: dict[str, JsonValue] = {name: _variable(spec.declared(name)) for name in given}
    cloud = _aws(spec)
    if cloud:
        main["provider"] = {"aws": _aws_provider(spec, cloud)}
        if _assumes_role(cloud):
            variables[ROLE_VARIABLE] = {"type": "string", "default": None, "ephemeral": True}
    if variables:
        main["variable"] = variables
    if spec.contract.outputs:
        main["output"] = {
            o.name: {"value": f"${{module.stack.{o.name}}}"} | ({"sensitive": True} if o.sensitive else {})
            for o in spec.contract.outputs
        }
    return main


def _variable(declared: Input) -> dict[str, JsonValue]:
    marks = {"sensitive": declared.sensitive, "ephemeral": declared.ephemeral}
    return {"type": "any", **{mark: True for mark, is_set in marks.items() if is_set}}


def _terraform(spec: RootSpec) -> dict[str, JsonValue]:
    backend: dict[str, JsonValue] = {"backend": _backend(spec)}
    return backend | ({"required_providers": {"aws": {"source": _aws_source(spec)}}} if _aws(spec) else {})


def _backend(spec: RootSpec) -> dict[str, JsonValue]:
    state = spec.environment.state
    if isinstance(state, S3State):
        return {"s3": _s3(spec, state)}
    return {"local": {"path": escape_template(str(state_path(spec)))}}


def state_path(spec: RootSpec) -> Path:
    """Where local state is kept."""
    return spec.state_folder.resolve() / spec.stack.environment / spec.stack.name / "terraform.tfstate"


def _s3(spec: RootSpec, state: S3State) -> dict[str, JsonValue]:
    settings: dict[str, JsonValue] = {
        "bucket": escape_template(state.bucket),
        "key": escape_template(state.key(spec.stack.environment, spec.stack.name)),
        "region": escape_template(state.region),
        "encrypt": True,
        "use_lockfile": True,
    }
    if state.kms_key_id:
        settings["kms_key_id"] = escape_template(state.kms_key_id)
    return settings | (_other_s3(state.endpoint) if state.endpoint else {})


def _other_s3(endpoint: str) -> dict[str, JsonValue]:
    skips = (
        "skip_credentials_validation",
        "skip_metadata_api_check",
        "skip_region_validation",
        "skip_requesting_account_id",
        "skip_s3_checksum",
    )
    return {"endpoints": {"s3": escape_template(endpoint)}, "use_path_style": True, **dict.fromkeys(skips, True)}


def _aws(spec: RootSpec) -> Cloud | None:
    return (
        spec.environment.cloud if spec.environment.cloud and not spec.contract.is_root and _aws_source(spec) else None
    )


def _aws_source(spec: RootSpec) -> str:
    sources = {name: source or f"hashicorp/{name}" for name, source in spec.contract.providers}
    return sources.get("aws", "")


def _assumes_role(cloud: Cloud) -> bool:
    return bool(cloud.plan_role_arn or cloud.apply_role_arn)


def _aws_provider(spec: RootSpec, cloud: Cloud) -> dict[str, JsonValue]:
    tags = {**cloud.default_tags, STACK_TAG: str(spec.stack), RUN_TAG: spec.run}
    provider: dict[str, JsonValue] = {
        "region": escape_template(cloud.region),
        "allowed_account_ids": [cloud.account],
        "default_tags": {"tags": {escape_template(key): escape_template(value) for key, value in tags.items()}},
        "ignore_tags": {"keys": [RUN_TAG]},
    }
    if _assumes_role(cloud):
        role: dict[str, JsonValue] = {
            "role_arn": f"${{var.{ROLE_VARIABLE}}}",
            "session_name": escape_template(f"sluis-{spec.run}"[:64]),
        }
        provider["assume_role"] = role | (
            {"external_id": escape_template(cloud.external_id)} if cloud.external_id else {}
        )
    return provider


def escape_template(text: str) -> str:
    """``text`` such that Terraform's JSON syntax reads it as a literal."""
    return text.replace("${", "$${").replace("%{", "%%{")
