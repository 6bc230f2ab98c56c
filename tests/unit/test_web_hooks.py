"""Deliveries of GitHub's webhook."""

from __future__ import annotations

import hmac
import json

import pytest

from web_kit import Installation, client, installation
from workers.web.app import build_app
from workers.web.hooks import Hook, hook_routes

SECRET = "shared with GitHub"
BODY = b'{"ref": "refs/heads/main"}'


@pytest.fixture
async def sluis(tmp_path) -> Installation:
    found = await installation(tmp_path)
    path = found.assembly.context.project / "environments" / "local.yaml"
    path.write_text(path.read_text().replace('"token:ci"', '"token:ci", "token:github"'))
    return found


def served(sluis: Installation, environment: str = "local"):
    hook = Hook(SECRET, "Order", {"environment": environment, "name": "n"})
    return client(build_app((hook_routes(sluis.site, hook),)))


def headers(body: bytes = BODY, secret: str = SECRET, delivery: str = "72d3162e-cc78", event: str = "push"):
    signature = hmac.digest(secret.encode(), body, "sha256").hex()
    return {"X-Hub-Signature-256": f"sha256={signature}", "X-GitHub-Delivery": delivery, "X-GitHub-Event": event}


COMMIT = "4f2a91c0d5b7e6a8f9b0c1d2e3f405162738495a"
FACTS = {"environment": "local", "name": "{name}", "version": "{commit}", "source": "git+https://h/{repository}"}


def push(**changed) -> bytes:
    content = {"ref": "refs/tags/v1.2", "after": COMMIT, "repository": {"full_name": "ours/shop"}}
    return json.dumps(content | changed).encode()


def pull(repository: str = "ours/shop", action: str = "opened") -> bytes:
    head = {"sha": COMMIT, "repo": {"full_name": repository}}
    content = {"action": action, "number": 7, "pull_request": {"head": head}, "repository": {"full_name": "ours/shop"}}
    return json.dumps(content).encode()


async def delivered(sluis: Installation, body: bytes, event: str = "push", refs: tuple[str, ...] = ("*",)):
    """The answer to one delivery of a hook that hands on what it is about."""
    async with client(build_app((hook_routes(sluis.site, Hook(SECRET, "Order", FACTS, refs)),))) as http:
        return await http.post("/api/hooks/github", content=body, headers=headers(body, event=event))


@pytest.mark.parametrize(("event", "body", "name"), [("push", push(), "v1.2"), ("pull_request", pull(), "7")])
async def test_a_delivery_hands_on_what_it_is_about(sluis, event, body, name):
    """Commit, name and repository stand in the variables of the process."""
    assert (await delivered(sluis, body, event)).json() == {"started": 4711}
    texts = {"environment": "local", "name": name, "version": COMMIT, "source": "git+https://h/ours/shop"}
    assert sluis.desk.done == [("start", "token:github", "Order", texts, {})]


@pytest.mark.parametrize(
    ("event", "body"),
    [
        ("push", push(deleted=True)),
        ("push", push(ref="refs/heads/feature")),
        ("pull_request", pull("anybody/shop")),
        ("pull_request", pull(action="closed")),
    ],
    ids=["deleted", "other-ref", "fork", "closed"],
)
async def test_what_is_not_meant_starts_nothing(sluis, event, body):
    """A deleted branch, a ref that was not chosen, a pull request of somebody else's repository or one that ends."""
    answer = await delivered(sluis, body, event, ("refs/tags/*", "refs/pull/*"))
    assert (answer.status_code, answer.json()) == (202, {"started": None})
    assert sluis.desk.done == []


@pytest.mark.parametrize(
    "body",
    [push(after="0" * 40), push(after="main"), push(repository={"full_name": "../x y"}), push(ref="refs/heads/$(id)")],
)
async def test_facts_without_their_form_are_none(sluis, body):
    """What is no commit, no repository or no ref is not handed on; the delivery is refused and says what is missing."""
    answer = await delivered(sluis, body)
    assert answer.status_code == 400
    assert "does not say" in answer.text
    assert sluis.desk.done == []


@pytest.mark.parametrize("body", [b"[1]", b"{"])
async def test_a_delivery_that_is_no_object_is_refused(sluis, body):
    """Signed or not."""
    assert (await delivered(sluis, body)).status_code == 400


async def test_a_signed_push_starts_the_process_once(sluis):
    """The delivery starts the configured process; GitHub's second try of the same delivery starts nothing."""
    async with served(sluis) as http:
        assert (await http.post("/api/hooks/github", content=BODY, headers=headers())).json() == {"started": 4711}
        assert (await http.post("/api/hooks/github", content=BODY, headers=headers())).json() == {"started": None}
    assert sluis.desk.done == [("start", "token:github", "Order", {"environment": "local", "name": "n"}, {})]


async def test_a_forged_delivery_starts_nothing(sluis):
    """Without a signature, with another secret's, or with that of another body the delivery is refused."""
    async with served(sluis) as http:
        for wrong in ({}, headers(secret="another"), headers(body=b"{}"), {"X-Hub-Signature-256": "sha256=ü".encode()}):
            assert (await http.post("/api/hooks/github", content=BODY, headers=wrong)).status_code == 401
    assert sluis.desk.done == []


async def test_other_events_and_environments_start_nothing(sluis):
    """An event that is neither a push nor a pull request is ignored; without the role operator nothing starts."""
    async with served(sluis) as http:
        ping = headers(event="ping")
        assert (await http.post("/api/hooks/github", content=BODY, headers=ping)).json() == {"started": None}
    async with served(sluis, "other") as http:
        assert (await http.post("/api/hooks/github", content=BODY, headers=headers())).status_code == 404
    assert sluis.desk.done == []
