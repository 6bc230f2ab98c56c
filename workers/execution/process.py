"""Run one tool to its end: no shell, own session, one interrupt, a grace period, and only then the axe.

A tool writes to files and not to pipes, and holds its locks itself: where we are killed, it goes on to its own end and
keeps its state. Written to a pipe that nobody reads any more, its next line would be its last (SIGPIPE).
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import psutil

from workers.core.errors import MissingToolError
from workers.core.spans import span
from workers.execution.kept import ERRORS, OUTPUT
from workers.execution.lines import Lines, OnLine
from workers.execution.workspace import held, memory_folder
from workers.runs.plugins import end_plugins_of

_PASSED_ON: Final = frozenset({
    "PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "USER", "LOGNAME", "SSL_CERT_FILE",
    "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
    "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy", "TF_PLUGIN_CACHE_DIR",
    "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE", "SSH_AUTH_SOCK", "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME", "XDG_DATA_HOME",
})  # fmt: skip
_TAIL_LINES: Final = 40
_CHUNK: Final = 256 * 1024
_READ_SECONDS: Final = 0.05


@dataclass(frozen=True)
class Control:
    """How a tool may be stopped.

    Attributes:
        stop: when one of these events is set, the tool gets one SIGINT (a second is the order to abandon the state).
        grace: how long it may take to stop after that before its process group is killed.
        timeout: it is stopped in the same way when it runs for longer; ``None`` for no bound.
        inherit_fds: file descriptors that it holds open for as long as it lives, such as the lock of a run.
    """

    stop: tuple[asyncio.Event, ...] = ()
    grace: timedelta = timedelta(seconds=120)
    timeout: timedelta | None = None
    inherit_fds: tuple[int, ...] = ()


@dataclass(frozen=True)
class ToolResult:
    """How a tool ended.

    Attributes:
        exit_status: its exit status, negative for a signal.
        interrupted: it was sent a SIGINT (asked to stop, timed out, or the caller was cancelled).
        timed_out: it was because its time was up.
        killed: it did not stop within the grace period and was killed; what it did last is unknown.
        seconds: how long it ran.
        tail: its last lines, cut, not redacted.
    """

    exit_status: int
    interrupted: bool
    timed_out: bool
    killed: bool
    seconds: float
    tail: tuple[str, ...]


def tool_environment(extra: Mapping[str, str] | None = None, *, cloud: bool = False) -> dict[str, str]:
    """The environment variables of a tool: an allow-list of ours, and ``extra``.

    Args:
        extra: variables that are set on top.
        cloud: pass our own AWS identity on (``AWS_*``).
    """
    ours = {
        k: v
        for k, v in os.environ.items()
        if k in _PASSED_ON or k.startswith("LC_") or (cloud and k.startswith("AWS_"))
    }
    return {"PATH": os.defpath, "LANG": "C.UTF-8", **ours, **(extra or {})}


async def run_tool(
    argv: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str],
    on_line: OnLine,
    on_error_line: OnLine | None = None,
    control: Control | None = None,
    max_line: int = 65536,
    kept: Path | None = None,
    name: str = "",
) -> ToolResult:
    """Run ``argv`` to its end and hand over its output line by line.

    A cancelled caller is treated as a stop: the tool is interrupted and waited for before the cancellation goes on.

    Args:
        argv: program and arguments; no shell ever reads them.
        cwd: its working directory.
        env: all of its environment, see ``tool_environment``.
        on_line: takes each line of its standard output.
        on_error_line: takes each line of its standard error; default ``on_line``.
        control: how it may be stopped.
        max_line: characters after which a line is cut.
        kept: the folder where its output stays under a name, for whoever comes after us (`workers.execution.kept`).
        name: what the call is called in a trace; default: the program and its command.

    Raises:
        MissingToolError: there is no such program, or it may not be run.
    """
    watched = control or Control()
    cancelled = asyncio.Event()
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    with (
        span(name or _called(argv)) as call,
        _output(Lines(on_line, tail, max_line), kept and kept / OUTPUT) as out,
        _output(Lines(on_error_line or on_line, tail, max_line), kept and kept / ERRORS) as err,
    ):
        tool = await _start([os.fspath(part) for part in argv], cwd, env, watched, (out.file, err.file))
        supervision = asyncio.create_task(
            _supervise(tool, watched, cancelled, (out, err), tail), name=f"tool {tool.pid}"
        )
        try:
            result = await asyncio.shield(supervision)
        except asyncio.CancelledError:
            cancelled.set()
            await _outlast(supervision)
            raise
        call.attributes["process.exit.code"] = result.exit_status
        return result


def _called(argv: Sequence[str | Path]) -> str:
    program, command = Path(argv[0]).name, str(argv[1]) if len(argv) > 1 else ""
    return f"{program} {command}" if command.isalpha() else program


@dataclass
class _Output:
    """A file, without a name unless it is to be kept, that a tool writes to, and how far it was read."""

    file: int
    lines: Lines
    position: int = 0

    def read(self) -> bool:
        """Hand over what is new, a piece of it where it is much; whether there may be more."""
        chunk = os.pread(self.file, _CHUNK, self.position)
        self.position += len(chunk)
        if chunk:
            self.lines.feed(chunk)
        return len(chunk) == _CHUNK

    def end(self) -> None:
        """Hand over the rest."""
        while self.read():
            pass
        self.lines.end()


@contextlib.contextmanager
def _output(lines: Lines, name: Path | None) -> Iterator[_Output]:
    with name.open("w+b") if name else tempfile.TemporaryFile(dir=memory_folder()) as file:
        # Where it is opened for appending, two processes that write to it do not overwrite each other.
        fcntl.fcntl(file, fcntl.F_SETFL, fcntl.fcntl(file, fcntl.F_GETFL) | os.O_APPEND)
        yield _Output(file.fileno(), lines)


async def _start(
    argv: list[str], cwd: Path, env: Mapping[str, str], control: Control, output: tuple[int, int]
) -> asyncio.subprocess.Process:
    # A worker started in the background by a script has SIGINT ignored, and a tool would inherit that.
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    try:
        with held(cwd) as folder:
            return await asyncio.create_subprocess_exec(
                *argv,
                cwd=cwd,
                env=dict(env),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output[0],
                stderr=output[1],
                start_new_session=True,
                pass_fds=(*control.inherit_fds, folder),
                preexec_fn=_listen_to_interrupts if ignored else None,
            )
    except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
        raise MissingToolError(f"{argv[0]} cannot be run in {cwd}: {error.strerror}.", "Run `sluis doctor`.") from error


def _listen_to_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


async def _outlast(supervision: asyncio.Task[ToolResult]) -> None:
    """Wait for the end of the tool even if the caller is cancelled again and again."""
    while not supervision.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([supervision])


async def _supervise(
    tool: asyncio.subprocess.Process,
    control: Control,
    cancelled: asyncio.Event,
    outputs: tuple[_Output, _Output],
    tail: deque[str],
) -> ToolResult:
    started = time.monotonic()
    ending = asyncio.create_task(tool.wait())
    reading = asyncio.create_task(_read(outputs))
    reason = await _first_reason(ending, control, cancelled)
    killed = await _stop(tool, ending, control.grace) if reason else False
    status = await ending
    if status < 0:
        await asyncio.to_thread(end_plugins_of, tool.pid)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    for output in outputs:
        output.end()
    return ToolResult(status, bool(reason), reason == "timeout", killed, time.monotonic() - started, tuple(tail))


async def _read(outputs: tuple[_Output, _Output]) -> None:
    while True:
        more = [output.read() for output in outputs]
        await asyncio.sleep(0 if any(more) else _READ_SECONDS)


async def _first_reason(ending: asyncio.Task[int], control: Control, cancelled: asyncio.Event) -> str:
    """Why the tool has to stop: ``stop``, ``timeout``, or nothing because it ended by itself."""
    asked = [asyncio.create_task(event.wait()) for event in (*control.stop, cancelled)]
    timeout = control.timeout.total_seconds() if control.timeout else None
    try:
        await asyncio.wait([ending, *asked], timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if ending.done():
            return ""
        return "stop" if any(task.done() for task in asked) else "timeout"
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)


async def _stop(tool: asyncio.subprocess.Process, ending: asyncio.Task[int], grace: timedelta) -> bool:
    """One SIGINT to the tool itself, the whole grace period, then SIGKILL to all of it. Whether it was killed."""
    with contextlib.suppress(ProcessLookupError):
        tool.send_signal(signal.SIGINT)
    done, _ = await asyncio.wait([ending], timeout=grace.total_seconds())
    if done:
        return False
    _kill(tool.pid)
    return True


def _kill(pid: int) -> None:
    # Ansible's workers have sessions of their own, so the group alone is not all of it.
    children: list[psutil.Process] = []
    with contextlib.suppress(psutil.Error):
        children = psutil.Process(pid).children(recursive=True)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    for child in children:
        with contextlib.suppress(psutil.Error):
            child.kill()
