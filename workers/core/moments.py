"""Dates and durations as people and models write them: ISO 8601."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

from pydantic import TypeAdapter, ValidationError

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_DURATION: Final = TypeAdapter(timedelta)


def read_moment(text: str) -> datetime:
    """A moment from its ISO 8601 form; a day alone means its end, in UTC.

    Raises:
        ValueError: it is neither, or has no offset; the text is fit for people.
    """
    example = "write a day like 2030-01-31, or a moment with its offset like 2030-01-31T18:00:00+01:00"
    try:
        if _DAY.fullmatch(text):
            return datetime.combine(date.fromisoformat(text) + timedelta(days=1), datetime.min.time(), UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"'{text}' is no date: {example}") from error
    if moment.tzinfo is None:
        raise ValueError(f"'{text}' does not say in which time zone: {example}")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"'{text}' is no date: {example}") from error


def read_duration(text: str) -> timedelta:
    """A duration from its ISO 8601 form.

    Raises:
        ValueError: it is none, or not a positive one; the text is fit for people.
    """
    try:
        found = _DURATION.validate_python(text) if text.startswith("P") else timedelta(0)
    except ValidationError:
        found = timedelta(0)
    if found <= timedelta(0):
        raise ValueError(f"'{text}' is no duration: write one like P3D or PT4H")
    return found


def moment_text(moment: datetime | None) -> str | None:
    """A moment as models, timers and the store read it: UTC, to the second where there are no smaller parts."""
    if moment is None:
        return None
    exact = "milliseconds" if moment.microsecond else "seconds"
    return moment.astimezone(UTC).isoformat(timespec=exact).replace("+00:00", "Z")


def duration_text(duration: timedelta) -> str:
    """A duration as timers read it, in whole seconds, at least one."""
    return f"PT{max(1, int(duration.total_seconds()))}S"
