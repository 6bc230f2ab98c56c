"""A real Camunda on this machine: started, watched and stopped by us, reachable from this machine only."""

from workers.engine.embedded.engine import EmbeddedEngine, Stage
from workers.engine.embedded.layout import EnginePaths, EnginePorts
from workers.engine.embedded.running import RunningEngine, find_running, stop_running

__all__ = [
    "EmbeddedEngine",
    "EnginePaths",
    "EnginePorts",
    "RunningEngine",
    "Stage",
    "find_running",
    "stop_running",
]
