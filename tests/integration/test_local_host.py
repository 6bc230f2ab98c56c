"""The module local_host makes real machines, sees them as they are, and takes all of them away again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from local_host_fixtures import MODULE, PROGRAM, Host, machine, need_root, needed, runs, stack, tools, traces

__all__ = ["tools"]  # a fixture that is used by being here

pytestmark = [pytest.mark.tofu, pytest.mark.ssh]


def plan_of(folder: Path, name: str, generation: str, image: str) -> dict[str, str]:
    """What the resource would hand to the program."""
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKTqcYCpFYHwV8dFzYsFXJWmgNVf5TlMbDrhHvNdOJp8"
    return {"authorized_key": key, "folder": str(folder), "generation": generation, "hostname": name, "image": image,
            "kind": "namespaces", "name": name, "subnet": "10.203.0.0/16"}  # fmt: skip


def program(verb: str, plan: dict[str, str]) -> subprocess.Popen[str]:
    """Start the module's program as its provisioners do."""
    return subprocess.Popen(
        [sys.executable, "-B", str(PROGRAM), verb],
        env={**os.environ, "LOCAL_HOST": json.dumps(plan)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_a_machine_from_its_first_plan_to_nothing(tmp_path: Path) -> None:
    """Made, found unchanged, found dead and replaced, taken away without a trace."""
    need_root()
    needed("SLUIS_HOST_IMAGE")
    with stack(tmp_path) as made:
        host = made.apply()
        assert host.ssh("hostname").stdout.strip() == "web1"
        assert made.output()["kind"] == "namespaces"
        assert made.plan()[0] == 0

        first = made.record()
        assert runs(first)
        os.kill(first["pid"], signal.SIGKILL)
        code, text = made.plan()
        assert code == 2
        assert "must be replaced" in text

        host = made.apply()
        assert host.ssh("hostname").stdout.strip() == "web1"
        assert made.plan()[0] == 0
        second = made.record()
        assert second["generation"] != first["generation"]
        assert second["host_keys"] != first["host_keys"]

        made.destroy()
        assert traces(second["link"], made.hosts) == []
        assert not runs(second)


def test_two_machines_at_once_never_meet(tmp_path: Path) -> None:
    """Two made at the same moment have an address, a name and processes of their own; one's end is not the other's."""
    need_root()
    needed("SLUIS_HOST_IMAGE")
    shared = tmp_path / "hosts"
    with stack(tmp_path / "a", "web1", hosts=shared) as one, stack(tmp_path / "b", "web2", hosts=shared) as two:
        with ThreadPoolExecutor() as pool:
            first, second = pool.map(lambda each: each.apply(), (one, two))
        assert first.address != second.address
        assert [first.ssh("hostname").stdout, second.ssh("hostname").stdout] == ["web1\n", "web2\n"]
        first.ssh("touch", "/only-here")
        assert second.ssh("test", "-e", "/only-here", check=False).returncode == 1
        one.destroy()
        assert second.ssh("true").returncode == 0
        assert two.plan()[0] == 0


def test_a_name_that_lives_already_is_refused(tmp_path: Path) -> None:
    """A second stack that asks for a living machine's name is told so, and taking it back harms nobody."""
    need_root()
    needed("SLUIS_HOST_IMAGE")
    shared = tmp_path / "hosts"
    with stack(tmp_path / "a", hosts=shared) as one:
        host = one.apply()
        with stack(tmp_path / "b", hosts=shared, hostname="other") as two:
            # As if the machine had come between the plan and its apply: its generation is not the planned one.
            plan = plan_of(shared, "web1", "another", os.environ["SLUIS_HOST_IMAGE"])
            refused = program("create", plan)
            assert "a living machine of that name" in refused.communicate(timeout=60)[1]
            # As it was when it was planned, but made for another key: it belongs to a stack of another environment.
            with program("create", {**plan, "generation": one.record()["generation"]}) as theirs:
                assert "a living machine of that name" in theirs.communicate(timeout=60)[1]
            assert refused.returncode == 1
            assert program("destroy", plan).wait(timeout=60) == 0
            assert two.folder.exists()
        assert host.ssh("hostname").stdout.strip() == "web1"


def test_what_was_half_made_is_taken_away(tmp_path: Path) -> None:
    """Killed in the middle of making, it leaves nothing that the removal does not find."""
    need_root()
    image = needed("SLUIS_HOST_IMAGE")
    hosts = tmp_path / "hosts"
    plan = plan_of(hosts, "half", "half", image)
    maker = program("create", plan)
    record = hosts / "half" / "host.json"
    link = ""
    while not link and maker.poll() is None:
        time.sleep(0.001)
        link = json.loads(record.read_text())["link"] if record.exists() else ""
    maker.kill()
    maker.communicate(timeout=10)
    remover = program("destroy", plan)
    assert remover.wait(timeout=60) == 0, remover.communicate()
    assert link
    assert traces(link, hosts) == []


def test_nothing_that_was_started_over_ssh_outlives_the_lesser_kind(tmp_path: Path) -> None:
    """A daemon that somebody starts on a user-level machine ends with the machine."""
    need_root()
    key, hosts = tmp_path / "key", tmp_path / "hosts"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    plan = plan_of(hosts, "lesser", "lesser", "") | {"kind": "user_sshd"}
    plan["authorized_key"] = key.with_suffix(".pub").read_text().strip()
    maker = program("create", plan)
    assert maker.wait(timeout=60) == 0, maker.communicate()
    made = json.loads((hosts / "lesser" / "host.json").read_text())
    known = tmp_path / "known"
    known.write_text(f"[{made['address']}]:{made['port']} {made['host_keys'][0]}\n")
    host = Host("lesser", made["address"], made["port"], made["user"], key, known)
    daemon = int(host.ssh("setsid sh -c 'sleep 600 > /dev/null & echo $!' < /dev/null 2> /dev/null").stdout)
    left = [psutil.Process(daemon)]
    assert program("destroy", plan).wait(timeout=60) == 0
    assert psutil.wait_procs(left, timeout=10)[1] == []


def test_an_image_that_is_none_leaves_nothing(tmp_path: Path) -> None:
    """A wrong archive fails with its name, and no file of the machine stays."""
    need_root()
    image = tmp_path / "image.tar"
    subprocess.run(["tar", "-cf", str(image), "-C", str(MODULE), "main.tf"], check=True)
    maker = program("create", plan_of(tmp_path / "hosts", "none", "none", str(image)))
    said = maker.communicate(timeout=60)[1]
    assert maker.returncode == 1
    assert f"image {image}: no Debian root" in said
    assert "Traceback" not in said
    assert traces("slhnone", tmp_path / "hosts") == []


def test_root_without_an_image_is_told_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An sshd of root on this very host is never made for want of an image."""
    need_root()
    monkeypatch.delenv("SLUIS_HOST_IMAGE", raising=False)
    with stack(tmp_path) as made:
        code, text = made.plan()
    assert code == 1
    assert "SLUIS_HOST_IMAGE" in text


def test_the_machine_is_its_own(tmp_path: Path) -> None:
    """It sees only its own processes, changes no kernel setting, makes no device, and keeps its sshd alive."""
    with machine(tmp_path) as host:
        assert host.ssh("cat", "/proc/1/comm").returncode == 0
        assert len(host.ssh("ls", "-d", "/proc/[0-9]*").stdout.split()) < 20
        assert host.ssh("sysctl -w kernel.panic=1 || echo 1 > /proc/sys/kernel/panic", check=False).returncode
        assert host.ssh("mknod", "/disk", "b", "8", "0", check=False).returncode
        assert host.ssh("cat", "/proc/1/environ", check=False).returncode
        host.ssh("kill $(cat /run/sshd.pid)", check=False)
        deadline = time.monotonic() + 10
        while host.ssh("true", check=False).returncode:
            assert time.monotonic() < deadline


def test_it_reaches_the_package_mirror(tmp_path: Path) -> None:
    """Real apt works there, through the host."""
    with machine(tmp_path) as host:
        host.ssh("apt-get", "-qq", "update")
        assert "Candidate: (none)" not in host.ssh("apt-cache", "policy", "nginx").stdout


def test_the_modules_own_tests_pass(tmp_path: Path) -> None:
    """Inputs are refused as they should be, the user-level kind serves, and the files are formatted."""
    with stack(tmp_path / "none") as made:
        copy = shutil.copytree(MODULE, made.folder / "module")
        assert made.tofu(f"-chdir={copy}", "init", "-input=false").returncode == 0
        for verb in (("validate",), ("test",), ("fmt", "-check", "-recursive")):
            done = made.tofu(f"-chdir={copy}", *verb)
            assert done.returncode == 0, done.stdout + done.stderr
