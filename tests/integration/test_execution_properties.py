"""For any text: it reaches real Ansible as it is, and as a secret it survives in no output of real tofu or Ansible."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from execution_fixtures import Events, call, play, program, stack
from workers.core.redaction import Redactor
from workers.execution.ansible import run_role

pytestmark = pytest.mark.tofu

PIECES = [
    "{{", "}}", "{%", "%}", "{#", "${", "%{", "}", "$", "'", '"', "\\", "`", "\n", "\r\n", "\t", "\u2028", "\ufeff",
    "\x1b[31m", "!unsafe ", "&", "<", ">", ": ", "- ", "#", "é", "語", "🚪", "lookup('pipe', 'id')", "null", "~", "1e3",
]  # fmt: skip
"""What means something to one of the languages on the way, to be put together in any order."""
texts = st.lists(st.sampled_from(PIECES) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
odd = texts.map("".join)
secrets = st.lists(st.sampled_from(PIECES) | st.text("abcdefgh01", min_size=4, max_size=8), min_size=3, max_size=6).map(
    lambda parts: f"s3cr{''.join(parts)}t0k3n"
)
slowly = settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))


@given(st.lists(odd, min_size=20, max_size=60), st.dictionaries(odd, odd, max_size=20))
@slowly
def test_any_text_reaches_ansible_as_it_is(many, pairs):
    """Dozens of texts at a time, as values and as keys: what the role has is what was given, and nothing was run."""
    with tempfile.TemporaryDirectory() as name:
        nested = {"many": many, "pairs": pairs}
        inputs = {"writes_folder": name, "writes_text": "\n".join(many), "writes_nested": nested}
        asyncio.run(run_role(play("writes", inputs), sink=Events())).raise_for_status()
        assert (Path(name) / "text").read_bytes().decode() == "\n".join(many)
        assert json.loads((Path(name) / "nested.json").read_text()) == nested


LONG_LINE = 12


def forms(secret: str) -> list[str]:
    """How a secret could be read in an output, or a line of it that is long enough to be one."""
    lines = [line for line in secret.splitlines() if len(line) >= LONG_LINE]
    return [
        secret,
        *lines,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        quote(secret, safe=""),
    ]


@given(secrets)
@slowly
def test_no_secret_survives_in_what_tofu_tells(secret):
    """Events, facts, document, Markdown and outputs of a plan and an apply hold the secret in no form."""
    program()
    with tempfile.TemporaryDirectory() as name:
        told = asyncio.run(_told_by_tofu(Path(name), secret))
    assert "db" in told
    assert [form for form in forms(secret) if form in told] == []


async def _told_by_tofu(folder: Path, secret: str) -> str:
    one = await stack(folder, "sensitive")
    events = Events()
    root, planned = await one.plan({"name": "db", "password": secret}, call=call(events, secret))
    applied = await one.tool.apply(root, planned.plan, call=call(events, secret))
    _, again = await one.plan({"name": secret, "password": secret}, call=call(events, secret))
    facts = (planned.facts, again.facts)
    kept = [json.dumps([fact.document for fact in facts]), json.dumps([fact.outputs for fact in facts])]
    return "\n".join([events.text, repr(facts), *(fact.markdown for fact in facts), *kept, repr(applied)])


@given(secrets)
@slowly
def test_no_secret_survives_in_what_ansible_tells(secret):
    """Events, diffs, failures and Markdown of a run hold a secret that we know by its value in no form."""
    with tempfile.TemporaryDirectory() as name:
        inputs = {"writes_folder": name, "writes_text": f"before {secret} after", "writes_nested": {"key": [secret]}}
        events = Events()
        result = asyncio.run(run_role(play("writes", inputs), sink=events, redactor=Redactor([secret])))
    told = "\n".join([events.text, repr(result), result.markdown])
    assert "***" in told
    assert [form for form in forms(secret) if form in told] == []
