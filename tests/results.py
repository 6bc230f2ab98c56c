"""The results of end-to-end runs, one JSON file each in ``results/``, from which documents are made."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

FOLDER = Path(__file__).resolve().parent.parent / "results"


class Result:
    """Writes what a scenario did when its block ends, however it ends.

    Args:
        scenario: what the run is called.
        path: the file; one of its own in ``results/``, named by the moment, where none is given.
        facts: what else is known of the run.
    """

    def __init__(self, scenario: str, path: Path | None = None, **facts: Any) -> None:
        started = datetime.now(UTC).isoformat()
        self.content: dict[str, Any] = {"scenario": scenario, **facts, "started": started, "steps": []}
        self._path = path
        self._began = time.monotonic()

    def steps(self, happenings: list[dict[str, Any]]) -> None:
        """Keep the steps of the process with their times."""
        self.content["steps"] += [h for h in happenings if h["happening"] == "step-ended"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.content["seconds"] = round(time.monotonic() - self._began, 1)
        self.content["outcome"] = "failed" if error else "passed"
        self.content["errors"] = [f"{type(error).__name__}: {str(error)[:2000]}"] if error else []
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")[:-3]
        path = self._path or FOLDER / f"{self.content['scenario']}-{moment}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.content, indent=1, ensure_ascii=False) + "\n")
