"""Dates and durations as people write them."""

from datetime import UTC, datetime, timedelta

import pytest

from workers.core.moments import duration_text, moment_text, read_duration, read_moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2030-01-31", datetime(2030, 2, 1, tzinfo=UTC)),
        ("2030-01-31T18:00:00Z", datetime(2030, 1, 31, 18, tzinfo=UTC)),
        ("2030-01-31T18:00+01:00", datetime(2030, 1, 31, 17, tzinfo=UTC)),
    ],
)
def test_a_day_means_its_end_and_a_moment_itself(text, moment):
    """Both forms of ISO 8601 are read, and what is written back reads the same."""
    assert read_moment(text) == moment
    assert read_moment(moment_text(moment)) == moment


@pytest.mark.parametrize("text", ["", "tomorrow", "31.1.2030", "2030-02-30", "2030-01-31T18:00:00", "9999-12-31"])
def test_what_is_no_date_is_refused_in_words(text):
    """The message shows what was given and how to write it."""
    with pytest.raises(ValueError, match="like 2030-01-31"):
        read_moment(text)


def test_durations_are_read_and_written():
    """A duration is positive and ISO 8601, and timers get whole seconds."""
    assert read_duration("P7D") == timedelta(days=7)
    assert read_duration("PT1H30M") == timedelta(minutes=90)
    assert duration_text(timedelta(hours=1)) == "PT3600S"
    assert duration_text(timedelta(milliseconds=3)) == "PT1S"
    for text in ("", "7 days", "-P1D", "PT0S", "P"):
        with pytest.raises(ValueError, match="P3D"):
            read_duration(text)


def test_no_moment_has_no_text():
    """What never ends has no end to show; parts of a second are kept."""
    assert moment_text(None) is None
    assert moment_text(datetime(2030, 1, 1, 0, 0, 0, 5000, tzinfo=UTC)) == "2030-01-01T00:00:00.005Z"
