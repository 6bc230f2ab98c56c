"""TLS, client certificates and OAuth to a cluster, at servers that insist on them."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from secure_kit import Certificates, TokenServer, gateway, https
from workers.core.errors import EngineError, EngineUnavailableError, SettingError
from workers.core.settings import Settings
from workers.engine.channel import open_channel
from workers.engine.grpc import ZeebeGateway
from workers.engine.rest import OrchestrationRest
from workers.engine.tls import Tls
from workers.engine.tokens import Tokens


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


def cluster(token_server: TokenServer | None = None) -> FastAPI:
    """As much of the REST API as a sign-in and a question need; ``seen`` has the number of each request's token."""
    app = FastAPI()
    app.state.seen = []

    @app.get("/v2/topology")
    async def topology(request: Request) -> JSONResponse:
        number = token_server.number(request.headers.get("authorization", "")) if token_server else 1
        app.state.seen.append(number)
        return JSONResponse({"gatewayVersion": "8.9.0"}, status_code=200 if number else 401)

    return app


def settings(grpc: str = "", rest: str = "", **more: object) -> Settings:
    found = Settings(grpc_tls=True, **more)
    return found.model_copy(update={"grpc_address": grpc, "rest_address": rest or found.rest_address})


async def test_a_cluster_of_an_own_authority_is_trusted_by_its_certificate(certificates):
    """With SLUIS_TLS_CA both ways to the cluster work; without it neither does."""
    async with gateway(certificates) as grpc, https(cluster(), certificates) as rest:
        known = settings(grpc, rest, tls_ca=certificates.ca)
        async with ZeebeGateway.from_settings(known) as zeebe, OrchestrationRest.from_settings(known) as api:
            assert (await zeebe.topology()).gateway_version == "8.9.0"
            assert (await api._session.request("GET", "/v2/topology")).is_success
        async with (
            ZeebeGateway.from_settings(settings(grpc, rest)) as zeebe,
            OrchestrationRest.from_settings(settings(grpc, rest)) as api,
        ):
            with pytest.raises(EngineUnavailableError):
                await zeebe.topology(within=1)
            with pytest.raises(EngineUnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
                await api.sign_in()


async def test_a_cluster_that_asks_for_a_certificate_gets_ours(certificates):
    """With certificate and key (mTLS) both ways to the cluster work; without them neither does."""
    certificate, key = certificates.issue("sluis")
    async with gateway(certificates, client=True) as grpc, https(cluster(), certificates, client=True) as rest:
        known = settings(grpc, rest, tls_ca=certificates.ca, tls_certificate=certificate, tls_key=key)
        async with ZeebeGateway.from_settings(known) as zeebe, OrchestrationRest.from_settings(known) as api:
            assert (await zeebe.topology()).gateway_version == "8.9.0"
            assert (await api._session.request("GET", "/v2/topology")).is_success
        stranger = settings(grpc, rest, tls_ca=certificates.ca)
        async with ZeebeGateway.from_settings(stranger) as zeebe, OrchestrationRest.from_settings(stranger) as api:
            with pytest.raises(EngineUnavailableError):
                await zeebe.topology(within=1)
            with pytest.raises(EngineUnavailableError):
                await api.sign_in()


def oauth(url: str, certificates: Certificates, secret: str = "hush") -> dict[str, object]:
    return {
        "oauth_token_url": f"{url}/token",
        "oauth_client_id": "sluis",
        "oauth_client_secret": secret,
        "tls_ca": certificates.ca,
    }


async def test_both_ways_to_the_cluster_bear_a_token(certificates):
    """Client credentials become a signed token for gRPC and for REST, fetched once each while it is good."""
    tokens = TokenServer()
    good = lambda header: tokens.number(header) > 0  # noqa: E731 - a word for the gateway
    app = cluster(tokens)
    async with (
        https(tokens.app(), certificates) as url,
        gateway(certificates, good=good) as grpc,
        https(app, certificates) as rest,
    ):
        known = settings(grpc, rest, oauth_scope="camunda", **oauth(url, certificates))
        async with ZeebeGateway.from_settings(known) as zeebe, OrchestrationRest.from_settings(known) as api:
            for _ in range(3):
                await zeebe.topology()
                await api._session.request("GET", "/v2/topology")
    assert len(tokens.asked) == 2
    assert tokens.asked[0] == {
        "grant_type": "client_credentials",
        "client_id": "sluis",
        "client_secret": "hush",
        "audience": "zeebe-api",
        "scope": "camunda",
    }
    assert all(app.state.seen)


async def test_a_token_that_runs_out_is_replaced(certificates):
    """A token is used again while it is good, and no longer."""
    tokens = TokenServer()
    async with https(tokens.app(), certificates) as url:
        source = Tokens.from_settings(settings(**oauth(url, certificates)))
        assert source is not None
        first = await asyncio.to_thread(source.token)
        assert await asyncio.to_thread(source.token) == first
        source._until = time.monotonic() - 1
        assert tokens.number(await asyncio.to_thread(source.token)) == 2


async def test_the_end_of_a_token_is_kept_away_from(certificates):
    """A new token is fetched half a minute before the old one ends, so that none runs out on its way."""
    tokens = TokenServer(life=300)
    async with https(tokens.app(), certificates) as url:
        source = Tokens.from_settings(settings(**oauth(url, certificates)))
        assert source is not None
        before = time.monotonic()
        await asyncio.to_thread(source.token)
        assert before + 270 <= source._until <= time.monotonic() + 270


async def test_a_token_that_the_cluster_refuses_is_replaced(certificates):
    """A revoked token costs one more request; the work goes on with a new one."""
    tokens = TokenServer()
    app = cluster(tokens)
    async with https(tokens.app(), certificates) as url, https(app, certificates) as rest:
        known = settings("", rest, **oauth(url, certificates))
        async with OrchestrationRest.from_settings(known) as api:
            await api._session.request("GET", "/v2/topology")
            tokens._key = TokenServer()._key
            assert (await api._session.request("GET", "/v2/topology")).is_success
    assert app.state.seen == [1, 0, 2]


async def test_a_wrong_secret_is_said_plainly(certificates):
    """Both ways say who refused whom, with the provider's own word and without the secret."""
    tokens = TokenServer()
    async with https(tokens.app(), certificates) as url, gateway(certificates) as grpc:
        known = settings(grpc, "https://127.0.0.1:9", **oauth(url, certificates, secret="guess"))
        async with ZeebeGateway.from_settings(known) as zeebe, OrchestrationRest.from_settings(known) as api:
            with pytest.raises(EngineError, match="client 'sluis' no token") as over_grpc:
                await zeebe.topology()
            with pytest.raises(EngineError, match=r"client 'sluis' no token \(401, invalid_client\)") as over_rest:
                await api.sign_in()
    assert "guess" not in f"{over_grpc.value}{over_rest.value}"


async def test_a_token_is_never_sent_in_clear():
    """OAuth without TLS is refused before anything is sent."""
    with pytest.raises(SettingError, match="over TLS only"):
        open_channel(Settings(oauth_token_url="https://127.0.0.1:9/token", oauth_client_id="sluis"))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"tls_certificate": "c.pem"}, "belong together"),
        ({"tls_ca": "absent.pem"}, r"SLUIS_TLS_CA \(.*absent.pem\) cannot be used"),
        ({"tls_ca": "ca.pem", "grpc_tls": False}, "neither gRPC nor REST uses TLS"),
        ({"tls_ca": "ca.pem", "tls_certificate": "ca.pem", "tls_key": "ca.pem"}, "SLUIS_TLS_KEY .* cannot be used"),
    ],
)
def test_certificates_that_cannot_work_are_refused_at_the_start(certificates, more, said):
    """A missing file, half a pair, no TLS at all: each is named with its setting before anything connects."""
    assert certificates.ca.exists()
    files = {name: value and certificates.folder / value for name, value in more.items() if name != "grpc_tls"}
    with pytest.raises(SettingError, match=said):
        Tls.from_settings(Settings(**{"grpc_tls": True, **more, **files}))
