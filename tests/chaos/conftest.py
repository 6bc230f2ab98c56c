"""The scene of the chaos tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cases import Case
from scene import Scene, scene
from served import Served
from survival import CASES
from workers.core.settings import Settings


@pytest.fixture(scope="session")
def rows(request: pytest.FixtureRequest) -> list[Case]:
    """Every case of the session; the table at its end is made from them."""
    return request.config.stash.setdefault(CASES, [])


@pytest.fixture
async def stage(project: Served, settings: Settings, tmp_path: Path, rows: list[Case]) -> AsyncIterator[Scene]:
    """The served project with probes, without a worker."""
    async with scene(project, settings, tmp_path, rows) as opened:
        yield opened
