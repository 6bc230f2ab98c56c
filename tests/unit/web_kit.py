"""What tests of the web service build on."""

from __future__ import annotations

import httpx
from starlette.types import ASGIApp


def client(app: ASGIApp, **more: object) -> httpx.AsyncClient:
    """A client that talks to the application without a socket."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sluis.test", **more)
