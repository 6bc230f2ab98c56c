"""The Dockerfile as it is read for running its steps, and what it promises."""

from __future__ import annotations

import pytest

from dockerfile import ignored, read
from docs_reading import PROJECT

STAGES = read(PROJECT / "Dockerfile")
PATTERNS = [line for line in (PROJECT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]


def test_every_base_is_pinned_by_digest():
    """The same Dockerfile begins with the same bytes tomorrow."""
    assert len(STAGES) == 3
    assert all("@sha256:" in stage.image for stage in STAGES)


def test_it_runs_without_rights_and_says_how_it_is():
    """A numeric user that Kubernetes can check, a health check, and a command that gets signals."""
    final = STAGES[-1]
    assert final.last("USER") == "10001:10001"
    assert "/api/health" in final.command("HEALTHCHECK")[-1]
    assert final.command("ENTRYPOINT")[-1] == "sluis"
    assert final.environment()["SLUIS_ENGINE"] == "external"


@pytest.mark.parametrize(
    ("path", "out"),
    [
        ("workers", False),
        ("workers/cli/main.py", False),
        ("terraform/modules/local_host/main.tf", False),
        ("requirements/image.txt", False),
        (".git/config", True),
        (".sluis/keys/id", True),
        ("tests/conftest.py", True),
        ("terraform/platform/main.tf", True),
        ("requirements/dev.txt", True),
    ],
)
def test_only_what_is_copied_is_sent_to_docker(path, out):
    """The data folder with its keys never gets into a build."""
    assert ignored(path, PATTERNS) is out


def test_everything_that_is_copied_is_there_and_let_in():
    """No COPY names what .dockerignore keeps out, or what does not exist."""
    for stage in STAGES:
        for name, text in stage.steps:
            if name == "COPY" and not text.startswith("--from"):
                for source in text.split()[:-1]:
                    assert (PROJECT / source).exists(), source
                    assert not ignored(source, PATTERNS), source


def test_an_instruction_that_is_not_known_is_an_error(tmp_path):
    """A step that the test would leave out stops it."""
    (tmp_path / "Dockerfile").write_text("FROM debian\nADD x /x\n")
    with pytest.raises(ValueError, match="ADD is not known"):
        read(tmp_path / "Dockerfile")
