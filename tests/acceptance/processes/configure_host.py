"""Configure host: a host that Sluis did not make gets a role, approved by a second person, and is verified."""

from __future__ import annotations

import json
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from acceptance.process_runs import Happenings, ProcessRuns, approve, asked, ended_well
from integration.local_host_fixtures import Host, machine
from served import Served
from workers.execution.keys import environment_key

MESSAGE = "Host {{ 6*7 }} of the data centre"


@contextmanager
def known_host(project: Served, name: str) -> Iterator[Host]:
    """A machine that no stack knows, with Sluis's key on it and an entry in the environment file."""
    environment = project.folder / "environments" / "local.yaml"
    before = environment.read_text()
    key = environment_key(project.data / "keys", "local").public
    with tempfile.TemporaryDirectory() as folder, machine(Path(folder) / "made", name) as host:
        host.ssh(f"echo '{key}' >> /root/.ssh/authorized_keys")
        keys = [line.split(" ", 1)[1] for line in host.known_hosts.read_text().splitlines()]
        entry = {"address": host.address, "port": host.port, "host_keys": keys}
        environment.write_text(f"{before}\nhosts:\n  {name}: {entry}\n")
        try:
            yield host
        finally:
            environment.write_text(before)


def configure(project: Served, name: str, message: str) -> int:
    """Ask for the web server on the host."""
    inputs = json.dumps({"web_server_message": message})
    return project.start_process(
        "ConfigureHost", environment="local", hosts=name, role="web_server", inputs=inputs, reason="A page is needed."
    )


def page(host: Host) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://{host.address}/", timeout=10) as answer:
        return answer.read().decode()


def once(project: Served, number: int) -> Happenings:
    name = f"rack{number}"
    with known_host(project, name) as host:
        return configured(project, name, host)


def configured(project: Served, name: str, host: Host) -> Happenings:
    instance = configure(project, name, MESSAGE)
    approve(project, instance)
    happenings = ended_well(project.watch(instance))
    assert MESSAGE in page(host)
    return happenings


def again(project: Served, number: int) -> Happenings:
    name = f"again{number}"
    with known_host(project, name) as host:
        configured(project, name, host)
        happenings = ended_well(project.watch(configure(project, name, MESSAGE)))
        assert asked(happenings) == []
        assert MESSAGE in page(host)
    return happenings


RUNS = ProcessRuns("ConfigureHost", once, again)
