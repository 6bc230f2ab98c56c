"""What a test needs and the machine lacks: a failure on CI, a skip with the reason elsewhere."""

from __future__ import annotations

import os
from typing import Final

import pytest

ON_CI: Final = os.environ.get("CI", "").lower() in ("1", "true", "yes")


def missing(what: object) -> None:
    """End the test: a failure on CI, a skip elsewhere."""
    if ON_CI:
        pytest.fail(f"missing on CI: {what}")
    pytest.skip(f"missing: {what}")
