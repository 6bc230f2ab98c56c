"""Run OpenTofu or Terraform on a stack root: plan, apply exactly that plan, read outputs and state."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from workers.core.errors import MissingToolError, ToolError
from workers.core.events import Event
from workers.core.records import Operation
from workers.core.redaction import Redactor, secret_strings
from workers.core.values import digest_bytes
from workers.execution.inits import Inits, Likeness, wants_init
from workers.execution.kept import read
from workers.execution.plan_json import managed_resources
from workers.execution.plan_markdown import read_plan
from workers.execution.process import Control, ToolResult, run_tool, tool_environment
from workers.execution.stack_root import WORK_FOLDER, StackRoot
from workers.execution.terraform_calls import Applied, Call, Outputs, Planned
from workers.execution.terraform_events import Stream, read_diagnostic
from workers.execution.terraform_program import COLLECTOR, INIT_JSON_SINCE, plugin_cache_lock, read_version, relink

_LINE_CHARACTERS: Final = 65536
_DOCUMENT_CHARACTERS: Final = 512 * 1024 * 1024
_CHANGES: Final = 2  # -detailed-exitcode
_OLDEST: Final = (1, 6, 0)

_T = TypeVar("_T")

__all__ = ["Applied", "Call", "Outputs", "Planned", "TerraformTool"]


@dataclass(frozen=True)
class TerraformTool:
    """One tofu or terraform program.

    Attributes:
        program: the executable.
        product: ``OpenTofu`` or ``Terraform``.
        version: its version.
        cli_config: its CLI configuration file, e.g. with a provider mirror.
        plugin_cache: where providers are kept between runs; without it each run installs its own.
        inits: what its inits have made until now.
    """

    program: Path
    product: str
    version: tuple[int, int, int]
    cli_config: Path | None = None
    plugin_cache: Path | None = None
    inits: Inits = field(default_factory=Inits, compare=False, repr=False)

    @property
    def name(self) -> str:
        """Product and version, e.g. ``OpenTofu 1.12.6``."""
        return f"{self.product} {'.'.join(map(str, self.version))}"

    @classmethod
    async def probe(
        cls, program: Path, cli_config: Path | None = None, plugin_cache: Path | None = None
    ) -> TerraformTool:
        """Ask ``program`` what it is.

        Raises:
            MissingToolError: it is not there, cannot be run, or is too old.
        """
        tool = cls(program, "OpenTofu", _OLDEST, cli_config, plugin_cache)
        lines: list[str] = []
        control = Control(timeout=timedelta(seconds=60))
        result = await run_tool(
            [program, "version"], cwd=program.parent, env=tool._environment({}), on_line=lines.append, control=control
        )
        product, version = read_version(lines)
        if result.exit_status or not product:
            raise MissingToolError(
                f"{program} is neither OpenTofu nor Terraform: {' '.join(lines)[:200]}",
                "Set SLUIS_TOFU to the right program.",
            )
        if version < _OLDEST:
            raise MissingToolError(
                f"{program} is version {'.'.join(map(str, version))}; 1.6 or newer is needed.",
                "Set SLUIS_TOFU to a newer one.",
            )
        return replace(tool, product=product, version=version)

    async def init(self, root: StackRoot, *, call: Call) -> None:
        """Install providers and modules and connect the backend. Takes 0.1 s where nothing has to be downloaded.

        Raises:
            ToolError: with the tool's first error, file and line.
        """
        await self._init(root, Likeness.of(root), call)

    async def _init(self, root: StackRoot, like: Likeness | None, call: Call) -> None:
        async with plugin_cache_lock(self.plugin_cache):
            if self.inits.restore(like, root):  # it was made while we waited
                return
            options = ["-json"] if self.version >= INIT_JSON_SINCE[self.product] else []
            await self._stream(root, "init", ["init", *options], call=call)
            relink(root.folder / WORK_FOLDER / "providers")
            self.inits.keep(like, root)

    async def _on_ready(self, root: StackRoot, call: Call, work: Callable[[Call], Awaitable[_T]]) -> _T:
        """Do ``work`` in a root that is ready for it: by an init of a root like it, or by its own.

        It is done again after an init where the tool asks for one and has not begun with any resource.
        """
        like = Likeness.of(root)
        if like and self.inits.restore(like, root):
            begun: list[Event] = []

            def sink(event: Event) -> None:
                if event.state:
                    begun.append(event)
                call.sink(event)

            try:
                return await work(replace(call, sink=sink))
            except ToolError as error:
                if begun or not wants_init(error):
                    raise
                self.inits.forget(like, root)
        await self._init(root, like, call)
        return await work(call)

    async def validate(self, root: StackRoot, *, call: Call) -> None:
        """Check the configuration of the root without touching anything.

        Raises:
            ToolError: with the tool's first error, file and line.
        """
        await self._on_ready(root, call, partial(self._validate, root))

    async def _validate(self, root: StackRoot, call: Call) -> None:
        result, document = await self._document(root, "validate", ["validate", "-json"], call)
        errors = [
            read_diagnostic(entry) for entry in document.get("diagnostics", []) if entry.get("severity") == "error"
        ]
        if errors or not document.get("valid"):
            raise Stream(call.sink, call.redactor, errors).failure("validate", result)

    async def plan(self, root: StackRoot, *, operation: Operation, call: Call) -> Planned:
        """Make a saved plan.

        Args:
            root: the stack root; its workspace digest is final after this.
            operation: apply or destroy.
            call: how to run.

        Raises:
            ToolError: with the tool's first error, file and line.
            StateLockedError: somebody else holds the state.
            ToolInterruptedError: it was stopped.
        """
        return await self._on_ready(root, call, partial(self._plan, root, operation, time.monotonic()))

    async def _plan(self, root: StackRoot, operation: Operation, started: float, call: Call) -> Planned:
        file = root.folder / WORK_FOLDER / "sluis.tfplan"
        options = ["-destroy"] if operation is Operation.DESTROY else []
        command = ["plan", "-json", "-detailed-exitcode", _lock(call), f"-out={file}", *options]
        with root.ephemeral_options() as variables:
            result = await self._stream(root, "plan", [*command, *variables], call=call, good=(0, _CHANGES))
        content = file.read_bytes()
        document = await self._show(root, file, call)
        facts = read_plan(document, has_changes=result.exit_status == _CHANGES, redactor=_knowing(call.redactor, root))
        return Planned(content, digest_bytes(content), facts, time.monotonic() - started)

    async def apply(self, root: StackRoot, plan: bytes, *, call: Call) -> Applied:
        """Apply exactly this saved plan.

        Raises:
            StalePlanError: the state has moved on since the plan was made.
            ToolError: the apply failed; what it had made until then is in the state.
            ToolInterruptedError: it was stopped; with ``killed``, nobody knows what it did last.
        """
        return await self._on_ready(root, call, partial(self._apply, root, plan, time.monotonic()))

    async def _apply(self, root: StackRoot, plan: bytes, started: float, call: Call) -> Applied:
        file = root.folder / WORK_FOLDER / "approved.tfplan"
        file.write_bytes(plan)
        with root.ephemeral_options() as variables:
            command = ["apply", "-json", _lock(call), *variables, str(file)]
            await self._stream(root, "apply", command, call=call, kept=call.kept)
        outputs = await self._outputs(root, call)
        return Applied(outputs.outputs, outputs.sensitive_outputs, time.monotonic() - started)

    async def take_over(self, root: StackRoot, kept: Path, *, call: Call) -> Applied | None:
        """The result of an apply that outlived its worker, from what the tool wrote; None where that shows no end.

        The summary of changes is written last, after the state and only by an apply that went well
        (github.com/opentofu/opentofu, internal/command/apply.go).

        Raises:
            ToolError: the apply failed, as in `apply`.
        """
        stream = Stream(call.sink, call.redactor)
        read(kept, stream.line, stream.line, _LINE_CHARACTERS)
        if not stream.applied:
            if stream.errors:
                failed = ToolResult(1, interrupted=False, timed_out=False, killed=False, seconds=0, tail=())
                raise stream.failure("apply", failed)
            return None
        outputs = await self.outputs(root, call=call)
        return Applied(outputs.outputs, outputs.sensitive_outputs, 0)

    async def push_state(self, root: StackRoot, state: bytes, *, call: Call) -> None:
        """Put a state in the place of the one that the backend has, where it follows from that one.

        Raises:
            ToolError: the backend has a newer state or one of another lineage, or cannot be written.
        """
        await self._on_ready(root, call, partial(self._push_state, root, state))

    async def _push_state(self, root: StackRoot, state: bytes, call: Call) -> None:
        file = root.folder / WORK_FOLDER / "pushed.tfstate"
        file.write_bytes(state)
        stream = Stream(call.sink, call.redactor)
        argv = ["state", "push", "-no-color", _lock(call), str(file)]
        result = await self._run(root, argv, stream.line, stream.line, call, _LINE_CHARACTERS)
        if result.exit_status:
            raise stream.failure("state push", result)

    async def outputs(self, root: StackRoot, *, call: Call) -> Outputs:
        """The outputs in the state."""
        return await self._on_ready(root, call, partial(self._outputs, root))

    async def state_is_empty(self, root: StackRoot, *, call: Call) -> bool:
        """Whether the state holds no managed resource."""
        return await self._on_ready(root, call, partial(self._state_is_empty, root))

    async def _state_is_empty(self, root: StackRoot, call: Call) -> bool:
        result, document = await self._document(root, "show", ["show", "-json"], call)
        if result.exit_status:
            raise Stream(call.sink, call.redactor).failure("show", result)
        return not any(managed_resources((document.get("values") or {}).get("root_module") or {}))

    async def _show(self, root: StackRoot, file: Path, call: Call) -> dict[str, Any]:
        with root.ephemeral_options() as variables:
            # Only tofu wants the variables again to read its own plan.
            options = variables if self.product == "OpenTofu" else []
            result, document = await self._document(root, "show", ["show", "-json", *options, str(file)], call)
        if result.exit_status or not document:
            raise Stream(call.sink, call.redactor).failure("show", result)
        return document

    async def _outputs(self, root: StackRoot, call: Call) -> Outputs:
        result, document = await self._document(root, "output", ["output", "-json"], call)
        if result.exit_status:
            raise Stream(call.sink, call.redactor).failure("output", result)
        shown = {name: output["value"] for name, output in document.items() if not output["sensitive"]}
        hidden = {name: output["value"] for name, output in document.items() if output["sensitive"]}
        return Outputs(shown, hidden)

    async def _document(
        self, root: StackRoot, doing: str, command: list[str], call: Call
    ) -> tuple[ToolResult, dict[str, Any]]:
        # Its output holds secrets: it is read here and goes to no log.
        lines: list[str] = []
        errors = Stream(call.sink, call.redactor)
        result = await self._run(
            root, [command[0], "-no-color", *command[1:]], lines.append, errors.line, call, _DOCUMENT_CHARACTERS
        )
        if result.interrupted:
            raise errors.failure(doing, result)
        return replace(result, tail=()), _read_document(lines)

    async def _stream(
        self,
        root: StackRoot,
        doing: str,
        command: list[str],
        *,
        call: Call,
        good: tuple[int, ...] = (0,),
        kept: Path | None = None,
    ) -> ToolResult:
        stream = Stream(call.sink, call.redactor)
        argv = [command[0], "-input=false", "-no-color", *command[1:]]
        result = await self._run(root, argv, stream.line, stream.line, call, _LINE_CHARACTERS, kept)
        if result.exit_status not in good:
            raise stream.failure(doing, result)
        return result

    async def _run(
        self,
        root: StackRoot,
        argv: list[str],
        on_line: Any,
        on_error: Any,
        call: Call,
        max_line: int,
        kept: Path | None = None,
    ) -> ToolResult:
        env = tool_environment({**self._environment(call.env), **self._own_environment()}, cloud=root.cloud)
        return await run_tool(
            [self.program, *argv],
            cwd=root.folder,
            env=env,
            on_line=on_line,
            on_error_line=on_error,
            control=call.control,
            max_line=max_line,
            kept=kept,
        )

    def _environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        return tool_environment({**extra, **self._own_environment()})

    def _own_environment(self) -> dict[str, str]:
        own = {"TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1"} | COLLECTOR
        # A file that is named and absent makes the tool print warnings into the midst of its JSON.
        config = self.cli_config or Path(os.environ.get("TF_CLI_CONFIG_FILE") or "/nonexistent")
        if config.is_file():
            own["TF_CLI_CONFIG_FILE"] = str(config.resolve())
        if self.plugin_cache:
            own["TF_PLUGIN_CACHE_DIR"] = str(self.plugin_cache.resolve())
        return own


def _read_document(lines: list[str]) -> dict[str, Any]:
    text = "\n".join(lines)
    start = text.find("{")
    try:
        document = json.JSONDecoder().raw_decode(text, start)[0] if start >= 0 else {}
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _lock(call: Call) -> str:
    return f"-lock-timeout={call.lock_timeout.total_seconds():.0f}s"


def _knowing(redactor: Redactor, root: StackRoot) -> Redactor:
    return redactor.plus(text for value in root.ephemeral.values() for text in secret_strings(value))
