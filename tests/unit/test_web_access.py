"""Who gets in: every route is tried by nobody, by somebody unknown, and by a role that is too low."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from types import SimpleNamespace

import pytest
from fastapi.routing import APIRoute

from web_kit import RUN, TASK, TOKENS, Installation, client, csrf_in, installation
from workers.core.environment import Environment
from workers.core.settings import Settings
from workers.service.web import Parts, routers_of
from workers.web.access import Access, Person, Role
from workers.web.app import Sessions, build_app
from workers.web.health import Health
from workers.web.metrics import Metrics

OPEN = {"/api/health", "/api/health/live", "/api/health/ready", "/metrics", "/sign-in", "/sign-out"}
LOWEST = {
    ("POST", "/start/{process}"): Role.OPERATOR,
    ("GET", "/start/{process}"): Role.OPERATOR,
    ("POST", "/approvals/{task}"): Role.APPROVER,
    ("POST", "/api/processes/{process}"): Role.OPERATOR,
    ("POST", "/api/approvals/{task}"): Role.APPROVER,
    ("GET", "/api/log-level"): Role.ADMIN,
    ("PUT", "/api/log-level"): Role.ADMIN,
}
"""What needs more than the role viewer."""
PEOPLE = {Role.VIEWER: "vera", Role.OPERATOR: "oscar", Role.APPROVER: "anna", Role.ADMIN: "root"}
# Lists are not refused: they show what one may see, which for a stranger is nothing.
LISTS = {
    "/",
    "/runs",
    "/stacks",
    "/approvals",
    "/api/runs",
    "/api/stacks",
    "/api/approvals",
    "/api/docs",
    "/api/openapi.json",
}


@pytest.fixture
async def sluis(tmp_path) -> Installation:
    return await installation(tmp_path)


def routes(sluis: Installation) -> Iterator[tuple[str, str]]:
    for router in sluis.routers:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            yield from ((method, route.path) for method in route.methods if method != "HEAD")


def guarded(sluis: Installation) -> list[tuple[str, str]]:
    return [(method, path) for method, path in routes(sluis) if path not in OPEN]


async def attempt(http, method: str, path: str, csrf: str = ""):
    values = {"run_id": RUN, "environment": "local", "name": "web1", "process": "Order", "task": TASK}
    change = "0" * 64
    if path.startswith("/api/"):
        bodies = {
            "/api/log-level": {"level": "info"},
            "/api/approvals/{task}": {"change": change, "decision": "approved"},
        }
        body = bodies.get(path, {"texts": {"environment": "local", "name": "n"}})
        extra = {"json": body} if method != "GET" else {}
        query = "?text=line" if path.endswith("/search") else ""
        return await http.request(method, path.format(**values) + query, headers={"X-CSRF-Token": csrf}, **extra)
    form = {"csrf": csrf, "change": change, "decision": "approved", "environment": "local", "name": "n"}
    return await http.request(method, path.format(**values), **({"data": form} if method == "POST" else {}))


def turned_away(answer) -> bool:
    to_sign_in = answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")
    return to_sign_in or answer.status_code == 401


async def test_no_route_answers_nobody(sluis):
    """Without an account, and with a token that nobody has, every route but the open ones turns the caller away."""
    known = guarded(sluis)
    assert len(known) > 20
    async with sluis.client(headers={"Accept": "text/html"}) as nobody:
        for method, path in known:
            assert turned_away(await attempt(nobody, method, path)), (method, path)
    async with sluis.client(headers={"Authorization": "Bearer wrong"}) as wrong:
        for method, path in known:
            answer = await attempt(wrong, method, path)
            assert answer.status_code in (401, 429), (method, path)


async def test_no_route_answers_a_role_that_is_too_low(sluis):
    """Each route refuses who has one role less than it needs; somebody with no role anywhere sees nothing at all."""
    for method, path in guarded(sluis):
        if path in LISTS:
            continue
        needed = LOWEST.get((method, path), Role.VIEWER)
        user = PEOPLE.get(Role(needed - 1), "nobody-special")
        async with await sluis.signed_in(user) as http:
            sluis.site.guard.sign_ins._buckets.clear()
            csrf = csrf_in((await http.get("/runs")).text)
            answer = await attempt(http, method, path, csrf)
        assert answer.status_code in (403, 404), (method, path, user, answer.status_code)
    assert sluis.desk.done == []


async def test_every_route_answers_the_role_that_it_needs(sluis):
    """What is refused above is refused for the role alone: with the needed one the same request gets through."""
    for method, path in guarded(sluis):
        needed = LOWEST.get((method, path), Role.VIEWER)
        if path.endswith("/live"):
            continue  # a stream: has a test of its own
        async with await sluis.signed_in(PEOPLE[needed]) as http:
            sluis.site.guard.sign_ins._buckets.clear()
            csrf = csrf_in((await http.get("/runs")).text)
            answer = await attempt(http, method, path, csrf)
        # 409: the decision got as far as the comparison of digests
        assert answer.status_code in (200, 201, 303, 307, 409), (method, path, answer.status_code, answer.text[:300])


async def test_lists_show_only_what_one_may_see(sluis):
    """A viewer of one environment sees its runs and stacks, and nothing of another customer's."""
    async with sluis.machine("reader") as http:
        runs = (await http.get("/api/runs")).json()
        stacks = (await http.get("/api/stacks")).json()["stacks"]
        assert [run["id"] for run in runs["runs"]] == [RUN]
        assert runs["runs"] == [(await http.get(f"/api/runs/{RUN}")).json()]
        assert [stack["id"]["name"] for stack in stacks] == ["web1"]
        assert (await http.get("/api/runs/200-1")).status_code == 404
        assert (await http.get("/api/stacks/other/hidden")).status_code == 404
    async with sluis.machine("stranger") as http:
        assert (await http.get("/api/runs")).json() == {"total": 0, "runs": []}
        assert (await http.get("/api/approvals")).json() == {"waiting": []}


async def test_a_request_of_another_site_changes_nothing(sluis):
    """With a session but without its form token, or from a foreign origin, nothing is started."""
    async with await sluis.signed_in("oscar") as http:
        csrf = csrf_in((await http.get("/runs")).text)
        form = {"environment": "local", "name": "n"}
        assert (await http.post("/start/Order", data=form)).status_code == 403
        foreign = {"Origin": "https://evil.example"}
        assert (await http.post("/start/Order", data=form | {"csrf": csrf}, headers=foreign)).status_code == 403
        assert sluis.desk.done == []
        assert (await http.post("/start/Order", data=form | {"csrf": csrf})).status_code == 303
    assert [act[:3] for act in sluis.desk.done] == [("start", "oscar", "Order")]


async def test_each_stage_of_a_process_needs_the_role(sluis):
    """Who may start something in one environment cannot name another one as a stage, with or without the first."""
    async with sluis.machine("ci") as http:
        for texts in ({"stages": "local, other"}, {"environment": "local", "stages": "other"}):
            assert (await http.post("/api/processes/Order", json={"texts": texts})).status_code == 404
        assert (await http.post("/api/processes/Order", json={"texts": {"stages": "local,local"}})).status_code == 201


async def test_the_role_is_that_of_the_environment_that_is_used(sluis):
    """An operator of one environment cannot name it beside another one, so that the wrong one is looked at."""
    both = {"variables": {"environment": "local"}, "texts": {"environment": "other"}}
    async with sluis.machine("ci") as http:
        assert (await http.post("/api/processes/Order", json=both)).status_code == 400
        assert (await http.post("/api/processes/Order", json={"texts": {"environment": "other"}})).status_code == 404
        assert (
            await http.post("/api/processes/Order", json={"variables": {"environment": ["local"]}})
        ).status_code == 403
        assert sluis.desk.done == []
        assert (await http.post("/api/processes/Order", json={"texts": {"environment": "local"}})).status_code == 201


async def test_nobody_signs_in_under_the_name_of_a_machine(sluis):
    """A name at the engine that looks like a token's is refused, whatever the engine says."""
    async with sluis.client() as http:
        csrf = csrf_in((await http.get("/sign-in")).text)
        form = {"user": "token:ci", "password": "token:ci", "csrf": csrf}
        assert (await http.post("/sign-in", data=form)).status_code == 401


async def test_a_token_never_decides(sluis):
    """A machine with the role approver is refused: a decision is a person's."""
    sluis.site.guard.tokens["ci"] = sha256(TOKENS["ci"].encode()).hexdigest()
    path = sluis.assembly.context.project / "environments" / "local.yaml"
    path.write_text(path.read_text().replace("[anna,", '[anna, "token:ci",'))
    change = sluis.desk.open[0].change
    async with sluis.machine("ci") as http:
        answer = await http.post(f"/api/approvals/{TASK}", json={"change": change, "decision": "approved"})
    assert answer.status_code == 403
    assert sluis.desk.done == []


async def test_groups_of_the_identity_provider_count(sluis):
    """A person whose provider says that they are in an approving group may decide, by a bearer token."""
    change = sluis.desk.open[0].change
    async with sluis.client(headers={"Authorization": "Bearer of-dora"}) as http:
        answer = await http.post(f"/api/approvals/{TASK}", json={"change": change, "decision": "approved"})
    assert answer.status_code == 200
    assert [act[1] for act in sluis.desk.done] == ["dora"]


async def test_guessing_passwords_is_slowed_down(sluis):
    """After a few wrong passwords for one name nothing more is tried for a while, not even the right one."""
    async with sluis.client() as http:
        form = {"user": "root", "csrf": csrf_in((await http.get("/sign-in")).text)}
        wrong = [(await http.post("/sign-in", data=form | {"password": "no"})).status_code for _ in range(10)]
        assert wrong == [401] * 10
        assert (await http.post("/sign-in", data=form | {"password": "root"})).status_code == 429


async def test_sign_in_leads_nowhere_else(sluis):
    """An address of another site as the place to go after signing in is not followed."""
    for to in ("https://evil.example/", "//evil.example", "/\\evil.example"):
        async with sluis.client() as http:
            form = {"user": "vera", "password": "vera", "to": to, "csrf": csrf_in((await http.get("/sign-in")).text)}
            assert (await http.post("/sign-in", data=form)).headers["location"] == "/"


async def test_signing_out_ends_the_session(sluis):
    """After signing out the same browser is nobody."""
    async with await sluis.signed_in("vera") as http:
        csrf = csrf_in((await http.get("/runs")).text)
        await http.post("/sign-out", data={"csrf": csrf})
        assert turned_away(await http.get("/runs"))


def test_roles_come_from_names_groups_and_tokens():
    """The highest role that a person's name or one of their groups has in the environment counts; no list, no role."""
    people = {
        "groups": {"approvers": ["anna"], "ops": ["anna"]},
        "roles": {"viewer": ["vera"], "approver": ["group:ops"]},
    }
    access = Access(lambda: {"a": Environment(name="a", people=people), "b": Environment(name="b")})
    assert access.role(Person("anna", "engine"), "a") is Role.APPROVER
    assert access.role(Person("vera", "engine"), "a") is Role.VIEWER
    assert access.role(Person("otto", "oidc", ("ops",)), "a") is Role.APPROVER
    assert access.role(Person("token:x", "token", ("ops",)), "a") is Role.NONE
    assert access.role(Person("anna", "engine"), "b") is Role.NONE
    assert access.everywhere(Person("anna", "engine")) is Role.NONE
    assert access.anywhere(Person("anna", "engine")) is Role.APPROVER


SIGNED = {"/slack/{environment}", "/api/hooks/github"}
"""Routes of machines that sign what they send; forged and repeated requests are tried in tests of their own."""


async def test_the_route_table_of_a_worker_has_nothing_that_is_not_tried(sluis):
    """A worker with everything switched on serves what is tried above, what is signed, and nothing else."""
    more = {
        "webhook_secret": "s", "webhook_process": "Order", "oidc_issuer": "https://id.example", "oidc_client_id": "c",
    }  # fmt: skip
    settings = Settings(**{**sluis.assembly.settings.model_dump(), **more})
    assembly = replace(sluis.assembly, settings=settings)
    made = Parts(assembly, None, SimpleNamespace(address="http://engine.test"), Metrics(), sluis.site.index)
    table = {
        (method, route.path)
        for router in routers_of(made, Health({}), "http://sluis.test")
        for route in router.routes
        for method in route.methods - {"HEAD"}
    }
    provider = {("GET", "/sign-in/provider"), ("GET", "/sign-in/back")}
    signed = {("POST", path) for path in SIGNED}
    assert table == set(routes(sluis)) | provider | signed
    app = build_app(routers_of(made, Health({}), "http://sluis.test"), sessions=Sessions("test"))
    async with client(app) as http:
        for path in SIGNED:
            answer = await http.post(path.format(environment="local"), content=b"{}")
            assert answer.status_code == 401, (path, answer.text)
