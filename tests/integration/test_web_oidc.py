"""Signing in at a real OpenID Connect provider, which runs on this machine for the time of the test."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from web_kit import Installation, installation, site_of
from workers.web.api import api_routes
from workers.web.app import Sessions, build_app
from workers.web.oidc import Client, Oidc
from workers.web.pages import page_routes
from workers.web.sign_in import sign_in_routes

BACK = "http://sluis.test/sign-in/back"


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """The provider's address; it knows one person."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    claims = '{"sub": "1", "preferred_username": "dora", "groups": ["deciders"]}'
    command = [sys.executable, "-m", "oidc_provider_mock", "-p", str(port), "--user-claims", claims]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield _answering(port)
        finally:
            process.terminate()


def _answering(port: int) -> str:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            return str(httpx.get(f"http://127.0.0.1:{port}/.well-known/openid-configuration").json()["issuer"])
        except httpx.HTTPError:
            time.sleep(0.1)
    raise AssertionError("the provider does not answer")


async def served(folder: Path, oidc: Oidc) -> Installation:
    sluis = await installation(folder)
    site = site_of(sluis.assembly, sluis.desk)
    site.guard.bearer = oidc.bearer
    routers = (sign_in_routes(site, oidc), page_routes(site), api_routes(site, sluis.assembly.log))
    return Installation(sluis.assembly, site, sluis.desk, build_app(routers, sessions=Sessions("test")), routers)


async def code_for(address: str) -> str:
    """Where the provider sends a person who agrees."""
    async with httpx.AsyncClient() as browser:
        return (await browser.post(address, data={"sub": "1"})).headers["location"]


async def test_a_person_signs_in_at_the_provider(tmp_path, provider):
    """Code, PKCE and nonce go through a real provider; name and groups of its token give the role."""
    sluis = await served(tmp_path, Oidc(Client(provider, "sluis", "secret", BACK)))
    async with sluis.client(headers={"Accept": "text/html"}) as http:
        away = await http.get("/sign-in/provider?to=/stacks")
        assert parse_qs(urlsplit(away.headers["location"]).query)["code_challenge_method"] == ["S256"]
        back = await code_for(away.headers["location"])
        home = await http.get(back.removeprefix("http://sluis.test"))
        assert home.headers["location"] == "/stacks"
        page = await http.get("/stacks")
    assert re.search(r"<span>dora</span>", page.text)
    assert "local/web1" in page.text


async def test_an_answer_that_we_did_not_ask_for_signs_nobody_in(tmp_path, provider):
    """A code that another browser was given, a wrong state, or a second use of a code leads to no session."""
    sluis = await served(tmp_path, Oidc(Client(provider, "sluis", "secret", BACK)))
    async with sluis.client() as asked, sluis.client() as other:
        back = (await code_for((await asked.get("/sign-in/provider")).headers["location"])).removeprefix(
            "http://sluis.test"
        )
        assert (await other.get(back)).status_code == 401
        await other.get("/sign-in/provider")
        assert (await other.get(back)).status_code == 401
        assert (await asked.get(back)).status_code == 303
        assert (await asked.get(back)).status_code == 401


async def test_a_token_for_another_client_is_nobodys(tmp_path, provider):
    """An ID token of the provider is taken from its own client as a bearer, and refused by every other."""
    mine, foreign = Oidc(Client(provider, "sluis", "secret", BACK)), Oidc(Client(provider, "other", "secret", BACK))
    token = await _token(provider)
    assert (found := await mine.bearer(token)) is not None
    assert (found.name, found.groups) == ("dora", ("deciders",))
    assert await foreign.bearer(token) is None
    head, body, signature = token.split(".")
    assert await mine.bearer(f"{head}.{body}.{signature[::-1]}") is None
    sluis = await served(tmp_path, mine)
    async with sluis.client(headers={"Authorization": f"Bearer {token}"}) as http:
        assert (await http.get("/api/runs")).json()["total"] == 1


async def _token(provider: str) -> str:
    async with httpx.AsyncClient() as http:
        metadata = (await http.get(f"{provider}/.well-known/openid-configuration")).json()
        query = {"response_type": "code", "client_id": "sluis", "redirect_uri": BACK, "scope": "openid profile"}
        address = str(httpx.URL(metadata["authorization_endpoint"], params=query))
        code = parse_qs(urlsplit(await code_for(address)).query)["code"][0]
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": BACK,
            "client_id": "sluis",
            "client_secret": "secret",
        }
        return (await http.post(metadata["token_endpoint"], data=form)).json()["id_token"]
