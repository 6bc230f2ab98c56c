"""How many jobs run at once follows from memory and CPUs."""

from __future__ import annotations

import pytest

from workers.core.job import Pool
from workers.core.settings import Settings
from workers.service.capacity import Machine, slots


@pytest.mark.parametrize(
    ("memory_mb", "cpus", "terraform", "ansible"),
    [(24_000, 4, 8, 8), (2_048, 4, 1, 3), (512, 0.5, 1, 1), (64_000, 2, 4, 4)],
)
def test_slots_follow_from_memory_and_cpus(memory_mb, cpus, terraform, ansible):
    """Two heavy jobs per CPU as far as half of the memory carries them, and never none."""
    found = slots(Settings(), Machine(memory_mb, cpus))
    assert (found[Pool.TERRAFORM], found[Pool.ANSIBLE], found[Pool.LIGHT]) == (terraform, ansible, 128)


def test_slots_that_are_set_count():
    """A number in the settings is taken as it is."""
    found = slots(Settings(terraform_slots=7, ansible_slots=9, light_slots=1), Machine(512, 1))
    assert found == {Pool.TERRAFORM: 7, Pool.ANSIBLE: 9, Pool.LIGHT: 1}


def test_the_only_heavy_pool_has_all_of_the_memory():
    """A worker that serves one kind of heavy work keeps no room for the other, and no slots."""
    assert slots(Settings(pools="terraform"), Machine(2_048, 4)) == {Pool.TERRAFORM: 3}
    assert slots(Settings(pools="light"), Machine(2_048, 4)) == {Pool.LIGHT: 128}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"memory.max": "1073741824", "cpu.max": "150000 100000"}, (1024, 1.5)),
        (
            {
                "memory/memory.limit_in_bytes": "536870912",
                "cpu/cpu.cfs_quota_us": "50000",
                "cpu/cpu.cfs_period_us": "100000",
            },
            (512, 0.5),
        ),
    ],
    ids=["version 2", "version 1"],
)
def test_the_limits_of_a_container_count(tmp_path, files, expected):
    """Memory and CPU limits of the control group are below what the machine has."""
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content + "\n")
    assert Machine.here(tmp_path) == Machine(*expected)


def test_a_group_without_limits_has_the_machine(tmp_path):
    """Where nothing is limited, all of the machine counts."""
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert Machine.here(tmp_path) == Machine.here(tmp_path / "absent")
