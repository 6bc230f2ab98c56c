"""What the demonstration asks of this machine before it starts anything."""

from __future__ import annotations

import shutil

import pytest

from workers.core.errors import MissingToolError
from workers.service.demo import Scenario
from workers.setup import debian


def test_without_root_and_nginx_nothing_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the website could not be made the demonstration says what to install; with nginx it goes on."""
    monkeypatch.setattr(debian, "missing", lambda: "not root")
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(MissingToolError, match="not root") as error:
        Scenario().check()
    assert "nginx-light" in error.value.hint
    monkeypatch.setattr(shutil, "which", lambda *_, **__: "/usr/sbin/nginx")
    Scenario().check()
