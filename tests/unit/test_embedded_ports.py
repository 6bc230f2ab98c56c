"""Ports: from the settings, free, or taken by somebody who is named."""

from __future__ import annotations

import os
import socket
from dataclasses import astuple, replace

import pytest

from workers.core.errors import BusyError, SettingError
from workers.core.settings import Settings
from workers.engine.embedded import EnginePorts
from workers.engine.embedded.ports import check_free


def test_a_taken_port_is_named_with_its_owner() -> None:
    """The message names the port, what the engine wants it for, who holds it, and the setting that moves it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(BusyError) as failure:
            check_free(replace(EnginePorts.free(), rest=port))
    assert f"Port {port} (REST, Operate and Tasklist) is in use by" in failure.value.message
    assert f"process {os.getpid()}: " in failure.value.message
    assert "SLUIS_REST_ADDRESS" in failure.value.hint


def test_a_wildcard_listener_holds_the_port_too() -> None:
    """A program that listens on every address is in the way as well."""
    with socket.create_server(("0.0.0.0", 0)) as listener, pytest.raises(BusyError, match="Zeebe gateway"):
        check_free(replace(EnginePorts.free(), grpc=listener.getsockname()[1]))


def test_free_ports_are_free_and_differ() -> None:
    """Free ports pass the check, no two are the same, and OpenSearch can use its own."""
    ports = EnginePorts.free()
    check_free(ports)
    assert len(set(astuple(ports))) == 7
    assert 9201 <= ports.search <= 9299


def test_settings_decide_the_outer_ports() -> None:
    """The ports of the settings are taken, and the inner ones keep out of their way."""
    settings = Settings(grpc_address="localhost:26501", rest_address="http://127.0.0.1:26502", search_port=9250)
    ports = EnginePorts.from_settings(settings)
    assert (ports.grpc, ports.rest, ports.search, ports.monitoring) == (26501, 26502, 9250, 9600)
    assert len(set(astuple(ports))) == 7


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"grpc_address": "zeebe.example.org:26500"}, "SLUIS_GRPC_ADDRESS is 'zeebe.example.org:26500'"),
        ({"grpc_address": "127.0.0.1"}, "SLUIS_GRPC_ADDRESS is '127.0.0.1'"),
        ({"rest_address": "http://0.0.0.0:8080"}, "SLUIS_REST_ADDRESS is 'http://0.0.0.0:8080'"),
        ({"rest_address": "http://127.0.0.1:port"}, "SLUIS_REST_ADDRESS"),
        ({"search_port": 9300}, "SLUIS_SEARCH_PORT is 9300"),
    ],
)
def test_an_address_that_cannot_be_is_named(change: dict[str, str | int], named: str) -> None:
    """An address that is not on loopback, has no port or does not suit is refused by the name of its setting."""
    with pytest.raises(SettingError) as failure:
        EnginePorts.from_settings(Settings().model_copy(update=change))
    assert named in failure.value.message
