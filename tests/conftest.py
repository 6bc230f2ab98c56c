"""What every test may ask for: settings, a running Camunda, tofu, a served project. A missing part is named.

On CI a missing part is a failure; elsewhere the test is skipped with the reason. With ``SLUIS_ENGINE=external`` the
addresses in the settings are used, and no engine is started; ``SLUIS_TEST_ENGINE`` chooses between the embedded engine
and a container (engine_container.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from engine_container import EngineContainer, wanted
from engine_thread import EngineThread
from needs import missing
from served import Served, served
from survival import pytest_sessionfinish, pytest_terminal_summary, pytest_testnodedown
from workers.core.errors import SluisError
from workers.core.settings import Settings
from workers.engine.embedded import EnginePorts
from workers.service.machine import HOST_IMAGE, HOSTS_FOLDER
from workers.setup import debian
from workers.setup.progress import Quiet
from workers.setup.tofu import Tofu, ensure_tofu

__all__ = [
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "pytest_testnodedown",
]  # hooks that are used by being here

PROJECT = Path(__file__).resolve().parent.parent

# What an example takes says something about the machine, not about the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test says in one sentence what it proves."""
    silent = [item.nodeid for item in items if not (getattr(item, "function", None) and item.function.__doc__)]
    if silent:
        raise pytest.UsageError("tests without a sentence that says what they prove: " + ", ".join(silent[:10]))


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineThread | EngineContainer | None]:
    """The engine that was started for this session; None with an external one."""
    known = Settings()
    if known.engine == "external":
        yield None
        return
    try:
        found = _container() if wanted() else _embedded(tmp_path_factory.mktemp("engine"))
        found.start()
    except SluisError as error:
        missing(error)
    try:
        yield found
    finally:
        found.stop()


def _container() -> EngineContainer:
    return EngineContainer(Settings(engine="external", project=PROJECT))


def _embedded(data: Path) -> EngineThread:
    ports = EnginePorts.free()
    started = Settings().model_copy(
        update={
            "project": PROJECT,
            "data": data,
            "grpc_address": ports.grpc_address,
            "rest_address": ports.rest_address,
            "search_port": ports.search,
            "monitoring_port": ports.monitoring,
        }
    )
    return EngineThread(started, ports)


@pytest.fixture(scope="session")
def settings(engine: EngineThread | EngineContainer | None) -> Settings:
    """Settings with the addresses of a running engine: started for this session, or the one that is set."""
    return engine.settings if engine else Settings()


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
