"""Ansible callback plugin: what happens, as one JSON object per line on standard output.

Ansible loads this file by itself, so it imports nothing of Sluis. Results of tasks with ``no_log`` reach a callback
already censored.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: sluis_events
type: stdout
short_description: One JSON object per line for each task on each host
description:
  - Tells Sluis how each task went on each host, with the diff where there is one, and the recap at the end.
version_added: "2.19"
"""

MARK = "\x1esluis "
DIFF_CHARACTERS = 16_000
MESSAGE_CHARACTERS = 4_000
OUTPUT_CHARACTERS = 500_000
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class CallbackModule(CallbackBase):  # type: ignore[misc] # Ansible asks for this base class
    """Writes the lines."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "sluis_events"

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        """A task begins on a host."""
        _write(event="task", host=host.get_name(), task=task.get_name(), state="started")

    def v2_runner_on_ok(self, result: Any) -> None:
        """A task ended well."""
        self._tell(result, "changed" if result.result.get("changed") else "ok")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:  # noqa: FBT001, FBT002 - Ansible's
        """A task failed."""
        self._tell(result, "failed", ignored=ignore_errors)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """A task was skipped."""
        self._tell(result, "skipped")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """A host could not be reached."""
        self._tell(result, "unreachable")

    def v2_runner_retry(self, result: Any) -> None:
        """A task with ``until`` is tried again."""
        self._tell(result, "running")

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """The recap, after what the role has given back with ``set_stats``."""
        for host, outputs in sorted(stats.custom.items()):
            for name, value in outputs.items():
                _write(event="output", host="all" if host == "_run" else host, name=str(name), value=_fitting(value))
        _write(event="stats", hosts={host: stats.summarize(host) for host in sorted(stats.processed)})

    def _tell(self, result: Any, state: str, *, ignored: bool = False) -> None:
        values = result.result
        _write(
            event="task",
            host=result.host.get_name(),
            task=result.task.get_name(),
            state=state,
            ignored=ignored,
            message=_message(values) if state in ("failed", "unreachable", "running") else "",
            diff=self._diff(values) if state == "changed" else "",
            warnings=[str(warning)[:MESSAGE_CHARACTERS] for warning in values.get("warnings") or []][:10],
        )

    def _diff(self, values: Any) -> str:
        parts = [values, *(item for item in values.get("results") or [] if isinstance(item, dict))]
        found = [self._get_diff(part["diff"]) for part in parts if part.get("diff") and part.get("changed")]
        return _ANSI.sub("", "\n".join(text for text in found if text)).strip("\n")


def _message(values: Any) -> str:
    inner = [*(values.get("results") or []), *(values.get("failed_modules") or {}).values()]
    parts = [values, *(item for item in inner if isinstance(item, dict) and item.get("failed"))]
    texts = dict.fromkeys(text for part in parts for text in _texts(part))
    return "\n".join(texts)


def _texts(values: Any) -> list[str]:
    keys = ("censored",) if "censored" in values else ("msg", "stderr", "module_stderr", "module_stdout")
    return [str(values[key]).strip() for key in keys if values.get(key)]


def _fitting(value: Any) -> Any:
    return value if len(json.dumps(value, default=str)) <= OUTPUT_CHARACTERS else "(too large)"


def _write(**entry: Any) -> None:
    for key, limit in (("diff", DIFF_CHARACTERS), ("message", MESSAGE_CHARACTERS)):
        text = entry.get(key, "")
        if len(text) > limit:
            entry[key] = f"{text[:limit]}\n… ({len(text) - limit} more characters)"
    sys.stdout.write(MARK + json.dumps(entry, default=str) + "\n")
    sys.stdout.flush()
