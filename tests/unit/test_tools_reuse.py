"""What is counted as new and as reused, and that the page about it is current."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
sys.path.append(str(PROJECT / "tools"))
import reuse  # noqa: E402 - found by the line above


def test_the_page_and_its_figures_are_current() -> None:
    """Figures come from the files, the page from the figures; `python tools/reuse.py --write` makes them anew."""
    assert reuse.outdated(PROJECT, "StaticSite") == ()


def test_the_static_site_brings_no_code() -> None:
    """All that exists for it alone is a model and a form; everything else is of the catalogue."""
    found = reuse.figures(PROJECT, "StaticSite")
    assert [form["name"] for form in found["new"]["forms"]] == ["StaticSiteRequest.form"]
    named = {kind: {part["name"] for part in found["reused"][kind]} for kind in ("blocks", "modules", "roles")}
    assert named["blocks"] == {"TerraformChange.bpmn", "AnsibleChange.bpmn"}
    assert named["modules"] == {"local_host"}
    assert named["roles"] == {"tls_certificate", "web_server", "monitoring_agent"}


def test_every_job_of_the_static_site_is_one_that_other_processes_run() -> None:
    """No job type was invented for it."""
    own = set(reuse.figures(PROJECT, "StaticSite")["reused"]["job_types"])
    assert own <= set(reuse.figures(PROJECT, "VmProvisioning")["reused"]["job_types"])


def test_counts_are_those_of_the_file(tmp_path: Path) -> None:
    """Elements, flows and lines of a model are counted one by one; a form that another model shows is not new."""
    folder = tmp_path / "bpmn"
    folder.mkdir()
    for name in ("terraform/modules", "ansible/roles/used/tasks", "ansible/roles/other"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "ansible/roles/used/tasks/main.yml").write_text("---\n[]\n")
    head = (
        '<d xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:z="http://camunda.org/schema/zeebe/1.0">\n'
        '<process id="P">{}</process></d>\n'
    )
    form = '<userTask id="U"><extensionElements><z:formDefinition formId="{}"/></extensionElements></userTask>\n'
    job = '<extensionElements><z:taskDefinition type="=&quot;used&quot;"/></extensionElements>'
    rest = f'<serviceTask id="T">{job}</serviceTask><sequenceFlow id="F"/>'
    (folder / "One.bpmn").write_text(head.format(form.format("Own") + form.format("Shared") + rest))
    (folder / "Two.bpmn").write_text(head.format(form.format("Shared")))
    for name in ("Own", "Shared"):
        (folder / f"{name}.form").write_text("{}\n")
    found = reuse.figures(tmp_path, "One")
    model = found["new"]["model"]
    assert (model["elements"], model["flows"], model["reusing"], model["lines"]) == (3, 1, 1, 4)
    assert found["new"]["forms"] == [{"name": "Own.form", "lines": 1}]
    assert found["reused"]["forms"] == [{"name": "Shared.form", "lines": 1, "also_used_by": ["Two"]}]
    assert found["reused"]["roles"] == [{"name": "used", "lines": 2, "also_used_by": []}]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"lines": 100}, {"lines": 105}, 0),
        ({"lines": 100}, {"lines": 120}, 1),
        ({"roles": ["a"]}, {"roles": ["a", "b"]}, 1),
        ({"also_used_by": ["a"]}, {"also_used_by": ["a", "b"]}, 0),
        ({"also_used_by": ["a"]}, {"also_used_by": []}, 1),
        ({"name": "a"}, {"name": "b"}, 1),
    ],
)
def test_small_differences_do_not_make_the_page_old(before: object, after: object, expected: int) -> None:
    """A figure may be off by a tenth, and a part may find more users; another part is a difference."""
    assert len(list(reuse.drifted(before, after))) == expected


def test_an_unknown_process_is_named() -> None:
    """Whoever misspells it reads which there are."""
    with pytest.raises(SystemExit, match="StaticSite"):
        reuse.figures(PROJECT, "Static")
