"""The engine that the tests run on, to be stopped, broken and started again."""

from __future__ import annotations

import asyncio
import threading

import psutil

from workers.core.settings import Settings
from workers.engine.embedded import EmbeddedEngine, EnginePaths, EnginePorts, find_running
from workers.setup.engine import ensure_engine
from workers.setup.progress import Quiet


class EngineThread:
    """An embedded engine in an event loop of its own, so that every test may have its own loop."""

    def __init__(self, settings: Settings, ports: EnginePorts) -> None:
        self.settings = settings
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="embedded engine", daemon=True)
        self._thread.start()
        parts = self._run(ensure_engine(settings, Quiet()))
        paths = EnginePaths(parts.java_home, parts.camunda, parts.opensearch)
        self._engine = EmbeddedEngine(paths, settings.data_folder, ports, ready_seconds=settings.engine_ready_seconds)

    def start(self) -> None:
        self._run(self._engine.start())

    def restart(self) -> None:
        self._run(self._engine.stop())
        self._run(self._engine.start())

    def program(self, name: str) -> psutil.Process:
        """The process of a part: ``camunda`` or ``opensearch``."""
        running = find_running(self.settings.data_folder)
        assert running is not None, "the engine does not run"
        words = {"camunda": "StandaloneCamunda", "opensearch": "OpenSearchRunner"}
        children = psutil.Process(running.pid).children(recursive=True)
        return next(p for p in children if words[name] in " ".join(p.cmdline()))

    def stop(self) -> None:
        self._run(self._engine.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
