"""Camunda from its official image, for the tests, where Docker runs; the version that production has.

``SLUIS_TEST_ENGINE`` chooses: ``embedded``, ``container``, or ``auto``, which is the container where Docker answers and
the package testcontainers is installed (`pip install --group containers`), else the embedded engine.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import time
from pathlib import Path

import httpx
import yaml

from workers.core.errors import MissingToolError
from workers.core.settings import Settings

COMPOSE = Path(__file__).resolve().parent.parent / "docker-compose.yml"
GRPC, REST, MONITORING = 26500, 8080, 9600


def wanted() -> bool:
    """Whether the tests run on a container.

    Raises:
        MissingToolError: the variable is none of its values, or asks for what is not there.
    """
    choice = os.environ.get("SLUIS_TEST_ENGINE", "auto")
    if choice not in ("auto", "embedded", "container"):
        raise MissingToolError(f"SLUIS_TEST_ENGINE is {choice!r}.", "It is auto, embedded or container.")
    if choice == "embedded":
        return False
    lacking = _lacking()
    if choice == "container" and lacking:
        raise MissingToolError(f"No container can be started: {lacking}.", "Set SLUIS_TEST_ENGINE=embedded.")
    return not lacking


def _lacking() -> str:
    if importlib.util.find_spec("testcontainers") is None:
        return "the Python package testcontainers is not installed"
    if shutil.which("docker") is None:
        return "there is no docker"
    answered = subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0
    return "" if answered else "no Docker engine answers"


class EngineContainer:
    """A running container, as docker-compose.yml describes its service ``camunda``.

    Attributes:
        settings: with its addresses.
    """

    def __init__(self, settings: Settings) -> None:
        from testcontainers.core.container import DockerContainer

        service = yaml.safe_load(COMPOSE.read_text())["services"]["camunda"]
        self._container = DockerContainer(service["image"]).with_exposed_ports(GRPC, REST, MONITORING)
        for name, value in service["environment"].items():
            self._container = self._container.with_env(name, str(value))
        self.settings = settings

    def start(self) -> None:
        """Start it and wait until it is ready.

        Raises:
            MissingToolError: it does not become ready in time.
        """
        self._container.start()
        self.settings = self.settings.model_copy(
            update={"grpc_address": self._address(GRPC), "rest_address": f"http://{self._address(REST)}"}
        )
        health = f"http://{self._address(MONITORING)}/actuator/health/readiness"
        deadline = time.monotonic() + self.settings.engine_ready_seconds
        while not _up(health):
            if time.monotonic() > deadline:
                self.stop()
                raise MissingToolError(f"The container of Camunda is not ready: {health}.")
            time.sleep(0.5)

    def stop(self) -> None:
        """Remove it."""
        self._container.stop()

    def _address(self, port: int) -> str:
        return f"{self._container.get_container_host_ip()}:{self._container.get_exposed_port(port)}"


def _up(address: str) -> bool:
    try:
        return httpx.get(address, timeout=2).is_success
    except httpx.HTTPError:
        return False
