"""A packed folder comes back as it was, and cannot write elsewhere."""

import io

import pytest
from backports import tarfile

from workers.core.errors import StoreError
from workers.runs.folder import read_folder
from workers.runs.packing import pack_folder, unpack_folder


def test_a_folder_comes_back_with_contents_and_executable_bits(tmp_path):
    """What was planned is what is unpacked for the apply, scripts included."""
    source = tmp_path / "a"
    (source / "module" / "scripts").mkdir(parents=True)
    (source / "main.tf.json").write_text("{}")
    script = source / "module" / "scripts" / "run"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    unpack_folder(pack_folder(source), tmp_path / "b")
    assert read_folder(tmp_path / "b") == read_folder(source)


def test_an_archive_cannot_write_outside_the_folder(tmp_path):
    """A forged archive in the store does not reach other files."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        entry = tarfile.TarInfo("../outside")
        entry.size = 1
        archive.addfile(entry, io.BytesIO(b"x"))
    with pytest.raises(StoreError):
        unpack_folder(target.getvalue(), tmp_path / "b")
    assert not (tmp_path / "outside").exists()


def test_a_damaged_archive_is_named_as_such(tmp_path):
    """Rubbish in the store is an error in words."""
    with pytest.raises(StoreError, match="cannot be unpacked"):
        unpack_folder(b"rubbish", tmp_path / "b")
