"""How many jobs of each kind run at once: as many as this machine, or our share of it, has memory and CPUs for.

Each kind of work has slots of its own, so that a queue of heavy jobs never keeps a notice or a decision waiting.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from workers.core.job import Pool
from workers.core.settings import Settings

_CGROUP: Final = Path("/sys/fs/cgroup")
_MB: Final = 1024 * 1024
_RESERVED_MB: Final = 512  # this process, and room for the system
_JOBS_PER_CPU: Final = 2  # a tool waits for the network most of its time


@dataclass(frozen=True)
class Machine:
    """What we may use: of the machine, or of the container that we run in."""

    memory_mb: int
    cpus: float

    @classmethod
    def here(cls, cgroup: Path = _CGROUP) -> Machine:
        """This machine, and the limits of the control group (version 2 or 1) that we are in."""
        memory = min(psutil.virtual_memory().total, *_memory_limits(cgroup))
        return cls(memory // _MB, min(_own_cpus(), *_cpu_limits(cgroup)))


def slots(settings: Settings, machine: Machine) -> dict[Pool, int]:
    """How many jobs of each pool that is served run at once: as set, or what the machine carries.

    Terraform and Ansible get half of the memory each, or all of it where the other is not served, and two jobs per
    CPU; each at least one.
    """
    heavy = {Pool.TERRAFORM, Pool.ANSIBLE} & set(settings.pools)
    share = max(machine.memory_mb - _RESERVED_MB, 0) // max(len(heavy), 1)
    by_cpu = max(int(machine.cpus * _JOBS_PER_CPU), 1)
    found = {
        Pool.TERRAFORM: settings.terraform_slots or max(min(by_cpu, share // settings.terraform_job_mb), 1),
        Pool.ANSIBLE: settings.ansible_slots or max(min(by_cpu, share // settings.ansible_job_mb), 1),
        Pool.LIGHT: settings.light_slots,
    }
    return {pool: count for pool, count in found.items() if pool in settings.pools}


def as_words(found: Mapping[Pool, int], machine: Machine) -> dict[str, object]:
    """The slots and what they were derived from, for the log."""
    return {
        **{pool.value: count for pool, count in found.items()},
        "memory_mb": machine.memory_mb,
        "cpus": machine.cpus,
    }


def _own_cpus() -> float:
    if hasattr(os, "sched_getaffinity"):
        return float(len(os.sched_getaffinity(0)))
    return float(os.cpu_count() or 1)


def _memory_limits(cgroup: Path) -> list[int]:
    files = (cgroup / "memory.max", cgroup / "memory" / "memory.limit_in_bytes")
    return [int(text) for text in map(_read, files) if text.isdigit()] or [2**63]


def _cpu_limits(cgroup: Path) -> list[float]:
    quota, _, period = _read(cgroup / "cpu.max").partition(" ")
    if not quota:
        quota, period = (_read(cgroup / "cpu" / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
    return [int(quota) / int(period)] if quota.isdigit() and period.isdigit() else [float("inf")]


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""
