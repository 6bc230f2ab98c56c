"""The chart's values, their schema and their README; what needs helm is in `make check-charts`."""

from __future__ import annotations

import json
import sys
from typing import Any

import jsonschema
import pytest
import yaml

from docs_reading import PROJECT
from workers.core.job import Pool
from workers.core.settings import Settings

sys.path.append(str(PROJECT / "tools"))
import chart

CHART = PROJECT / "helm" / "sluis"
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALUES = (CHART / "values.yaml").read_text()


def merged(base: Any, own: Any) -> Any:
    """Values over values, as Helm lays them."""
    if isinstance(base, dict) and isinstance(own, dict):
        return base | {key: merged(base.get(key), value) for key, value in own.items()}
    return own


def test_schema_and_readme_are_current():
    """values.schema.json and README.md say what values.yaml says."""
    assert {path.name: path.read_text() for path in chart.pages()} == {
        path.name: text for path, text in chart.pages().items()
    }


def test_an_outdated_page_is_noticed(tmp_path, monkeypatch, capsys):
    """--check names each file that differs, and fails."""
    for name in ("values.yaml", "README.head.md"):
        (tmp_path / name).write_text((CHART / name).read_text())
    pages = chart.pages(tmp_path, tmp_path / "chart.md")
    monkeypatch.setattr(chart, "ROOT", tmp_path)
    monkeypatch.setattr(chart, "pages", lambda: pages)
    assert chart.main(["--check"]) == 3
    assert "values.schema.json is out of date" in capsys.readouterr().out


def test_a_value_without_a_sentence_is_refused():
    """Who adds a value has to say what it is."""
    with pytest.raises(ValueError, match=r"without a sentence: a\.b"):
        chart.read("a:\n  b: 1\n")


@pytest.mark.parametrize(
    "own",
    [
        {},
        {"pools": {"ansible": None, "terraform": {"serves": ["terraform", "ansible"]}}},
        {"defaults": {"podDisruptionBudget": {"maxUnavailable": "50%"}}},
        {"settings": {"SLUIS_LOG_LEVEL": "debug", "SLUIS_LEASE_SECONDS": 30}},
        {"secrets": {"external": {"data": {"SLUIS_OAUTH_CLIENT_SECRET": {"key": "a/b", "property": "c"}}}}},
        {"environments": {"production": {"description": "the real one"}}},
    ],
)
def test_values_that_can_work_are_accepted(own):
    """The schema takes the defaults and what the documentation shows."""
    jsonschema.validate(merged(yaml.safe_load(VALUES), own), SCHEMA)


@pytest.mark.parametrize(
    "own",
    [
        {"imgae": {}},
        {"image": {"tag": "latest"}},
        {"image": {"digest": "sha256:12"}},
        {"engine": {"grpcAddress": "http://zeebe:26500"}},
        {"store": {"address": "gs://bucket"}},
        {"store": {"lockDays": -1}},
        {"settings": {"SLUIS_OAUTH_CLIENT_SECRET": "in clear"}},
        {"settings": {"PATH": "/tmp"}},
        {"pools": {"terraform": {"serves": ["terrafrom"]}}},
        {"pools": {"terraform": {"serves": []}}},
        {"pools": {"terraform": {"replica": 2}}},
        {"pools": {"Terraform": {"serves": ["terraform"]}}},
        {"defaults": {"drainSeconds": "long"}},
        {"defaults": {"podDisruptionBudget": {"maxUnavailable": "half"}}},
        {"web": {"url": "sluis.example.com"}},
        {"secrets": {"external": {"data": {"lower": {"key": "a"}}}}},
    ],
)
def test_values_that_cannot_work_are_refused(own):
    """Typing errors, secrets in clear, tags that say nothing: refused before anything is installed."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(merged(yaml.safe_load(VALUES), own), SCHEMA)


def test_the_chart_knows_every_pool():
    """A kind of work that the workers know is one that a pool can serve, and by default some pool does."""
    assert set(chart.KINDS) == {pool.value for pool in Pool}
    served = [kind for pool in yaml.safe_load(VALUES)["pools"].values() for kind in pool["serves"]]
    assert sorted(served) == sorted(chart.KINDS)


def test_every_setting_that_the_chart_writes_exists():
    """A SLUIS_ variable in the templates is a setting of the workers."""
    text = "".join(path.read_text() for path in (CHART / "templates").glob("*"))
    written = {word.strip(":").lower() for word in text.replace('"', " ").split() if word.startswith("SLUIS_")}
    written.discard("sluis_{{")  # SLUIS_<POOL>_SLOTS
    assert len(written) > 10
    assert {name.removeprefix("sluis_") for name in written} <= set(Settings.model_fields)
