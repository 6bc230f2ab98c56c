"""A cluster that speaks TLS only, and a token server: real servers on loopback, with certificates made for the test."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import grpc.aio
import trustme
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from pyzeebe.proto import gateway_pb2 as pb
from pyzeebe.proto.gateway_pb2_grpc import GatewayServicer, add_GatewayServicer_to_server

AUDIENCE = "zeebe-api"


@dataclass(frozen=True)
class Certificates:
    """An authority, and the files of a server and of a client that it vouches for."""

    folder: Path
    authority: trustme.CA = field(default_factory=trustme.CA)

    @property
    def ca(self) -> Path:
        path = self.folder / "ca.pem"
        self.authority.cert_pem.write_to_path(path)
        return path

    def issue(self, name: str) -> tuple[Path, Path]:
        """Certificate and key of somebody, as files."""
        found = self.authority.issue_cert(name, common_name=name)
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        found.private_key_pem.write_to_path(key)
        certificate.write_bytes(b"".join(blob.bytes() for blob in found.cert_chain_pems))
        return certificate, key

    def server(self, *protocols: str, client: bool = False) -> ssl.SSLContext:
        """For a server on 127.0.0.1; with ``client`` one that lets nobody in without a certificate."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.authority.issue_cert("127.0.0.1").configure_cert(context)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        if client:
            self.authority.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


@dataclass
class TokenServer:
    """Gives signed tokens to one client, and knows its own."""

    life: int = 300
    asked: list[dict[str, str]] = field(default_factory=list)
    _key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048))

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/token")
        async def token(request: Request) -> JSONResponse:
            form = {key: str(value) for key, value in (await request.form()).items()}
            self.asked.append(form)
            if (form.get("client_id"), form.get("client_secret")) != ("sluis", "hush"):
                return JSONResponse({"error": "invalid_client"}, status_code=401)
            claims = {"sub": form["client_id"], "aud": form["audience"], "exp": int(time.time()) + self.life}
            text = jwt.encode({"alg": "RS256"}, claims | {"jti": str(len(self.asked))}, self._key)
            return JSONResponse({"access_token": text, "expires_in": self.life, "token_type": "Bearer"})

        return app

    def number(self, header: str) -> int:
        """Which token a request bears, the first is 1; 0 where it is none of ours or too old."""
        try:
            claims = jwt.decode(header.removeprefix("Bearer "), self._key).claims
        except (ValueError, JoseError):
            return 0
        good = claims["aud"] == AUDIENCE and claims["exp"] > time.time()
        return int(claims["jti"]) if good else 0


@asynccontextmanager
async def https(app: FastAPI, certificates: Certificates, *, client: bool = False) -> AsyncIterator[str]:
    """Serve an app over TLS; its address."""
    certificate, key = certificates.issue("127.0.0.1")
    config = uvicorn.Config(
        app, "127.0.0.1", 0, log_config=None, lifespan="off",
        ssl_certfile=certificate, ssl_keyfile=key, ssl_ca_certs=str(certificates.ca),
        ssl_cert_reqs=ssl.CERT_REQUIRED if client else ssl.CERT_NONE,
    )  # fmt: skip
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    try:
        while not server.started:
            assert not task.done(), "the server did not start"
            await asyncio.sleep(0.01)
        yield f"https://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


class Gateway(GatewayServicer):
    """Answers one call, to whom a token lets in."""

    def __init__(self, good: Callable[[str], bool]) -> None:
        self._good = good

    async def Topology(self, request, context):  # noqa: N802 - its name in the protocol
        header = dict(context.invocation_metadata()).get("authorization", "")
        if not self._good(header):
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you?")
        return pb.TopologyResponse(clusterSize=1, partitionsCount=1, gatewayVersion="8.9.0")


@asynccontextmanager
async def gateway(
    certificates: Certificates, *, client: bool = False, good: Callable[[str], bool] = lambda _: True
) -> AsyncIterator[str]:
    """A gateway over TLS; its address."""
    certificate, key = certificates.issue("127.0.0.1")
    server = grpc.aio.server()
    add_GatewayServicer_to_server(Gateway(good), server)
    credentials = grpc.ssl_server_credentials(
        [(key.read_bytes(), certificate.read_bytes())], certificates.ca.read_bytes(), require_client_auth=client
    )
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@asynccontextmanager
async def in_front_of(port: int, context: ssl.SSLContext) -> AsyncIterator[int]:
    """A port that speaks TLS, in front of one that does not."""

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer), return_exceptions=True)

    async with await asyncio.start_server(relay, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
