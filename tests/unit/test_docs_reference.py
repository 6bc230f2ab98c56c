"""The reference pages beside the code that they describe."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from docs_reading import PROJECT, text_of
from workers.approvals.facts import facts
from workers.core.contract import Catalogue, Contract, Kind
from workers.core.environment import Environment
from workers.core.job import BpmnErrorCode, JobWorker
from workers.core.records import Change
from workers.core.settings import Settings
from workers.service.workers import job_workers

sys.path.append(str(PROJECT / "tools"))
import docs

REFERENCE = PROJECT / "docs" / "reference"


@pytest.mark.parametrize("path", docs.PAGES)
def test_generated_pages_are_current(path: str) -> None:
    """A page that comes from code says what the code says; tools/docs.py writes it anew."""
    assert (PROJECT / path).read_text(encoding="utf-8") == docs.PAGES[path]()


def test_an_outdated_page_is_noticed(tmp_path: Path) -> None:
    """The check of generated pages reports each page that is missing or differs."""
    assert docs.outdated(tmp_path) == tuple(docs.PAGES)


@pytest.mark.parametrize("code", list(BpmnErrorCode))
def test_every_bpmn_error_has_an_entry(code: BpmnErrorCode) -> None:
    """Each error code that models can catch is explained under a heading of its own."""
    assert f"### `{code}`" in text_of(REFERENCE / "bpmn-errors.md")


def test_no_bpmn_error_is_explained_that_does_not_exist() -> None:
    """The page of errors has no entry for a code that the workers never throw."""
    explained = set(re.findall(r"^### `(\w+)`", text_of(REFERENCE / "bpmn-errors.md"), re.MULTILINE))
    assert explained == {code.value for code in BpmnErrorCode}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name: str) -> None:
    """Each setting is in the table of settings, with a meaning."""
    rows = [line for line in text_of(REFERENCE / "settings.md").splitlines() if f"`SLUIS_{name.upper()}`" in line]
    assert len(rows) == 1
    assert rows[0].rstrip(" |").rpartition("|")[2].strip()


def test_every_key_of_the_environment_file_is_documented() -> None:
    """Each key at the top of an environment file is in its page."""
    page = text_of(REFERENCE / "environment.md")
    assert [name for name in Environment.model_fields if f"| `{name}` |" not in page] == []


def test_every_job_type_that_is_served_has_an_entry() -> None:
    """The page of job types explains exactly those that the workers serve."""
    headings = set(re.findall(r"^### `([\w.<>]+)`", text_of(REFERENCE / "job-types.md"), re.MULTILINE))
    assert headings == {worker.type for worker in _workers()}


def test_every_fact_of_the_policy_is_documented() -> None:
    """The page of job types names each fact that the decision table may decide by."""
    change = Change(environment="local", process_instance=1)
    known = facts(change, None, Environment(name="local"), cleanup=False)
    page = text_of(REFERENCE / "job-types.md")
    assert [name for name in known if f"`{name}`" not in page] == []


def _workers() -> tuple[JobWorker, ...]:
    """The job workers as an installation makes them, for a module and a role that stand for all; none is run."""
    nothing = cast("Any", _Nothing())
    known = tuple(Contract(kind, f"<{name}>", PROJECT, "") for kind, name in zip(Kind, ("module", "role"), strict=True))
    assembly = cast("Any", SimpleNamespace(context=nothing, store=nothing, settings=Settings()))
    return tuple(job_workers(assembly, Catalogue(known), nothing, nothing))


class _Nothing:
    """Has every attribute and does nothing: the makers of job workers only keep what they are given."""

    def __getattr__(self, name: str) -> object:
        return self
