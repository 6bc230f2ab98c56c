"""What a machine lacks, downloaded or built once into the cache: engine, OpenTofu, providers, the root of hosts."""

from workers.setup.debian import ensure_host_image
from workers.setup.doctor import Finding, State, doctor
from workers.setup.engine import EngineParts, ensure_engine
from workers.setup.progress import Progress, Quiet, human_size
from workers.setup.tofu import Tofu, ensure_tofu

__all__ = [
    "EngineParts",
    "Finding",
    "Progress",
    "Quiet",
    "State",
    "Tofu",
    "doctor",
    "ensure_engine",
    "ensure_host_image",
    "ensure_tofu",
    "human_size",
]
