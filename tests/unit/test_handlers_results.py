"""Results that are too large for the engine."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from workers.core.job import BpmnErrorCode, Done, Failed, Refused
from workers.core.values import canonical_json
from workers.handlers.results import FITS, fitted
from workers.runs.store import DirectoryStore


async def test_a_large_part_becomes_a_reference_and_the_rest_stays(tmp_path):
    """What the model decides by stays; the large output is in the store, where the reference says."""
    store = DirectoryStore(tmp_path)
    variables = {"applied": {"run": "1-1", "outputs": {"text": "x" * 200_000}, "hosts": []}}
    sent = await fitted(store, "1-1", Done(variables))
    assert sent == Done(
        {"applied": {"run": "1-1", "outputs": {"stored": "runs/1-1/result.json", "bytes": 200_011}, "hosts": []}}
    )
    assert json.loads(await store.read("runs/1-1/result.json")) == variables


async def test_a_result_that_fits_is_sent_as_it_is(tmp_path):
    """Nothing is stored and nothing is changed; outcomes without variables neither."""
    store = DirectoryStore(tmp_path)
    for outcome in (Done({"plan": {"summary": "x" * 1000}}), Failed("no")):
        assert await fitted(store, "1-1", outcome) is outcome
    assert await store.keys("runs") == ()


values = st.recursive(
    st.text(max_size=10) | st.integers() | st.sampled_from(["y" * 50_000, "z" * 95_000, list(range(20_000))]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
)


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.text(max_size=5), values, max_size=4))
async def test_any_result_fits_in_the_end(tmp_path_factory, variables):
    """Whatever its shape, a result that is sent is small, and has the variables that it had."""
    refused = Refused(BpmnErrorCode.APPLY_FAILED, "no", variables)
    sent = await fitted(DirectoryStore(tmp_path_factory.mktemp("store")), "1-1", refused)
    assert len(canonical_json(dict(sent.variables))) <= FITS
    assert set(sent.variables) == set(variables)
