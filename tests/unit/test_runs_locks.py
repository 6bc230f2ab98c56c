"""A lock lives as long as the last process that holds it."""

import signal
import subprocess
import sys

from workers.runs.locks import FileLock, holder_of, is_held


def test_a_taken_lock_is_held_until_it_is_freed(tmp_path):
    """A second taker is turned away and can name the holder."""
    path = tmp_path / "locks" / "a.lock"
    lock = FileLock(path)
    assert lock.take("7-1", "worker")
    assert not FileLock(path).take("8-1", "other")
    assert is_held(path)
    assert holder_of(path).run == "7-1"
    lock.free()
    assert not is_held(path)


def test_a_child_keeps_the_lock_when_its_parent_is_gone(tmp_path):
    """A tool that outlives its worker still holds the lock through the inherited descriptor."""
    path = tmp_path / "a.lock"
    lock = FileLock(path)
    assert lock.take("7-1", "worker")
    child = subprocess.Popen(
        [sys.executable, "-c", "import sys; print('up', flush=True); sys.stdin.read()"],
        pass_fds=(lock.descriptor,),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        child.stdout.readline()
        lock.free()
        assert is_held(path)
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate()
    assert not is_held(path)
