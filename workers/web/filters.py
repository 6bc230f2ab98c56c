"""Choosing runs."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from workers.core.records import RunState
from workers.web.run_index import RunLine

_EMPTY_IS_NONE = BeforeValidator(lambda value: value or None)


class Filter(BaseModel):
    """Which runs are wanted; what is empty lets all through."""

    model_config = ConfigDict(frozen=True)

    environment: str = Field("", description="Name of an environment.")
    state: Annotated[RunState | None, _EMPTY_IS_NONE] = Field(None, description="State of the run.")
    type: str = Field("", description="Beginning of the job type, e.g. terraform.")
    text: str = Field("", description="Part of the id, stack, job type or message.")
    instance: int | None = Field(None, description="Process instance, with those that called it and that were called.")
    page: Annotated[int, Field(ge=1, le=100_000)] = Field(1, description="Page of the list, from 1.")
    started: bool = Field(False, description="The page says that the instance was just started.")


def filtered(runs: Iterable[RunLine], wanted: Filter, family: Collection[int]) -> tuple[RunLine, ...]:
    """The runs that fit.

    Args:
        runs: all of them.
        wanted: what is asked for.
        family: the instance that is asked for and all that belong to the same process.
    """
    return tuple(run for run in runs if _fits(run, wanted, family))


def _fits(run: RunLine, wanted: Filter, family: Collection[int]) -> bool:
    text = wanted.text.lower()
    return (
        (not wanted.environment or any(s.startswith(f"{wanted.environment}/") for s in run.stack.split()))
        and (wanted.state is None or run.state is wanted.state)
        and (not wanted.type or run.job_type.startswith(wanted.type))
        and (wanted.instance is None or run.process_instance in family)
        and (not text or any(text in part.lower() for part in (run.id, run.stack, run.job_type, run.message)))
    )
