"""What a role gives back with ``set_stats`` reaches the worker as JSON, in check mode too."""

from __future__ import annotations

import pytest

from execution_fixtures import Events, play
from workers.core.redaction import Redactor
from workers.execution.ansible import run_role


@pytest.mark.parametrize("check", [True, False])
async def test_a_role_gives_values_back(check):
    """By host and name, typed as the role set them, and without the secrets that we know."""
    inputs = {"gives_text": "my-secret-text"}
    result = await run_role(play("gives", inputs, check=check), sink=Events(), redactor=Redactor(["my-secret-text"]))
    assert result.outputs == {
        "here": {"findings": [{"rule": "a", "severity": "low"}], "said": "***"},
        "all": {"count": 2},
    }
    assert result.changed == 0
