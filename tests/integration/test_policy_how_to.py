"""The approval policy, changed as the how-to says, on the real engine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from workers.core.settings import Settings
from workers.engine.grpc import ZeebeGateway

TABLE = Path(__file__).resolve().parents[2] / "bpmn" / "ChangePolicy.dmn"
FACTS = {
    "kind": "terraform", "environment": "x", "stage": "production", "operation": "apply",
    "creates": 0, "updates": 0, "replaces": 0, "deletes": 0, "roles": 0, "cleanup": False,
}  # fmt: skip
ROW = {
    "Stage": '"production"', "Deletes": "&gt; 5", "Approvals": "3", "Group": '"dba"', "Denied": "false",
    "Reason": '"Deletes many resources: three database administrators."',
}  # fmt: skip

pytestmark = pytest.mark.engine


def with_row(table: str) -> bytes:
    """The table under a name of its own, with the how-to's row before the first one that also fits."""
    rule = re.search(r' *<rule id="Rule_ProductionDelete">.*?</rule>\n', table, re.DOTALL)
    assert rule is not None

    def cell(found: re.Match[str]) -> str:
        return f"{found[1]}{ROW.get(found[2], '')}</text>"

    own = re.sub(r'(_([A-Za-z]+)">\s*<text>)[^<]*</text>', cell, rule[0]).replace("Rule_ProductionDelete", "Rule_Many")
    text = table.replace(rule[0], own + rule[0])
    return (
        text.replace('decision id="ChangePolicy"', 'decision id="ChangedPolicy"')
        .replace('Ref="ChangePolicy"', 'Ref="ChangedPolicy"')
        .encode()
    )


@pytest.mark.parametrize(("deletes", "approvals", "group"), [(6, 3, "dba"), (5, 2, ""), (0, 1, "")])
async def test_a_row_that_is_added_decides_where_it_fits(
    settings: Settings, deletes: int, approvals: int, group: str
) -> None:
    """The example of the how-to asks three people of a group, and every other change is judged as before."""
    async with ZeebeGateway.from_settings(settings) as gateway:
        await gateway.deploy({"ChangedPolicy.dmn": with_row(TABLE.read_text())})
        decision = await gateway.evaluate_decision("ChangedPolicy", FACTS | {"deletes": deletes})
    assert (decision.output["approvals"], decision.output["group"]) == (approvals, group)
