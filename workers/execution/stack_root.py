"""The root of a stack: a module call, a backend, providers, and the inputs as data.

A catalogue module has neither a backend nor provider configuration, so a stack is a small generated root around a
copy of the module. ``main.tf.json`` holds only what the contract and the environment file say. Whatever a user
asks for is in ``*.tfvars.json``, where Terraform evaluates nothing; in ``main.tf.json`` a string with ``${`` would
be a template, so the few strings that go there are escaped.

Tags: ``sluis:stack`` and ``sluis:run`` are default tags of the AWS provider. A value that differs from plan to plan
would show up as a change of every resource in every plan, so ``sluis:run`` is at the same time in ``ignore_tags``:
the provider sets it when it creates a resource and leaves it out of every later comparison. A resource thus carries
the run whose plan created it, which is what is needed to find what an interrupted apply did not record.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from workers.core.contract import Contract, Input
from workers.core.environment import Cloud, Environment, LocalState, S3State
from workers.core.errors import ContractError, InputError
from workers.core.records import StackId
from workers.core.values import JsonValue
from workers.execution.texts import text_problems
from workers.execution.workspace import write_folder
from workers.runs.folder import Folder, digest_folder, read_folder

LOCK_FILE: Final = ".terraform.lock.hcl"
MAIN_FILE: Final = "main.tf.json"
INPUTS_FILE: Final = "inputs.auto.tfvars.json"
SENSITIVE_FILE: Final = "sensitive.auto.tfvars.json"
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


@dataclass(frozen=True)
class StackRoot:
    """A stack root on disk.

    Attributes:
        folder: where it is.
        ephemeral: values of ephemeral variables; never written into the root, given again at the apply.
    """

    folder: Path
    ephemeral: Mapping[str, JsonValue] = field(default_factory=dict)

    def digest(self) -> str:
        """The workspace digest: over every file, lock file included."""
        return digest_folder(self.folder)

    @property
    def cloud(self) -> bool:
        """Whether a backend or provider in it may need our AWS identity."""
        file = self.folder / MAIN_FILE
        if not file.exists():
            return True
        main = json.loads(file.read_bytes())
        return "provider" in main or "s3" in main.get("terraform", {}).get("backend", {})

    def lock_file(self) -> bytes | None:
        """The provider lock file, once ``init`` has made one."""
        path = self.folder / LOCK_FILE
        return path.read_bytes() if path.exists() else None


def write_root(spec: RootSpec, folder: Path, phase: Phase = "plan") -> StackRoot:
    """Write the root of ``spec`` into the empty private ``folder``.

    Args:
        spec: what it is made from.
        folder: where to; made by ``private_folder``.
        phase: whether the plan's or the apply's cloud role is assumed.

    Raises:
        InputError: an input that the module does not have, or that cannot be handed over.
        ContractError: a module that cannot be called from a generated root.
    """
    rendered = render_root(spec)
    write_folder(folder, rendered.files, rendered.executables)
    if isinstance(spec.environment.state, LocalState):
        _state_path(spec).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return StackRoot(folder, ephemeral_values(spec, phase))


def render_root(spec: RootSpec) -> Folder:
    """Every file of the root. The same specification gives the same bytes.

    Raises:
        InputError: an input that the module does not have, or that cannot be handed over.
        ContractError: a module that cannot be called from a generated root.
    """
    _check_inputs(spec)
    module = read_folder(spec.contract.path)
    lock = {LOCK_FILE: spec.lock_file} if spec.lock_file else {}
    if spec.contract.is_root:
        return Folder({**module.files, **lock, **_tfvars(spec)}, module.executables)
    inner = {f"module/{name}": content for name, content in module.files.items() if name != LOCK_FILE}
    files = {MAIN_FILE: _json(_main(spec)), **inner, **lock, **_tfvars(spec)}
    return Folder(files, frozenset(f"module/{name}" for name in module.executables))


def ephemeral_values(spec: RootSpec, phase: Phase) -> dict[str, JsonValue]:
    """The values that are handed over anew to every plan and apply, and kept nowhere."""
    values = {name: value for name, value in spec.inputs.items() if _input(spec, name).ephemeral}
    cloud = _aws(spec)
    if cloud and _assumes_role(cloud):
        values[ROLE_VARIABLE] = (cloud.plan_role_arn if phase == "plan" else cloud.apply_role_arn) or None
    return values


def escape_template(text: str) -> str:
    """``text`` such that Terraform's JSON syntax reads it as a literal."""
    return text.replace("${", "$${").replace("%{", "%%{")


def _check_inputs(spec: RootSpec) -> None:
    unknown = sorted(name for name in spec.inputs if spec.contract.input(name) is None)
    problems = [f"{name}: the module has no such variable" for name in unknown]
    problems += [problem for name, value in spec.inputs.items() for problem in text_problems(name, value)]
    if problems:
        raise InputError(f"module {spec.contract.name}", tuple(problems))
    if spec.contract.input(ROLE_VARIABLE):
        raise ContractError(
            f"{spec.contract.path}: variable {ROLE_VARIABLE!r} is a name that Sluis uses itself.",
            "Rename the variable.",
        )


def _input(spec: RootSpec, name: str) -> Input:
    found = spec.contract.input(name)
    if found is None:
        raise InputError(f"module {spec.contract.name}", (f"{name}: the module has no such variable",))
    return found


def _tfvars(spec: RootSpec) -> dict[str, bytes]:
    plain: dict[str, JsonValue] = {}
    sensitive: dict[str, JsonValue] = {}
    for name, value in spec.inputs.items():
        declared = _input(spec, name)
        if not declared.ephemeral:
            (sensitive if declared.sensitive else plain)[name] = value
    return {INPUTS_FILE: _json(plain)} | ({SENSITIVE_FILE: _json(sensitive)} if sensitive else {})


def _main(spec: RootSpec) -> dict[str, JsonValue]:
    given = sorted(spec.inputs)
    call: dict[str, JsonValue] = {"source": "./module"}
    main: dict[str, JsonValue] = {
        "terraform": _terraform(spec),
        "module": {"stack": {**call, **{name: f"${{var.{name}}}" for name in given}}},
    }
    variables: dict[str, JsonValue] = {name: _variable(_input(spec, name)) for name in given}
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
    return {"local": {"path": escape_template(str(_state_path(spec)))}}


def _state_path(spec: RootSpec) -> Path:
    return spec.state_folder.resolve() / spec.stack.environment / spec.stack.name / "terraform.tfstate"


def _s3(spec: RootSpec, state: S3State) -> dict[str, JsonValue]:
    settings: dict[str, JsonValue] = {
        "bucket": escape_template(state.bucket),
        "key": escape_template(
            f"{state.key_prefix}/{spec.stack.environment}/{spec.stack.name}/terraform.tfstate".lstrip("/")
        ),
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


def _json(value: Mapping[str, JsonValue]) -> bytes:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"
