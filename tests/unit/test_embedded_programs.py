"""The command lines of the engine's programs: quick to show what happened, or quick at hard work for minutes."""

from __future__ import annotations

from pathlib import Path

import pytest

from workers.engine.embedded import EnginePaths, EnginePorts
from workers.engine.embedded.layout import EngineFolder
from workers.engine.embedded.programs import Program, camunda


def program(folder: Path, *, lasting: bool) -> Program:
    paths = EnginePaths(folder / "java", folder / "camunda", folder / "opensearch")
    return camunda(paths, EnginePorts(), EngineFolder(folder), "token", "http://127.0.0.1:1", lasting=lasting)


@pytest.mark.parametrize("lasting", [False, True])
def test_an_engine_that_lasts_compiles_twice_and_exports_in_batches_of_camundas_default(
    tmp_path: Path, lasting: bool
) -> None:
    """Only the engine for people starts with one compiler and exports a few records at once."""
    made = program(tmp_path, lasting=lasting)
    assert ("-XX:TieredStopAtLevel=1" in made.argv) is not lasting
    assert any(name.endswith("_ARGS_BULK_SIZE") for name in made.env) is not lasting
    assert any(name.endswith("_ARGS_BULK_DELAY") for name in made.env) is not lasting


def test_the_environment_of_the_caller_does_not_reach_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A setting of another Camunda in the shell would have the exporter wait for batches after all."""
    monkeypatch.setenv("ZEEBE_BROKER_EXPORTERS_OPENSEARCH_ARGS_BULK_SIZE", "1000")
    made = program(tmp_path, lasting=False)
    assert made.env["ZEEBE_BROKER_EXPORTERS_OPENSEARCH_ARGS_BULK_SIZE"] == "3"
    assert "ZEEBE_BROKER_EXPORTERS_OPENSEARCH_ARGS_BULK_SIZE" not in program(tmp_path, lasting=True).env
