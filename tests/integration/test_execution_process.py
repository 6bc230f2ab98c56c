"""Running a tool: output, interruption, grace, kill, cancellation, inherited locks."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from execution_fixtures import seconds
from workers.core.errors import MissingToolError
from workers.execution.process import Control, run_tool, tool_environment

ENV = {"PATH": os.defpath}
POLITE = """
import os, signal, sys, time
count = []
def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())
def stop(*_):
    count.append(1)
    say("interrupt", len(count))
signal.signal(signal.SIGINT, stop)
say("ready")
end = time.monotonic() + 20
while not count and time.monotonic() < end: time.sleep(0.01)
time.sleep(0.5)
say("count", len(count))
sys.exit(1)
"""
STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
print("child", child.pid, flush=True)
time.sleep(60)
"""


async def run(script: str, tmp_path: Path, control: Control | None = None, lines: list[str] | None = None, **more):
    kept = lines if lines is not None else []
    return await run_tool(
        [sys.executable, "-c", script], cwd=tmp_path, env=ENV, on_line=kept.append, control=control, **more
    )


async def until(condition) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_output_is_split_into_lines_whatever_is_in_it(tmp_path):
    """Lines arrive whole, invalid UTF-8 is replaced, an endless line is cut, and a last line needs no newline."""
    lines: list[str] = []
    script = r"import sys; w = sys.stdout.buffer.write; w(b'one\r\n\xff\xfe two\n' + b'x' * 300000 + b'\nlast')"
    result = await run(script, tmp_path, lines=lines, max_line=1000)
    assert lines == ["one", "�� two", "x" * 1000 + " … (line cut)", "last"]
    assert (result.exit_status, result.interrupted, result.killed) == (0, False, False)
    assert result.tail[-1] == "last"


async def test_output_of_megabytes_does_not_block_the_tool(tmp_path):
    """A tool that writes 20 MB to both streams runs to its end."""
    count = [0]

    def take(_line: str) -> None:
        count[0] += 1

    script = "import sys\nfor i in range(100000): print('o' * 100); print('e' * 100, file=sys.stderr)"
    result = await run_tool([sys.executable, "-c", script], cwd=tmp_path, env=ENV, on_line=take)
    assert (result.exit_status, count[0]) == (0, 200_000)


async def test_a_sink_that_raises_does_not_stop_the_tool(tmp_path):
    """A log that cannot be written leaves the tool running to its own end."""

    def full(_line: str) -> None:
        raise OSError("disk full")

    result = await run_tool(
        [sys.executable, "-c", "print('x' * 200000); raise SystemExit(3)"], cwd=tmp_path, env=ENV, on_line=full
    )
    assert result.exit_status == 3


async def test_a_stop_sends_exactly_one_interrupt_and_waits(tmp_path):
    """Asked twice to stop, the tool still gets one SIGINT and the time to end by itself."""
    lost, draining = asyncio.Event(), asyncio.Event()
    lines: list[str] = []
    task = asyncio.create_task(run(POLITE, tmp_path, Control(stop=(lost, draining), grace=seconds(20)), lines))
    await until(lambda: "ready" in lines)
    lost.set()
    await asyncio.sleep(0.1)
    draining.set()
    result = await task
    assert lines == ["ready", "interrupt 1", "count 1"]
    assert (result.exit_status, result.interrupted, result.timed_out, result.killed) == (1, True, False, False)


async def test_a_tool_whose_time_is_up_is_interrupted_and_says_so(tmp_path):
    """The timeout stops a tool in the same orderly way."""
    lines: list[str] = []
    result = await run(POLITE, tmp_path, Control(timeout=seconds(2), grace=seconds(20)), lines)
    assert lines[-1] == "count 1"
    assert (result.interrupted, result.timed_out, result.killed) == (True, True, False)


async def test_after_the_grace_period_everything_is_killed(tmp_path):
    """A tool that ignores the interrupt is killed after the grace period, with its children in other sessions."""
    stop = asyncio.Event()
    lines: list[str] = []
    task = asyncio.create_task(run(STUBBORN, tmp_path, Control(stop=(stop,), grace=seconds(0.5)), lines))
    await until(lambda: lines)
    stop.set()
    started = time.monotonic()
    result = await task
    assert 0.4 < time.monotonic() - started < 10
    assert (result.exit_status, result.killed) == (-signal.SIGKILL, True)
    child = int(lines[0].split()[1])
    await until(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE)


async def test_a_cancelled_caller_waits_for_the_tool(tmp_path):
    """Cancelling the task interrupts the tool, waits for it, and only then ends as cancelled."""
    lines: list[str] = []
    task = asyncio.create_task(run(POLITE, tmp_path, Control(grace=seconds(20)), lines))
    await until(lambda: "ready" in lines)
    task.cancel()
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert lines[-1] == "count 1"


async def test_interrupts_reach_a_tool_started_where_they_are_ignored(tmp_path):
    """A worker in the background of a script has SIGINT ignored; its tools still stop."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        stop = asyncio.Event()
        stop.set()
        result = await run("import time; time.sleep(30)", tmp_path, Control(stop=(stop,), grace=seconds(10)))
    finally:
        signal.signal(signal.SIGINT, before)
    assert result.killed is False
    assert result.interrupted is True


async def test_the_tool_has_a_session_of_its_own(tmp_path):
    """Ctrl-C at our terminal does not reach the tool."""
    lines: list[str] = []
    await run("import os; print(os.getsid(0) == os.getpid())", tmp_path, lines=lines)
    assert lines == ["True"]


async def test_an_inherited_lock_is_held_as_long_as_the_tool_lives(tmp_path):
    """The lock of a run stays taken while the tool runs, even when we have closed our own end."""
    path = tmp_path / "lock"
    handle = path.open("w")
    fcntl.flock(handle, fcntl.LOCK_EX)
    lines: list[str] = []
    script = "import sys; print('ready', flush=True); import time; time.sleep(1)"
    task = asyncio.create_task(run(script, tmp_path, Control(inherit_fds=(handle.fileno(),)), lines))
    await until(lambda: lines)
    handle.close()
    with path.open("w") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    await task
    with path.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


async def test_something_left_running_does_not_hold_us_up(tmp_path):
    """A background process that keeps the pipe open delays the end by seconds and not for ever."""
    child = "[sys.executable, '-c', 'import time; time.sleep(30)']"
    script = f"import subprocess, sys; p = subprocess.Popen({child}); print(p.pid)"
    lines: list[str] = []
    started = time.monotonic()
    result = await run(script, tmp_path, lines=lines)
    with contextlib.suppress(ProcessLookupError):
        os.kill(int(lines[0]), signal.SIGKILL)
    assert result.exit_status == 0
    assert time.monotonic() - started < 15


async def test_a_missing_program_is_named(tmp_path):
    """The error says which program is not there."""
    with pytest.raises(MissingToolError, match="no-such-program"):
        await run_tool(["no-such-program"], cwd=tmp_path, env=ENV, on_line=print)


def test_only_listed_variables_reach_a_tool(monkeypatch):
    """Secrets in our own environment stay with us; the cloud identity goes only where it is asked for."""
    monkeypatch.setenv("SLUIS_REST_PASSWORD", "hidden")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid")
    env = tool_environment({"GIVEN": "1"})
    assert "SLUIS_REST_PASSWORD" not in env
    assert "AWS_ACCESS_KEY_ID" not in env
    assert (env["GIVEN"], env["HTTPS_PROXY"]) == ("1", "http://proxy.invalid")
    assert tool_environment(cloud=True)["AWS_ACCESS_KEY_ID"] == "id"
