"""What tests of the web service build on: a small installation with runs, a plan and people, without an engine."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import httpx
from starlette.types import ASGIApp

from service_kit import parts, project, stack
from workers.core.events import Event, EventKind
from workers.core.records import Change, Counts, Plan, Policy, Run, RunState, StackId
from workers.core.values import digest_bytes, now
from workers.runs.log import log_key
from workers.runs.records import encode
from workers.service.assembly import Assembly
from workers.service.web import Environments
from workers.web.access import Access, Person
from workers.web.api import api_routes
from workers.web.app import Sessions, build_app
from workers.web.guard import Guard
from workers.web.health import Health
from workers.web.logs import LiveLogs, Logs
from workers.web.metrics import Metrics
from workers.web.pages import page_routes
from workers.web.ports import StartForm, Waiting
from workers.web.probes import probe_routes
from workers.web.run_index import RunIndex
from workers.web.sign_in import sign_in_routes
from workers.web.site import Site

RUN = "100-1"
TASK = 77
TOKENS = {name: f"token-of-{name}" for name in ("ci", "reader", "stranger")}
ROLES = """
  roles:
    viewer: [vera, "token:reader"]
    operator: [oscar, "token:ci"]
    approver: [anna, "group:deciders"]
    admin: [root]
"""
SUMMARY = "1 to create, 1 to update, 1 to replace"
BEFORE = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "*"}]}
AFTER = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "arn:aws:s3:::site"}],
}
PLAN = {
    "format_version": "1.2",
    "resource_changes": [
        {
            "address": "module.stack.aws_instance.web",
            "type": "aws_instance",
            "change": {
                "actions": ["delete", "create"],
                "before": {"ami": "ami-1", "user_data": "<script>alert(1)</script>"},
                "after": {"ami": "ami-2", "user_data": "<script>alert(1)</script>", "password": "(sensitive)"},
                "after_unknown": {"id": True},
                "before_sensitive": {},
                "after_sensitive": {"password": True},
                "replace_paths": [["ami"]],
            },
        },
        {
            "address": "module.stack.aws_eip.web",
            "type": "aws_eip",
            "change": {
                "actions": ["create"], "before": None, "after": {"domain": "vpc"}, "after_unknown": {},
                "before_sensitive": False, "after_sensitive": {},
            },
        },
        {
            "address": "module.stack.aws_iam_policy.reader",
            "type": "aws_iam_policy",
            "change": {
                "actions": ["update"],
                "before": {"name": "reader", "policy": json.dumps(BEFORE)},
                "after": {"name": "reader", "policy": json.dumps(AFTER)},
                "after_unknown": {}, "before_sensitive": {}, "after_sensitive": {},
            },
        },
    ],
    "output_changes": {},
}  # fmt: skip


@dataclass
class OpenDesk:
    """A desk without an engine: it lets in whose password is their name, and keeps what was done."""

    open: tuple[Waiting, ...] = ()
    done: list[tuple[object, ...]] = field(default_factory=list)

    async def let_in(self, user: str, password: str) -> bool:
        return user == password

    async def waiting(self) -> tuple[Waiting, ...]:
        return self.open

    def forms(self) -> tuple[StartForm, ...]:
        fields = (
            {"key": "name", "type": "textfield", "label": "Name", "validate": {"required": True}},
            {"key": "environment", "type": "select", "label": "Where", "values": [{"label": "l", "value": "local"}]},
        )
        return (StartForm("Order", "Order a thing", fields),)

    async def start(self, person, process, texts, values) -> int:
        self.done.append(("start", person.name, process, dict(texts), dict(values)))
        return 4711

    async def decide(self, person, waiting, decision, reason, password) -> None:
        self.done.append(("decide", person.name, waiting.task, decision, reason))

    async def family(self, instance: int) -> frozenset[int]:
        return frozenset((instance, 10))

    def operate(self, instance: int) -> str:
        return f"http://engine.test/operate/processes/{instance}"

    def tasklist(self, task: int) -> str:
        return f"http://engine.test/tasklist/{task}"


@dataclass
class Installation:
    """A web application with its parts."""

    assembly: Assembly
    site: Site
    desk: OpenDesk
    app: ASGIApp
    routers: tuple[object, ...]

    def client(self, **more: object) -> httpx.AsyncClient:
        """A client that is nobody yet."""
        return client(self.app, **more)

    async def signed_in(self, user: str) -> httpx.AsyncClient:
        """A browser in which that user has signed in."""
        async with self.client(headers={"Accept": "text/html"}) as http:
            form = {"user": user, "password": user, "csrf": csrf_in((await http.get("/sign-in")).text)}
            assert (await http.post("/sign-in", data=form)).status_code == 303
        return self.client(headers={"Accept": "text/html"}, cookies=http.cookies)

    def machine(self, name: str) -> httpx.AsyncClient:
        """A machine with its token."""
        return self.client(headers={"Authorization": f"Bearer {TOKENS[name]}"})


def client(app: ASGIApp, **more: object) -> httpx.AsyncClient:
    """A client that talks to the application without a socket."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sluis.test", **more)


def csrf_in(page: str) -> str:
    """The form token in a page."""
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found, page[:500]
    return found[1]


async def installation(folder: Path, *, lines: int = 3) -> Installation:
    """An installation with one stack, one run with a plan and a log, and one open decision."""
    assembly = parts(project(folder))
    for path in (folder / "environments").glob("*.yaml"):
        path.write_text(
            path.read_text().replace("people: {", "people:\n  ").replace(", groups", "\n  groups")[:-2] + ROLES
        )
    (folder / "environments" / "other.yaml").write_text("name: other\npeople:\n  roles:\n    admin: [root]\n")
    change = await recorded(assembly)
    await write_log(assembly, lines)
    open_ = (_waiting(change),)
    desk = OpenDesk(open_)
    site = site_of(assembly, desk)
    routers = (
        probe_routes(Health({}), Metrics()), sign_in_routes(site), page_routes(site), api_routes(site, assembly.log),
    )  # fmt: skip
    return Installation(assembly, site, desk, build_app(routers, sessions=Sessions("test")), routers)


def site_of(assembly: Assembly, desk: OpenDesk) -> Site:
    """What pages work with, over the parts of an assembly."""
    context, logs = assembly.context, Logs(assembly.store)

    async def ended(run: str) -> bool:
        found = await context.runs.find(run)
        return found is None or found.state.ended

    tokens = {name: sha256(token.encode()).hexdigest() for name, token in TOKENS.items()}

    async def bearer(token: str) -> Person | None:
        return Person("dora", "oidc", ("deciders",)) if token == "of-dora" else None

    guard = Guard(Access(Environments(context)), tokens, bearer)
    return Site(context, RunIndex(assembly.store, context.runs), desk, guard, logs, LiveLogs(logs, ended, pause=0.02))


async def recorded(assembly: Assembly) -> str:
    """A stack with a planned change; returns the change's digest."""
    await stack(assembly, "local/web1")
    await stack(assembly, "other/hidden")
    document = json.dumps(PLAN).encode()
    plan = Plan(
        digest=digest_bytes(document), stack=StackId(environment="local", name="web1"), operation="apply",
        module="box", module_digest="0" * 64, workspace_digest="1" * 64, inputs={},
        counts=Counts(create=1, update=1, replace=1),
        changes=(), empty_before=True, has_changes=True, tool="OpenTofu 1.12.6", run=RUN, process_instance=10,
        created=now(), expires=now(),
    )  # fmt: skip
    context = assembly.context
    await context.plans.save(plan, b"file", b"workspace", document)
    change = Change(environment="local", stack="local/web1", plan=plan.digest, process_instance=10)
    digest = await context.changes.save(change)
    await context.changes.set_policy(Policy(change=digest, approvals=1, group="approvers", created=now()))
    await context.audit.add("local/web1", "oscar", "requested", process_instance=10)
    result = {"plan": {"change": digest, "summary": SUMMARY}}
    await save_run(assembly, RUN, "local/web1", result=result)
    await save_run(assembly, "200-1", "other/hidden")
    return digest


async def save_run(assembly: Assembly, run: str, stack_: str, state: RunState = RunState.FINISHED, **more) -> Run:
    """A run on record."""
    found = Run(
        id=run, job_type="terraform.box.plan", job_key=int(run.split("-", 1)[0]), attempt=1, element="Task_Plan",
        element_instance=1, process="TerraformChange", process_instance=10, stack=stack_, worker="w", state=state,
        reported=state.ended, created=now(), started=now(), ended=now() if state.ended else None, **more,
    )  # fmt: skip
    await assembly.store.write(f"runs/{run}/run.json", encode(found))
    return found


async def write_log(assembly: Assembly, lines: int, run: str = RUN, first: int = 0) -> None:
    """That many lines at the end of a run's log; every tenth tells of a resource."""
    events = (event(number) for number in range(first, first + lines))
    await assembly.store.append(
        log_key(run), b"".join(e.model_dump_json(exclude_defaults=True).encode() + b"\n" for e in events)
    )


def event(number: int) -> Event:
    """One line of a log."""
    if number % 10 == 0:
        subject = f"terraform_data.box[{number}]"
        return Event(time=now(), kind=EventKind.RESOURCE, text=f"{subject}: created", subject=subject, state="ok")
    return Event(time=now(), kind=EventKind.OUTPUT, text=f"line {number} \x1b[32mgreen\x1b[0m")


def _waiting(change: str) -> Waiting:
    policy = Policy(change=change, approvals=1, group="approvers", created=now())
    return Waiting(
        TASK, 10, "TerraformChange", change, "local/web1", SUMMARY, RUN, "oscar", "", now(), policy,
        f"http://engine.test/tasklist/{TASK}",
    )  # fmt: skip
