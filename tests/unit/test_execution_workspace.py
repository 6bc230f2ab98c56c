"""What killed workers leave behind in private folders."""

from __future__ import annotations

import pytest

from workers.execution import workspace
from workers.execution.kept import name_workspace, workspace_of
from workers.execution.workspace import ERRORED_STATE, held, remove_left_overs


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A place of private folders of this test only, where nothing is too fresh."""
    monkeypatch.setattr(workspace, "memory_folder", lambda: str(tmp_path))
    monkeypatch.setattr(workspace.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(workspace, "_FRESH_SECONDS", -1)
    return tmp_path


def test_only_what_nobody_needs_is_removed(places):
    """A folder that a tool works in stays, and one with a state that is nowhere else; the others go."""
    used, errored, left, foreign = (places / name for name in ("sluis-used", "sluis-errored", "sluis-left", "other"))
    for folder in (used, errored, left, foreign):
        folder.mkdir()
    (errored / ERRORED_STATE).write_text("{}")
    with held(used):
        assert remove_left_overs() == (left,)
    assert sorted(path.name for path in places.iterdir()) == ["other", "sluis-errored", "sluis-used"]


def test_the_workspace_of_a_run_is_found_while_it_is_there(tmp_path):
    """The last one that was named, and none once it is gone."""
    kept, first, second = (tmp_path / name for name in ("kept", "first", "second"))
    for folder in (kept, first, second):
        folder.mkdir()
    assert workspace_of(kept) is None
    name_workspace(kept, first)
    name_workspace(kept, second)
    assert workspace_of(kept) == second
    second.rmdir()
    assert workspace_of(kept) is None
