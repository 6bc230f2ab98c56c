"""What every test may ask for: settings, a running Camunda, tofu, a served project. A missing part is named.

On CI a missing part is a failure; elsewhere the test is skipped with the reason. With ``SLUIS_ENGINE=external`` the
addresses in the settings are used, and no engine is started.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from served import Served, served
from workers.core.errors import SluisError
from workers.core.settings import Settings
from workers.engine.embedded import EmbeddedEngine, EnginePaths, EnginePorts
from workers.service.machine import HOST_IMAGE, HOSTS_FOLDER
from workers.setup import debian
from workers.setup.engine import ensure_engine
from workers.setup.progress import Quiet
from workers.setup.tofu import Tofu, ensure_tofu

PROJECT = Path(__file__).resolve().parent.parent
ON_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")


def missing(what: object) -> None:
    """End the test: a failure on CI, a skip elsewhere."""
    if ON_CI:
        pytest.fail(f"missing on CI: {what}")
    pytest.skip(f"missing: {what}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test says in one sentence what it proves."""
    silent = [item.nodeid for item in items if not (getattr(item, "function", None) and item.function.__doc__)]
    if silent:
        raise pytest.UsageError("tests without a sentence that says what they prove: " + ", ".join(silent[:10]))


class EngineThread:
    """An embedded engine in an event loop of its own, so that every test may have its own loop."""

    def __init__(self, settings: Settings, ports: EnginePorts) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="embedded engine", daemon=True)
        self._thread.start()
        parts = self._run(ensure_engine(settings, Quiet()))
        paths = EnginePaths(parts.java_home, parts.camunda, parts.opensearch)
        self._engine = EmbeddedEngine(paths, settings.data_folder, ports, ready_seconds=settings.engine_ready_seconds)

    def start(self) -> None:
        self._run(self._engine.start())

    def stop(self) -> None:
        self._run(self._engine.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings with the addresses of a running engine: started for this session, or the one that is set."""
    known = Settings()
    if known.engine == "external":
        yield known
        return
    ports = EnginePorts.free()
    started = known.model_copy(
        update={
            "project": PROJECT,
            "data": tmp_path_factory.mktemp("engine"),
            "grpc_address": ports.grpc_address,
            "rest_address": ports.rest_address,
            "search_port": ports.search,
            "monitoring_port": ports.monitoring,
        }
    )
    try:
        engine = EngineThread(started, ports)
        engine.start()
    except SluisError as error:
        missing(error)
    try:
        yield started
    finally:
        engine.stop()


@pytest.fixture(scope="session")
def tofu() -> Tofu:
    """The tofu, or terraform, that the tests drive; got as `sluis up` gets it."""
    try:
        return asyncio.run(ensure_tofu(Settings(), Quiet()))
    except SluisError as error:
        missing(error)


@pytest.fixture(scope="session")
def host_image() -> Path | None:
    """The archive of the local machines' Debian root; None where this host cannot have one."""
    return asyncio.run(debian.ensure_host_image(Settings(), Quiet()))


@pytest.fixture
def host_folder(tmp_path: Path, host_image: Path | None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for local machines, told to the module as `sluis up` tells it."""
    folder = tmp_path / "hosts"
    monkeypatch.setenv(HOSTS_FOLDER, str(folder))
    if host_image:
        monkeypatch.setenv(HOST_IMAGE, str(host_image))
    return folder


@pytest.fixture(scope="session")
def project(
    settings: Settings, tofu: Tofu, host_image: Path | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """The project, copied, deployed and served by a real worker; its machines are removed at the end."""
    if host_image is None:
        missing("the image of a local machine (Linux, root and debootstrap)")
    with served(settings, tmp_path_factory.mktemp("project")) as found:
        yield found
