"""Results that are too large for the engine: kept with the run, their large parts replaced by references."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from workers.core.job import Done, Outcome, Refused
from workers.core.values import JsonValue, canonical_json
from workers.runs.store import Store

FITS: Final = 90_000
"""Bytes of JSON that a result may have; the job loop sends 100 kB at most."""


async def fitted(store: Store, run: str, outcome: Outcome) -> Outcome:
    """The outcome as it may be sent.

    Where its variables are too large, all of them are kept under ``runs/<run>/result.json``, and the largest parts
    become ``{"stored": <that key>, "bytes": <size>}`` until the rest fits.
    """
    if not isinstance(outcome, Done | Refused) or _size(dict(outcome.variables)) <= FITS:
        return outcome
    key = f"runs/{run}/result.json"
    await store.write(key, canonical_json(dict(outcome.variables)))
    return replace(outcome, variables=_shortened(dict(outcome.variables), key))


def _shortened(variables: dict[str, JsonValue], key: str) -> dict[str, JsonValue]:
    """A copy in which the largest second-level values, or else the largest variables, are references."""
    short: dict[str, JsonValue] = {n: dict(v) if isinstance(v, dict) else v for n, v in variables.items()}
    inner = [(part, name) for part in short.values() if isinstance(part, dict) for name in part]
    plain = [(short, name) for name, value in short.items() if not isinstance(value, dict)]
    if not _shorten(short, [*inner, *plain], key):
        _shorten(short, [(short, name) for name in short], key)
    return short


def _shorten(whole: dict[str, JsonValue], places: list[tuple[dict[str, JsonValue], str]], key: str) -> bool:
    """Replace what stands in these places, the largest first, until the whole fits; whether it does."""
    too_much = _size(whole) - FITS
    sizes = [(_size(part[name]), part, name) for part, name in places]
    for size, part, name in sorted(sizes, key=lambda place: -place[0]):
        reference: JsonValue = {"stored": key, "bytes": size}
        if too_much <= 0 or size <= _size(reference):
            break
        part[name] = reference
        too_much -= size - _size(reference)
    return too_much <= 0


def _size(value: JsonValue) -> int:
    return len(canonical_json(value))
