"""What killed workers leave behind in private folders."""

from __future__ import annotations

import pytest

from workers.execution import workspace
from workers.execution.kept import name_workspace, workspace_of
from workers.execution.terraform_program import relink
from workers.execution.workspace import ERRORED_STATE, held, private_folder, remove_left_overs


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A place of private folders of this test only, where nothing is too fresh."""
    monkeypatch.setattr(workspace, "memory_folder", lambda: str(tmp_path))
    monkeypatch.setattr(workspace.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(workspace, "_FRESH_SECONDS", -1)
    return tmp_path


def test_only_what_nobody_needs_is_removed(places):
    """A folder that a tool works in stays, and one with a state that is nowhere else; the others go."""
    used, errored, left = (places / f"sluis-private-{name}" for name in ("used", "errored", "left"))
    for folder in (used, errored, left):
        folder.mkdir(mode=0o700)
    (errored / ERRORED_STATE).write_text("{}")
    with held(used):
        assert remove_left_overs() == (left,)
    assert sorted(places.iterdir()) == [errored, used]


def test_what_others_call_alike_stays(places):
    """A clone of the project beside our folders is nobody's left-over, whatever its name and mode."""
    clone, opened = places / "sluis-demo", places / "sluis-private-notes"
    clone.mkdir(mode=0o700)
    opened.mkdir(mode=0o755)
    assert remove_left_overs() == ()
    assert sorted(places.iterdir()) == [clone, opened]


def test_a_private_folder_is_one_that_would_be_found(places):
    """What a worker leaves behind when it is killed has the name and the mode that the next one looks for."""
    with private_folder() as folder:
        assert remove_left_overs() == ()
        beside = folder.with_name(f"{folder.name}-left")
        beside.mkdir(mode=folder.stat().st_mode & 0o777)
    assert remove_left_overs() == (beside,)


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


def test_providers_are_read_past_a_cache_that_points_to_a_mirror(tmp_path):
    """The cache's link may be taken away at any time; what lies in the cache itself is read there."""
    mirror, cache, root = (tmp_path / name for name in ("mirror", "cache", "root"))
    place = "registry/hashicorp/local/2.7.0"
    (mirror / place / "linux").mkdir(parents=True)
    (mirror / place / "linux" / "program").write_text("mirrored")
    (cache / "registry/hashicorp/aws/6.0.0/linux").mkdir(parents=True)
    for folder, link, target in (
        (cache / place, "linux", mirror / place / "linux"),
        (root / place, "linux", cache / place / "linux"),
        (root / "registry/hashicorp/aws/6.0.0", "linux", cache / "registry/hashicorp/aws/6.0.0/linux"),
    ):
        folder.mkdir(parents=True)
        (folder / link).symlink_to(target)
    relink(root)
    (cache / place / "linux").unlink()
    assert (root / place / "linux" / "program").read_text() == "mirrored"
    assert [path.name for path in (root / place).iterdir()] == ["linux"]
    assert (root / "registry/hashicorp/aws/6.0.0/linux").readlink() == cache / "registry/hashicorp/aws/6.0.0/linux"
