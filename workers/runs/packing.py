"""A folder as one object of the store, and back."""

from __future__ import annotations

import io
from pathlib import Path

from backports import tarfile

from workers.core.errors import StoreError
from workers.runs.folder import read_folder


def pack_folder(folder: Path) -> bytes:
    """Everything in ``folder`` that counts (see `read_folder`), as a compressed archive.

    Raises:
        ContractError: something in it cannot be read.
    """
    content = read_folder(folder)
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz", compresslevel=1) as archive:
        for name, data in sorted(content.files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            entry.mode = 0o700 if name in content.executables else 0o600
            archive.addfile(entry, io.BytesIO(data))
    return target.getvalue()


def unpack_folder(packed: bytes, folder: Path) -> None:
    """Put a packed folder's files below ``folder``.

    Raises:
        StoreError: the archive is damaged, or a name in it would leave the folder.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
            archive.extractall(folder, filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise StoreError(f"The stored workspace cannot be unpacked: {error}.", "Plan again.") from error
