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
    """A copy in which the largest second-level values, and after them the first-level ones, are references."""
    short: dict[str, JsonValue] = {n: dict(v) if isinstance(v, dict) else v for n, v in variables.items()}
    while _size(short) > FITS:
        part, name = _largest(short)
        part[name] = {"stored": key, "bytes": _size(part[name])}
    return short


def _largest(variables: dict[str, JsonValue]) -> tuple[dict[str, JsonValue], str]:
    inner = [(part, name) for part in variables.values() if isinstance(part, dict) for name in part]
    plain = [(variables, name) for name, value in variables.items() if not isinstance(value, dict)]
    found = max([*inner, *plain], key=lambda place: _size(place[0][place[1]]))
    if _size(found[0][found[1]]) > FITS // 100:
        return found
    # Many small ones: the whole variable goes.
    return variables, max(variables, key=lambda name: _size(variables[name]))


def _size(value: JsonValue) -> int:
    return len(canonical_json(value))
