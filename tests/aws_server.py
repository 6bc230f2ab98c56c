"""moto's server: AWS's API over HTTP on loopback, for tests that cannot have AWS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from moto.server import ThreadedMotoServer


@contextmanager
def aws_server() -> Iterator[str]:
    """The address of a server with nothing in it, for the time of the block."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        address = f"http://{host}:{port}"
        httpx.post(f"{address}/moto-api/reset").raise_for_status()  # moto keeps everything of its process
        yield address
    finally:
        server.stop()


def use_aws(monkeypatch: pytest.MonkeyPatch, address: str, service: str = "", region: str = "us-east-1") -> None:
    """Have boto3, and what is started, find the server in the environment.

    Args:
        monkeypatch: pytest's own.
        address: of the server.
        service: the one service that is there, as in ``AWS_ENDPOINT_URL_S3``; empty: all.
        region: where everything is.
    """
    values = {
        f"AWS_ENDPOINT_URL{'_' * bool(service)}{service}": address,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
