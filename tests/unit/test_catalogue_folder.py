"""Folders as values."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from workers.core.errors import ContractError
from workers.core.values import digest_files
from workers.runs.folder import digest_folder, read_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "module"
    (path / "files").mkdir(parents=True)
    (path / "main.tf").write_text("a")
    (path / "files" / "run.sh").write_text("b")
    return path


def test_what_tools_leave_behind_does_not_count(folder: Path) -> None:
    """State, caches and version control change neither the content nor the digest."""
    before = digest_folder(folder)
    for name in (
        ".terraform/x",
        ".git/HEAD",
        "files/__pycache__/a.pyc",
        "terraform.tfstate",
        "terraform.tfstate.backup",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("noise")
    assert digest_folder(folder) == before
    assert set(read_folder(folder).files) == {"main.tf", "files/run.sh"}


def test_names_contents_and_the_executable_bit_count(folder: Path) -> None:
    """Whatever can change what a tool does changes the digest."""
    digests = {digest_folder(folder)}
    assert digests == {digest_files({"main.tf": b"a", "files/run.sh": b"b"})}
    (folder / "files" / "run.sh").chmod(0o755)
    digests.add(digest_folder(folder))
    (folder / "main.tf").write_text("c")
    digests.add(digest_folder(folder))
    (folder / "main.tf").rename(folder / "other.tf")
    digests.add(digest_folder(folder))
    assert len(digests) == 4


def test_links(folder: Path, tmp_path: Path) -> None:
    """A link to a file inside is read; one that leads out, nowhere or to a folder is refused by name."""
    (folder / "link.tf").symlink_to("main.tf")
    assert read_folder(folder).files["link.tf"] == b"a"
    (tmp_path / "secret").write_text("x")
    for target in (tmp_path / "secret", "nowhere", "files"):
        (folder / "bad").symlink_to(target)
        with pytest.raises(ContractError, match="bad"):
            read_folder(folder)
        (folder / "bad").unlink()


def test_what_is_no_plain_file_is_refused(folder: Path) -> None:
    """A pipe would block the reader for ever."""
    os.mkfifo(folder / "pipe")
    with pytest.raises(ContractError, match="not a plain file"):
        read_folder(folder)


def test_no_such_folder(tmp_path: Path) -> None:
    """A folder that is not there is told as such."""
    with pytest.raises(ContractError, match="cannot be read"):
        digest_folder(tmp_path / "none")
