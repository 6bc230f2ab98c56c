"""A state that tofu could not write at the end of an apply: kept, and put back before the next plan of the stack.

Without it everything that the apply made would be in no state. Tofu leaves it in the workspace, which is removed.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from pathlib import Path

from workers.core.errors import StoreError
from workers.core.records import StackId
from workers.core.values import digest_bytes
from workers.execution.kept import workspace_of
from workers.execution.stack_root import StackRoot
from workers.execution.terraform import Call
from workers.execution.workspace import ERRORED_STATE, memory_folder
from workers.handlers.context import Context


async def keep_errored_state(context: Context, stack: StackId, root: StackRoot) -> str:
    """Keep the state that tofu left in the workspace, if it did; says where, or nothing.

    The store may be what has no room: then it is kept in memory, until the machine goes down.
    """
    file = root.folder / ERRORED_STATE
    if not file.is_file():
        return ""
    content = file.read_bytes()
    try:
        await context.store.write(_key(stack), content)
    except StoreError:
        _write(_elsewhere(context, stack), content)
        return f"file {_elsewhere(context, stack)}"
    return f"the store's {_key(stack)}"


async def rescue_state(context: Context, stack: StackId, kept: Path) -> bool:
    """Keep the state that a dead worker's tofu left in its workspace; whether one waits to be put back."""
    workspace = workspace_of(kept)
    if workspace and await keep_errored_state(context, stack, StackRoot(workspace)):
        await asyncio.to_thread(shutil.rmtree, workspace, ignore_errors=True)
    return await is_state_kept(context, stack)


async def is_state_kept(context: Context, stack: StackId) -> bool:
    """Whether a state waits to be put back."""
    return _elsewhere(context, stack).is_file() or await context.store.read(_key(stack)) is not None


async def put_back_state(context: Context, stack: StackId, root: StackRoot, call: Call) -> None:
    """Give the backend the state that an earlier apply could not write.

    Raises:
        ToolError: the backend does not take it; it stays kept.
    """
    spare = _elsewhere(context, stack)
    content = spare.read_bytes() if spare.is_file() else await context.store.read(_key(stack))
    if content is None:
        return
    await context.terraform().push_state(root, content, call=call)
    await context.store.delete(_key(stack))
    spare.unlink(missing_ok=True)


def _key(stack: StackId) -> str:
    return f"errored-states/{stack}.tfstate"


def _elsewhere(context: Context, stack: StackId) -> Path:
    place = digest_bytes(f"{context.data.resolve()} {stack}".encode())[:16]
    return Path(memory_folder() or tempfile.gettempdir()) / f"sluis-errored-{place}.tfstate"


def _write(file: Path, content: bytes) -> None:
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(content)
