"""The service's log in CloudWatch Logs too, where no agent of the platform takes it from standard error.

Lines wait in a bounded queue and are put by a thread in batches, so that logging never waits for AWS. What does not
fit any more is counted, and the count is told once lines are taken again. Lines come with their secrets taken out.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final, TextIO

from workers.core import aws

_MOST_LINES: Final = 10_000
_MOST_BYTES: Final = 250_000
"""Of one line. CloudWatch's bound on an event is higher today and was this once."""
_BATCH_LINES: Final = 1000
_BATCH_BYTES: Final = 900_000  # CloudWatch takes 1,048,576, 26 for each event included
_EVENT_BYTES: Final = 26
_PAUSE: Final = 2.0
_LONGEST_PAUSE: Final = 60.0
_CLOSING: Final = 5.0


@dataclass(eq=False)
class CloudWatch:
    """A log stream that takes lines.

    Args:
        group: the log group; made where it is missing and we may.
        stream: our own stream in it.
        most: lines that may wait.

    Attributes:
        dropped: lines that were lost since the last that was told.
    """

    group: str
    stream: str
    most: int = _MOST_LINES
    pause: float = _PAUSE
    dropped: int = 0
    _lines: deque[tuple[int, str]] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _closing: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _client: Any = None
    _complained: bool = False

    def start(self) -> None:
        """Begin to send."""
        self._thread = threading.Thread(target=self._send_all, name="cloudwatch", daemon=True)
        self._thread.start()

    def put(self, line: str) -> None:
        """Take a line. Never waits."""
        with self._lock:
            if len(self._lines) >= self.most:
                self.dropped += 1
            else:
                self._lines.append((time.time_ns() // 1_000_000, line))

    def close(self) -> None:
        """Send what waits, if that takes no longer than a few seconds."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(_CLOSING)

    def _send_all(self) -> None:
        pause = self.pause
        while True:
            last = self._closing.wait(pause)
            sent = self._send_waiting()
            pause = self.pause if sent else min(pause * 2, _LONGEST_PAUSE)
            if last:
                return

    def _send_waiting(self) -> bool:
        """Send all that waits; False where AWS takes nothing, and the lines wait on."""
        while batch := self._batch():
            try:
                self._put(batch)
            except (aws.ClientError, aws.BotoCoreError) as error:
                self._complain(error)
                return False
            self._complained = False
            with self._lock:
                for _ in batch:
                    self._lines.popleft()
                if self.dropped:
                    told = json.dumps({"event": "log.dropped", "level": "warning", "lines": self.dropped})
                    self._lines.append((time.time_ns() // 1_000_000, told))
                    self.dropped = 0
        return True

    def _batch(self) -> list[dict[str, Any]]:
        """The first lines, as many as go at once. They stay where they are until AWS has them."""
        found: list[dict[str, Any]] = []
        size = 0
        with self._lock:
            for moment, line in self._lines:
                text = line.encode()[:_MOST_BYTES].decode(errors="ignore")
                size += len(text.encode()) + _EVENT_BYTES
                if found and (size > _BATCH_BYTES or len(found) >= _BATCH_LINES):
                    break
                found.append({"timestamp": moment, "message": text})
        return found

    def _put(self, batch: list[dict[str, Any]]) -> None:
        where = {"logGroupName": self.group, "logStreamName": self.stream}
        if self._client is None:
            patience = {"connect_timeout": 5, "read_timeout": 10, "retries": {"max_attempts": 1}}
            self._client = aws.client("logs", config=patience)
        try:
            self._client.put_log_events(**where, logEvents=batch)
        except self._client.exceptions.ResourceNotFoundException:
            self._make()
            self._client.put_log_events(**where, logEvents=batch)

    def _make(self) -> None:
        exists = self._client.exceptions.ResourceAlreadyExistsException
        try:
            self._client.create_log_stream(logGroupName=self.group, logStreamName=self.stream)
        except exists:
            return
        except self._client.exceptions.ResourceNotFoundException:
            self._client.create_log_group(logGroupName=self.group)
            self._client.create_log_stream(logGroupName=self.group, logStreamName=self.stream)

    def _complain(self, error: Exception) -> None:
        """Once on standard error, where whoever looks for the missing lines will look; not into the log itself."""
        if not self._complained:
            self._complained = True
            event = {"event": "log.not_sent", "level": "warning", "group": self.group, "error": str(error)}
            sys.stderr.write(json.dumps(event) + "\n")


@dataclass(frozen=True, eq=False)
class Both:
    """A file that gives each line to a log stream too (see `structlog.WriteLoggerFactory`)."""

    file: TextIO
    stream: CloudWatch

    def write(self, text: str) -> int:
        """Take a line."""
        if line := text.rstrip("\n"):
            self.stream.put(line)
        return self.file.write(text)

    def flush(self) -> None:
        """Write the file."""
        self.file.flush()

    def isatty(self) -> bool:
        """Whether a person reads the file."""
        return self.file.isatty()
