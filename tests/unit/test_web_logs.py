"""Logs of runs for pages."""

from __future__ import annotations

import asyncio
import json

import pytest

from web_kit import RUN, event, installation, save_run, write_log
from workers.core.records import RunState


@pytest.fixture
async def sluis(tmp_path):
    return await installation(tmp_path, lines=100)


async def test_a_long_log_is_read_from_its_end(sluis):
    """Pieces before one another join to the whole log, each beginning at a line."""
    logs = sluis.site.logs
    pieces = [await logs.tail(RUN, size=1000)]
    while pieces[0].start:
        pieces.insert(0, await logs.tail(RUN, before=pieces[0].start, size=1000))
    assert len(pieces) > 5
    assert [line["text"] for piece in pieces for line in piece.lines] == [event(n).text for n in range(100)]


async def test_the_end_of_a_log_is_shown_without_reading_the_rest(sluis, monkeypatch):
    """Of a long log no more bytes are read than are shown, however the store keeps it."""
    read = []
    store = type(sluis.assembly.store)
    before = store.read_from

    async def counting(self, key, offset, most=None):
        read.append(found := await before(self, key, offset, most))
        return found

    async def whole(self, key):
        raise AssertionError(f"{key} was read as a whole")

    monkeypatch.setattr(store, "read_from", counting)
    monkeypatch.setattr(store, "read", whole)
    assert (await sluis.site.logs.tail(RUN, size=500)).lines
    assert sum(map(len, read)) == 500


async def test_a_piece_never_ends_within_a_line(sluis):
    """A line that is being written is left for later; an offset that makes no sense gives nothing."""
    await sluis.assembly.store.append(f"runs/{RUN}/log.jsonl", b'{"torn":')
    last = await sluis.site.logs.tail(RUN)
    assert (last.start, last.lines[-1]["text"]) == (0, event(99).text)
    assert (await sluis.site.logs.tail(RUN, before=-5)).lines == ()


async def test_many_readers_cost_the_store_one(sluis, monkeypatch):
    """Fifty readers of one live log all get every line, and the store is asked by one task."""
    await save_run(sluis.assembly, "300-1", "local/web1", RunState.RUNNING)
    asked = 0
    live = sluis.site.live

    async def read() -> list[str]:
        return [line["text"] async for piece in live.follow("300-1", 0) for line in piece.lines]

    readers = [asyncio.create_task(read()) for _ in range(50)]
    await asyncio.sleep(0)
    assert len(live._channels) == 1
    since = type(live.logs).since

    async def counted(logs, run, offset):
        nonlocal asked
        asked += 1
        return await since(logs, run, offset)

    monkeypatch.setattr(type(live.logs), "since", counted)
    for first in (0, 10, 20):
        await write_log(sluis.assembly, 10, "300-1", first)
    await save_run(sluis.assembly, "300-1", "local/web1")
    found = await asyncio.wait_for(asyncio.gather(*readers), 20)
    assert all(lines == [event(n).text for n in range(30)] for lines in found)
    assert asked < 50
    assert live._channels == {}


async def test_a_stream_ends_with_the_run(sluis):
    """The server-sent events of an ended run are its lines, then the word that it has ended."""
    async with sluis.machine("reader") as http:
        text = (await http.get(f"/api/runs/{RUN}/log/live")).text
    data = [json.loads(line[6:]) for line in text.splitlines() if line.startswith('data: {"start"')]
    assert [line["text"] for piece in data for line in piece["lines"]] == [event(n).text for n in range(100)]
    assert text.endswith("event: end\ndata: {}\n\n")


async def test_a_stream_that_was_cut_goes_on_where_it_was(sluis):
    """The browser's Last-Event-ID is an offset: nothing is sent twice."""
    async with sluis.machine("reader") as http:
        middle = (await http.get(f"/api/runs/{RUN}/log", params={"before": 5000})).json()["end"]
        text = (await http.get(f"/api/runs/{RUN}/log/live", headers={"Last-Event-ID": str(middle)})).text
    piece = next(json.loads(line[6:]) for line in text.splitlines() if line.startswith('data: {"start"'))
    assert piece["start"] == middle


async def test_search_and_progress_and_download_read_the_whole_log(sluis):
    """A line far from the end is found in any case of letters; the last state of each resource is known."""
    async with sluis.machine("reader") as http:
        found = (await http.get(f"/api/runs/{RUN}/log/search", params={"text": "LINE 3 "})).json()["lines"]
        progress = (await http.get(f"/api/runs/{RUN}/progress")).json()["lines"]
        text = (await http.get(f"/api/runs/{RUN}/log.txt")).text
    assert [line["text"] for line in found] == [event(3).text]
    assert [line["subject"] for line in progress] == [f"terraform_data.box[{n}]" for n in range(0, 100, 10)]
    assert len(text.splitlines()) == 100


async def test_a_run_without_a_log_is_empty(sluis):
    """A run that has said nothing yet has an empty log, not an error."""
    await save_run(sluis.assembly, "300-1", "local/web1")
    async with sluis.machine("reader") as http:
        assert (await http.get("/api/runs/300-1/log")).json() == {"start": 0, "end": 0, "lines": []}
        assert (await http.get("/api/runs/300-1/log.txt")).text == ""


async def test_values_of_a_plan_stay_text(sluis):
    """HTML in a log, a reason or a resource's address is shown, never run."""
    nasty = "<img src=x onerror=alert(1)>"
    await save_run(sluis.assembly, "300-1", "local/web1", RunState.FAILED, message=nasty, inputs={nasty: nasty})
    async with await sluis.signed_in("vera") as http:
        page = (await http.get("/runs/300-1")).text
    assert nasty not in page
    assert "&lt;img src=x" in page
