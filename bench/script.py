"""What an installation is compared with: the same tofu and ansible commands, one after another, and nothing else."""

from __future__ import annotations

import asyncio
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bench.installation import Installation
from workers.core.contract import Kind
from workers.core.records import HostAddress, StackId
from workers.core.values import JsonValue
from workers.execution.ansible_files import RolePlay, write_play
from workers.execution.process import tool_environment
from workers.execution.stack_root import RootSpec, write_root

PLAN: Final = (("init", "-input=false"), ("plan", "-input=false", "-out=the.tfplan"), ("show", "-json", "the.tfplan"))
APPLY: Final = (("apply", "-input=false", "the.tfplan"), ("output", "-json"))
DESTROY: Final = (("destroy", "-input=false", "-auto-approve"),)
_SECONDS: Final = 60


class Script:
    """Runs the commands of one stack in a folder of its own.

    Args:
        made: where modules, roles, keys and the tool come from.
        folder: an empty folder.

    Attributes:
        seconds: how long its commands have taken.
    """

    def __init__(self, made: Installation, folder: Path) -> None:
        self.seconds = 0.0
        self._made = made
        self._folder = folder
        self._root = folder / "root"
        own = {"TF_CLI_CONFIG_FILE": str(made.tofu.cli_config)} if made.tofu.cli_config else {}
        self._env = tool_environment({**made.assembly.context.variables, **own, "TF_IN_AUTOMATION": "1"})

    def write_root(self, module: str, name: str, inputs: Mapping[str, JsonValue]) -> Path:
        """The same stack root that the worker makes, with a state of its own."""
        context = self._made.assembly.context
        self._root.mkdir(parents=True, mode=0o700)
        stack = StackId(environment="local", name=name)
        contract, environment = context.contract(Kind.MODULE, module), context.environment("local")
        write_root(RootSpec(stack, contract, environment, inputs, "bench", self._folder / "state"), self._root)
        return self._root

    async def tofu(self, *commands: tuple[str, ...]) -> bytes:
        """Run tofu once for each; what the last one said."""
        said = b""
        for words in commands:
            said = await self._run([str(self._made.tofu.path), *words], self._root)
        return said

    async def role(self, role: str, inputs: Mapping[str, JsonValue], host: HostAddress) -> None:
        """Run a role on a host."""
        context = self._made.assembly.context
        folder = self._folder / role
        folder.mkdir(mode=0o700)
        access = context.access(context.environment("local"))
        write_play(RolePlay(role, context.contract(Kind.ROLE, role).path, inputs, (host,), access), folder)
        files = ("-i", str(folder / "inventory.yml"), "-e", f"@{folder / 'inputs.yml'}", str(folder / "play.yml"))
        argv = [sys.executable, "-m", "ansible", "playbook", "--diff", *files]
        await self._run(argv, folder, {"ANSIBLE_CONFIG": str(folder / "ansible.cfg"), "LC_ALL": "C.UTF-8"})

    async def _run(self, argv: list[str], cwd: Path, more: Mapping[str, str] | None = None) -> bytes:
        pipe = asyncio.subprocess.PIPE
        began = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            *argv, cwd=cwd, env={**self._env, **(more or {})}, stdout=pipe, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await process.communicate()
        self.seconds += time.perf_counter() - began
        if process.returncode:
            raise RuntimeError(f"{' '.join(argv[:3])} failed: {said.decode()[-2000:]}")
        return said


async def reachable(host: HostAddress) -> float:
    """Wait until the host's SSH port answers; for how many seconds."""
    began = time.monotonic()
    while True:
        try:
            _, writer = await asyncio.open_connection(host.address, host.port)
        except OSError:
            if time.monotonic() > began + _SECONDS:
                raise
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return time.monotonic() - began


async def page(host: HostAddress) -> str:
    """The website of a host."""
    address = f"http://{host.address}/"
    return await asyncio.to_thread(lambda: urllib.request.urlopen(address, timeout=10).read().decode())
