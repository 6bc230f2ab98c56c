"""``http.probe``: does a host serve the page, over plain HTTP or over TLS?"""

from __future__ import annotations

import asyncio
import hashlib
import html
import ssl
import time
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import httpx
from pydantic import Field, StringConstraints, field_validator

from workers.core.errors import InputError
from workers.core.events import EventKind
from workers.core.job import Abandoned, BpmnErrorCode, Done, Outcome
from workers.core.records import HostAddress
from workers.core.values import JsonValue
from workers.handlers.attempt import Attempt, refused
from workers.handlers.attempt import parse as parse_job
from workers.handlers.context import Context
from workers.handlers.roles import HostsRequest

_MAX_BODY: Final = 1_000_000
_PORTS: Final = {"http": 80, "https": 443}


class ProbeRequest(HostsRequest):
    """Variables of ``http.probe``. The address comes from the hosts, so that a process cannot probe elsewhere."""

    scheme: Literal["http", "https"] = "http"
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    path: Annotated[str, StringConstraints(pattern=r"^/[^\s]*$", max_length=1000)] = "/"
    contains: str = ""
    timeout_seconds: Annotated[int, Field(alias="timeoutSeconds", ge=1, le=3600)] = 30
    server_name: Annotated[
        str, Field(alias="serverName"), StringConstraints(pattern=r"^([A-Za-z0-9]([A-Za-z0-9.-]{0,252}))?$")
    ] = ""
    authority: str = ""
    fingerprint: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = ""
    unverified: bool = False

    @field_validator("fingerprint", mode="before")
    @classmethod
    def _plain(cls, value: object) -> object:
        """As openssl prints it, with colons and capitals, or plain."""
        return value.replace(":", "").lower() if isinstance(value, str) else value


@dataclass(frozen=True)
class Answer:
    """How a host answered: in how many milliseconds, with which certificate, or what was wrong to the end."""

    url: str
    milliseconds: int = 0
    fingerprint: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Probing:
    """Asks every host for a page until it answers 200 with the expected text."""

    context: Context

    async def __call__(self, attempt: Attempt) -> Outcome:
        """Probe all hosts, each until it answers or time is up."""
        request = parse_job(ProbeRequest, attempt.job, "http.probe")
        environment = self.context.environment(request.environment)
        hosts = await self.context.hosts(environment, tuple(request.hosts))
        authority, _ = self.context.secrets.resolve(request.authority)
        trust = trusted(request, str(authority))
        answers = [await self._probe(attempt, request, trust, host) for host in hosts]
        problem = next((a.problem for a in answers if a.problem), "" if answers else "There is no host to probe.")
        if attempt.stop.is_set():
            return Abandoned("The instance was cancelled.")
        if problem:
            return refused(BpmnErrorCode.PROBE_FAILED, problem, attempt.run.id)
        return Done({"probe": _result(request, answers[0])})

    async def _probe(self, attempt: Attempt, request: ProbeRequest, trust: ssl.SSLContext, host: HostAddress) -> Answer:
        url = f"{request.scheme}://{_in_url(host.address)}:{request.port or _PORTS[request.scheme]}{request.path}"
        deadline = time.monotonic() + request.timeout_seconds
        # A probe goes straight to the machine: a proxy that the worker uses for downloads has no business here.
        async with httpx.AsyncClient(trust_env=False, timeout=10, follow_redirects=False, verify=trust) as client:
            while True:
                answer = await _ask(client, url, request)
                if not answer.problem or time.monotonic() > deadline or attempt.stop.is_set():
                    return answer
                attempt.log.say(f"{answer.problem}; trying again", EventKind.OUTPUT)
                await asyncio.sleep(1)


def trusted(request: ProbeRequest, authority: str) -> ssl.SSLContext:
    """Whom the probe trusts: the authority given, else those of the system; with a fingerprint, that certificate.

    Raises:
        InputError: the authority is no certificate.
    """
    if request.scheme == "http" and not authority:
        # Over plain HTTP nobody is trusted, and to read the system's authorities takes 30 ms.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        trust = ssl.create_default_context(cadata=authority or None)
    except (ssl.SSLError, ValueError) as error:
        raise InputError("http.probe", ("authority is not a certificate in PEM, or a reference to one",)) from error
    if request.unverified or (request.fingerprint and not authority):
        trust.check_hostname = False
        trust.verify_mode = ssl.CERT_NONE
    return trust


async def _ask(client: httpx.AsyncClient, url: str, request: ProbeRequest) -> Answer:
    started = time.monotonic()
    named = request.server_name
    try:
        async with client.stream(
            "GET",
            url,
            headers={"Host": named} if named else {},
            extensions={"sni_hostname": named} if named else {},
        ) as response:
            fingerprint = _fingerprint(response)
            if request.fingerprint not in ("", fingerprint):
                return Answer(url, problem=f"{url}: the certificate is another one, {fingerprint or 'none at all'}")
            await response.aread()
    except httpx.HTTPError as error:
        return Answer(url, problem=f"{url}: no answer ({str(error) or type(error).__name__})")
    problem = _wrong(response, request.contains)
    return Answer(url, round((time.monotonic() - started) * 1000), fingerprint, problem and f"{url}: {problem}")


def _fingerprint(response: httpx.Response) -> str:
    """SHA-256 of the certificate that the answer came with; empty without TLS."""
    stream = response.extensions.get("network_stream")
    secure = stream.get_extra_info("ssl_object") if stream else None
    certificate = secure.getpeercert(binary_form=True) if secure else None
    return hashlib.sha256(certificate).hexdigest() if certificate else ""


def _wrong(response: httpx.Response, contains: str) -> str:
    """What is wrong with the answer; empty where nothing is."""
    if response.status_code != httpx.codes.OK:
        return f"answered {response.status_code} instead of 200"
    body = response.text[:_MAX_BODY]
    # A page shows a text like "a & b" as "a &amp; b": what a reader would see counts.
    if contains and contains not in body and contains not in html.unescape(body):
        return "answered 200, but without the expected text"
    return ""


def _result(request: ProbeRequest, answer: Answer) -> JsonValue:
    plain: dict[str, JsonValue] = {"status": 200, "milliseconds": answer.milliseconds, "url": answer.url}
    if request.scheme == "http":
        return plain
    return plain | {"fingerprint": answer.fingerprint, "verified": not request.unverified or bool(request.fingerprint)}


def _in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address
