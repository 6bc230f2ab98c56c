"""What Debian 12's Python, 3.11.2, cannot do is not used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

WORKERS = Path(__file__).resolve().parents[2] / "workers"
POSSESSIVE_GROUP = re.compile(r"\)[+*?}]\+|\(\?>")


@pytest.mark.parametrize("path", sorted(WORKERS.rglob("*.py")), ids=lambda path: path.relative_to(WORKERS).as_posix())
def test_no_group_of_a_pattern_is_possessive(path: Path):
    """Before 3.11.5 a possessive group may match too little, so that a good module would be refused."""
    assert not POSSESSIVE_GROUP.findall(path.read_text())
