"""Signing in at an OpenID Connect provider: authorization code with PKCE for people, bearer tokens for programs."""

from __future__ import annotations

import asyncio
import base64
import hmac
import secrets
import time
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlencode

import httpx
import structlog
from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from workers.web.access import Person

_FRESH_SECONDS: Final = 300.0
_ALGORITHMS: Final = ["RS256", "ES256", "PS256", "EdDSA"]
_SESSION: Final = "oidc"


@dataclass(frozen=True)
class Client:
    """What the provider and we know of each other.

    Attributes:
        issuer: its address; ``/.well-known/openid-configuration`` is below it.
        id: our id there.
        secret: our secret there; empty for a public client.
        back: address of ours to which it sends people back.
        user_claim: the claim that is the user's name, as the engine and the environment files know them.
        groups_claim: the claim with their groups.
    """

    issuer: str
    id: str
    secret: str
    back: str
    user_claim: str = "preferred_username"
    groups_claim: str = "groups"


class Oidc:
    """One identity provider."""

    def __init__(self, client: Client) -> None:
        self.name = client.issuer
        self._client = client
        self._known: tuple[float, dict[str, Any], KeySet] | None = None
        self._asking = asyncio.Lock()

    async def redirect(self, request: Request) -> Response:
        """Send the person to the provider; what comes back has to fit what the session remembers.

        Raises:
            httpx.HTTPError: the provider does not answer.
        """
        metadata, _ = await self._provider()
        remembered = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
        request.session[_SESSION] = remembered
        challenge = base64.urlsafe_b64encode(sha256(remembered["verifier"].encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code", "client_id": self._client.id, "redirect_uri": self._client.back,
            "scope": "openid profile email", "state": remembered["state"], "nonce": remembered["nonce"],
            "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        return RedirectResponse(f"{metadata['authorization_endpoint']}?{urlencode(query)}", 303)

    async def person(self, request: Request) -> Person | None:
        """Whom the provider sent back to us; state, nonce, signature, issuer, audience and age are checked."""
        remembered = request.session.pop(_SESSION, None) or {}
        state, code = request.query_params.get("state", ""), request.query_params.get("code", "")
        if not code or not remembered or not hmac.compare_digest(state, remembered["state"]):
            return None
        try:
            claims = await self._claims(await self._exchange(code, remembered["verifier"]))
        except (JoseError, httpx.HTTPError, ValueError, KeyError) as error:
            structlog.get_logger("sluis.web").warning("oidc.refused", error=f"{type(error).__name__}: {error}")
            return None
        return self._person(claims) if claims.get("nonce") == remembered["nonce"] else None

    async def bearer(self, token: str) -> Person | None:
        """Whose token it is; None where it is not from the provider, not for us, or too old."""
        try:
            return self._person(await self._claims(token))
        except (JoseError, httpx.HTTPError, ValueError, KeyError):
            return None

    async def _exchange(self, code: str, verifier: str) -> str:
        metadata, _ = await self._provider()
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": self._client.back,
            "client_id": self._client.id, "code_verifier": verifier,
        }  # fmt: skip
        secret = {"client_secret": self._client.secret} if self._client.secret else {}
        async with httpx.AsyncClient(timeout=10) as http:
            answer = await http.post(metadata["token_endpoint"], data=form | secret)
        return str(answer.raise_for_status().json()["id_token"])

    async def _claims(self, token: str) -> dict[str, Any]:
        metadata, keys = await self._provider()
        claims: dict[str, Any] = jwt.decode(token, keys, algorithms=_ALGORITHMS).claims
        rules = jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": metadata["issuer"]},
            aud={"essential": True, "value": self._client.id},
            exp={"essential": True},
        )
        rules.validate(claims)
        return claims

    def _person(self, claims: dict[str, Any]) -> Person | None:
        name, groups = claims.get(self._client.user_claim), claims.get(self._client.groups_claim) or ()
        if not isinstance(name, str) or not name or ":" in name:
            return None  # a colon would make a group or a machine of them
        return Person(name, "oidc", tuple(str(group) for group in groups))

    async def _provider(self) -> tuple[dict[str, Any], KeySet]:
        """What the provider tells of itself, and its keys; asked again every few minutes."""
        async with self._asking:
            if self._known is None or time.monotonic() - self._known[0] > _FRESH_SECONDS:
                address = f"{self._client.issuer.rstrip('/')}/.well-known/openid-configuration"
                async with httpx.AsyncClient(timeout=10) as http:
                    metadata = (await http.get(address)).raise_for_status().json()
                    keys = (await http.get(metadata["jwks_uri"])).raise_for_status().json()
                if metadata["issuer"].rstrip("/") != self._client.issuer.rstrip("/"):
                    raise ValueError(f"{address} is of another issuer: {metadata['issuer']}")
                self._known = time.monotonic(), metadata, KeySet.import_key_set(keys)
            return self._known[1], self._known[2]
