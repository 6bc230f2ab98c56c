"""Slots never hold more than their capacity, whatever the order of asking, taking, settling and giving up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from hypothesis import example, given, settings
from hypothesis import strategies as st

from workers.engine.link import pause
from workers.engine.slots import Slots

STEPS = st.lists(
    st.one_of(
        st.just(("take", 0)),
        st.just(("ask", 99)),
        st.tuples(st.just("ask"), st.integers(1, 3)),
        st.tuples(st.just("settle"), st.integers(0, 20)),
        st.tuples(st.just("release"), st.just(0)),
        st.tuples(st.just("give up"), st.integers(0, 20)),
        st.just(("yield", 0)),
        st.just(("wait", 0)),
    ),
    max_size=60,
)


@dataclass
class Ledger:
    """What a user of the slots knows by itself."""

    slots: Slots
    asking: list[asyncio.Task[int]] = field(default_factory=list)
    most: dict[asyncio.Task[int], int] = field(default_factory=dict)
    reserved: list[int] = field(default_factory=list)
    taken: int = 0

    def collect(self) -> None:
        for task in [one for one in self.asking if one.done()]:
            self.asking.remove(task)
            if not task.cancelled():
                assert 1 <= task.result() <= self.most[task]
                self.reserved.append(task.result())

    def agrees(self) -> bool:
        """The slots know what we hold; beyond that only turns that were granted and not collected yet."""
        return self.slots.taken == self.taken and sum(self.reserved) <= self.slots.reserved


async def play(capacity: int, steps: list[tuple[str, int]]) -> Ledger:
    """Play the steps, checking the bound after each of them."""
    slots = Slots(capacity)
    ledger = Ledger(slots)
    for step, number in steps:
        match step:
            case "take":
                ledger.taken += slots.take()
            case "ask":
                task = asyncio.create_task(slots.reserve(number))
                ledger.most[task] = number
                ledger.asking.append(task)
            case "settle" if ledger.reserved:
                reserved = ledger.reserved.pop(number % len(ledger.reserved))
                used = number % (reserved + 1)
                slots.settle(reserved, used)
                ledger.taken += used
            case "release" if ledger.taken:
                slots.release()
                ledger.taken -= 1
            case "give up" if ledger.asking:
                ledger.asking[number % len(ledger.asking)].cancel()
            case "yield":
                await asyncio.sleep(0)
            case "wait":
                await asyncio.sleep(0.006)
        assert 0 <= slots.taken + slots.reserved <= capacity
        ledger.collect()
        assert ledger.agrees()
    return ledger


async def finish(ledger: Ledger) -> None:
    """Give everything back and let all who wait have their turn."""
    while ledger.taken or ledger.reserved or ledger.asking:
        ledger.collect()
        if ledger.reserved:
            ledger.slots.settle(ledger.reserved.pop(), 0)
        elif ledger.taken:
            ledger.slots.release()
            ledger.taken -= 1
        await asyncio.sleep(0.001)


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 12), STEPS)
@example(1, [("take", 0), ("ask", 99), ("yield", 0), ("release", 0), ("give up", 0)])
def test_slots_are_never_overdrawn_and_never_leak(capacity: int, steps: list[tuple[str, int]]) -> None:
    """Held slots stay within the capacity at every step, and all are free when everything is given back."""

    async def scenario() -> None:
        ledger = await play(capacity, steps)
        await asyncio.wait_for(finish(ledger), 5)
        assert ledger.slots.free == capacity

    asyncio.run(scenario())


@given(st.integers(0, 10_000), st.floats(0.01, 1), st.floats(1, 60))
def test_a_pause_is_positive_and_capped(attempt: int, first: float, longest: float) -> None:
    """However often it failed, the next attempt comes, within the cap and its jitter."""
    assert 0 < pause(attempt, first, longest) <= longest * 1.3
