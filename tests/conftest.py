"""What every test may ask for: settings, a running Camunda, tofu, a host image. A missing part is named.

On CI a missing part is a failure; elsewhere the test is skipped with the reason.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
ON_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")


def missing(what: str) -> None:
    """End the test: a failure on CI, a skip elsewhere."""
    if ON_CI:
        pytest.fail(f"missing on CI: {what}")
    pytest.skip(f"missing: {what}")


def pytest_collection_modifyitems(items):
    """Every test says in one sentence what it proves."""
    silent = [item.nodeid for item in items if not (getattr(item, "function", None) and item.function.__doc__)]
    if silent:
        raise pytest.UsageError("tests without a sentence that says what they prove: " + ", ".join(silent[:10]))
