"""docker-compose.yml beside the rest of the project. Where Docker has compose, it reads the file itself."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs_reading import PROJECT
from workers.catalogue.environments import read_environment
from workers.core.settings import Settings

COMPOSE = PROJECT / "docker-compose.yml"


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    return yaml.safe_load(COMPOSE.read_text())["services"]


def test_docker_compose_reads_it():
    """`docker compose config` takes the file as it is."""
    try:
        there = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        there = False
    if not there:
        pytest.skip("missing: docker compose (the GitHub workflow has it)")
    done = subprocess.run(
        ["docker", "compose", "--file", COMPOSE, "config", "--quiet"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_it_is_reached_from_this_host_only(services):
    """Passwords are public here, so no port is published beyond loopback."""
    published = [port for service in services.values() for port in service.get("ports", ())]
    assert len(published) == 4
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_every_service_that_stays_has_a_health_check(services):
    """What others wait for says when it is ready; what runs once says it by ending."""
    for name, service in services.items():
        once = service.get("restart") in ("no", "on-failure:5")
        own = service.get("healthcheck", {})
        in_the_image = service.get("image") == "sluis:local"
        assert once == own.get("disable", False), name
        assert once or own.get("test") or in_the_image, name


def test_images_are_pinned(services):
    """Nothing is `latest`, so that the same file is the same system tomorrow."""
    for service in services.values():
        tag = service["image"].rpartition(":")[2]
        assert tag not in ("latest", ""), service["image"]
        assert tag == "local" or any(letter.isdigit() for letter in tag), service["image"]


def test_waiting_has_an_end(services):
    """Who waits for somebody waits for a service that there is."""
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)


def test_its_variables_are_settings(services):
    """Every SLUIS_ variable is a setting of the workers."""
    names = {
        name for service in services.values() for name in service.get("environment", ()) if name.startswith("SLUIS_")
    }
    assert names
    assert {name.removeprefix("SLUIS_").lower() for name in names} <= set(Settings.model_fields)


def test_its_environment_fits(tmp_path: Path):
    """The environment file that it puts over the project's own is one that the workers take."""
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "local.yaml").write_text((PROJECT / "docker" / "environment.yaml").read_text())
    found = read_environment(tmp_path, "local")
    assert found.notices.mail is not None
    assert found.notices.mail.host == "mail"
