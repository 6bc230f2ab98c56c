"""The demonstration: VM provisioning once, from the request to a machine that we have looked at ourselves."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from workers.core.errors import EngineError, MissingToolError
from workers.core.records import Decision, StackId
from workers.core.values import JsonValue, now
from workers.engine.rest import OrchestrationRest
from workers.service.assembly import Assembly, open_rest
from workers.service.decisions import REVIEW_ELEMENT, decide, find_task
from workers.service.demo_checks import Verified, verify
from workers.service.happenings import ApprovalWaits, Ended, Happening, IncidentFound
from workers.service.people import signed_in
from workers.service.processes import prepare, start
from workers.service.variables import Given
from workers.service.watch import Watch
from workers.setup import debian

PROCESS: Final = "VmProvisioning"
REQUESTER: Final = "demo"
APPROVER: Final = "act"
_USER_LEVEL_PORT: Final = 18080
_VISIBLE_SECONDS: Final = 180.0


@dataclass(frozen=True)
class Scenario:
    """What is asked for.

    Attributes:
        auto: the approver decides over the engine's API; else a person does, in Tasklist.
        minutes: how long it may take with ``auto``.
    """

    name: str = "web1"
    environment: str = "local"
    message: str = "Hello from Sluis."
    auto: bool = True
    minutes: float = 30

    @property
    def stack(self) -> StackId:
        """The stack that is made."""
        return StackId(environment=self.environment, name=self.name)

    def variables(self) -> dict[str, JsonValue]:
        """What the process is started with."""
        asked: dict[str, JsonValue] = {
            "environment": self.environment, "name": self.name, "message": self.message,
        }  # fmt: skip
        if debian.missing():
            # Nobody may listen on port 80 on this machine but root.
            site: dict[str, JsonValue] = {"web_server_message": self.message, "web_server_port": self.port}
            asked["configure"] = [{"role": "os_baseline", "inputs": {}}, {"role": "web_server", "inputs": site}]
        return asked

    def check(self) -> None:
        """Refuse where the machine and its website could not be made.

        Raises:
            MissingToolError: without root the machine is an sshd of the user, and there is no sshd, or no nginx.
        """
        why = debian.missing()
        if why and (lacking := debian.user_level_missing()):
            raise MissingToolError(
                f"The demonstration's machine would be an sshd of yours ({why}) that serves a page by nginx, and this "
                f"host has no {' and no '.join(lacking)}.",
                f"Install it (apt-get install {' '.join(lacking.values())}), or run `make demo` as root on Linux with "
                "debootstrap, iproute2 and iptables.",
            )

    @property
    def port(self) -> int:
        """Where the page is."""
        return _USER_LEVEL_PORT if debian.missing() else 80


@dataclass
class Demo:
    """One demonstration, while it runs and afterwards.

    Args:
        assembly: the parts; everything is up.
        scenario: what is asked for.
        tell: told of everything that happens.
    """

    assembly: Assembly
    scenario: Scenario
    tell: Callable[[Happening], None]
    began: datetime = field(default_factory=now)
    instance: int = 0
    watch: Watch | None = None
    ended: Ended | None = None
    verified: Verified = field(default_factory=Verified)
    errors: list[str] = field(default_factory=list)
    parts: Mapping[str, float] = field(default_factory=dict)
    finished: datetime | None = None

    @property
    def passed(self) -> bool:
        """Every step was verified."""
        return not self.errors and self.ended is not None and self.ended.good and self.verified.good

    async def run(self) -> None:
        """Start the process, follow it to its end, look at what came of it. What goes wrong is kept in ``errors``."""
        try:
            limit = self.scenario.minutes * 60 if self.scenario.auto else None
            async with asyncio.timeout(limit), open_rest(self.assembly.settings) as rest:
                await self._start()
                await self._follow(rest)
            self.verified = await verify(self.assembly, self.scenario.stack, self.instance, self._page, self._runs)
            self.errors += [check.text for check in self.verified.checks if not check.good]
        except TimeoutError:
            self.errors.append(f"The process had not ended after {self.scenario.minutes:.0f} minutes.")
        finally:
            self.finished = now()

    @property
    def _page(self) -> tuple[int, str]:
        return self.scenario.port, self.scenario.message

    @property
    def _runs(self) -> tuple[str, ...]:
        return tuple(self.watch.runs) if self.watch else ()

    async def _start(self) -> None:
        variables = prepare(self.assembly, PROCESS, Given({}, self.scenario.variables()))
        async with await signed_in(self.assembly.settings, REQUESTER) as rest:
            self.instance = (await start(self.assembly, rest, REQUESTER, PROCESS, variables)).instance

    async def _follow(self, rest: OrchestrationRest) -> None:
        self.watch = Watch(self.assembly, rest, self.instance)
        async for happening in self.watch.happenings(within=_VISIBLE_SECONDS):
            self.tell(happening)
            match happening:
                case ApprovalWaits() if self.scenario.auto:
                    await self._decide(happening)
                case IncidentFound() if self.scenario.auto:
                    raise EngineError(f"{happening.name} is stuck: {happening.message}", f"See {happening.address}.")
                case Ended():
                    self.ended = happening
                    if not happening.good:
                        self.errors.append(f"The process ended at '{happening.end or happening.state}'.")

    async def _decide(self, waits: ApprovalWaits) -> None:
        """Approve as the second user; anything else that people are asked means that something went wrong."""
        if waits.step.element != REVIEW_ELEMENT:
            raise EngineError(f"The process asks people: {waits.step.name}.", f"See {waits.address}.")
        async with await signed_in(self.assembly.settings, APPROVER) as rest:
            task = await find_task(self.assembly, rest, waits.task)
            await decide(rest, task, APPROVER, Decision.APPROVED, "Approved by `sluis demo`.")

    def as_json(self) -> dict[str, JsonValue]:
        """The result as it is kept in ``results/``."""
        steps = sorted(self.watch.steps.values(), key=lambda s: s.key) if self.watch else []
        end = self.finished or now()
        return {
            "scenario": "demo",
            "outcome": "passed" if self.passed else "failed",
            "started": self.began.isoformat(),
            "finished": end.isoformat(),
            "seconds": round((end - self.began).total_seconds(), 3),
            "errors": list(self.errors),
            "process": PROCESS,
            "instance": self.instance or None,
            "requester": REQUESTER,
            "approval": "auto" if self.scenario.auto else "tasklist",
            "stack": str(self.scenario.stack),
            "end": self.ended.as_json() if self.ended else None,
            "coming_up": dict(self.parts),
            "steps": [step.as_json() for step in steps],
            **self.verified.as_json(),
        }


def write_result(project: Path, content: Mapping[str, JsonValue]) -> Path:
    """Keep a result as ``results/demo-<time>.json``."""
    path = project / "results" / f"demo-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
