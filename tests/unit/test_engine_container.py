"""On which engine the tests run."""

from __future__ import annotations

import pytest

import engine_container
from workers.core.errors import MissingToolError


@pytest.mark.parametrize(
    ("choice", "lacking", "container"),
    [("embedded", "", False), ("container", "", True), ("auto", "", True), ("auto", "there is no docker", False)],
)
def test_the_variable_chooses_the_engine(monkeypatch, choice, lacking, container):
    """`auto` takes a container where one can be started; the other two are taken at their word."""
    monkeypatch.setenv("SLUIS_TEST_ENGINE", choice)
    monkeypatch.setattr(engine_container, "_lacking", lambda: lacking)
    assert engine_container.wanted() is container


@pytest.mark.parametrize(("choice", "said"), [("container", "there is no docker"), ("docker", "auto, embedded or")])
def test_an_engine_that_cannot_be_had_is_said(monkeypatch, choice, said):
    """Who asks for a container where none can be started is told why, and never gets another engine in silence."""
    monkeypatch.setenv("SLUIS_TEST_ENGINE", choice)
    monkeypatch.setattr(engine_container, "_lacking", lambda: "there is no docker")
    with pytest.raises(MissingToolError, match=said):
        engine_container.wanted()


def test_the_container_is_the_one_of_the_compose_file():
    """Image and variables come from docker-compose.yml, so the two cannot drift apart."""
    pytest.importorskip("testcontainers")
    from workers.core.settings import Settings

    container = engine_container.EngineContainer(Settings())._container
    assert container.image.startswith("camunda/camunda:8.9.")
    assert container.env["CAMUNDA_DATA_SECONDARYSTORAGE_TYPE"] == "rdbms"
