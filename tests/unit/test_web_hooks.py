"""Deliveries of GitHub's webhook."""

from __future__ import annotations

import hmac

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
