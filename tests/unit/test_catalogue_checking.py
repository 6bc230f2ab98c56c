"""Models held against the catalogue: one broken model per rule, and no false alarm on good ones."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from workers.catalogue.checking import check_models
from workers.catalogue.feel import UNKNOWN, known_value
from workers.catalogue.findings import sarif
from workers.core.errors import UsageError
from workers.service.deploy import refuse_wrong_models

PROJECT = Path(__file__).parents[2]

GOOD = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"
                  xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" id="D" targetNamespace="t">
  <bpmn:process id="Main" isExecutable="true">
    <bpmn:startEvent id="Start"><bpmn:extensionElements><zeebe:formDefinition formId="Form"/></bpmn:extensionElements>
      <bpmn:timerEventDefinition><bpmn:timeCycle>R/P1D</bpmn:timeCycle></bpmn:timerEventDefinition>
    </bpmn:startEvent>
    <bpmn:callActivity id="Make" name="Make box"><bpmn:extensionElements>
      <zeebe:calledElement processId="TerraformChange"/>
      <zeebe:ioMapping>
        <zeebe:input source="=environment" target="environment"/>
        <zeebe:input source="=&quot;box&quot;" target="stack"/>
        <zeebe:input source="box" target="module"/>
        <zeebe:input source="={size: 3, labels: [name, &quot;b&quot;], shape: {wide: x + 1}}" target="inputs"/>
        <zeebe:output source="=change" target="made"/>
        <zeebe:output source="=change.outputs.address" target="address"/>
      </zeebe:ioMapping>
    </bpmn:extensionElements></bpmn:callActivity>
    <bpmn:boundaryEvent id="Failed" attachedToRef="Make"><bpmn:errorEventDefinition id="E"/></bpmn:boundaryEvent>
    <bpmn:serviceTask id="Look" name="Look"><bpmn:extensionElements>
      <zeebe:taskDefinition type="terraform.box.plan"/>
    </bpmn:extensionElements></bpmn:serviceTask>
    <bpmn:businessRuleTask id="Weigh"><bpmn:extensionElements>
      <zeebe:calledDecision decisionId="Weight" resultVariable="weight"/>
    </bpmn:extensionElements></bpmn:businessRuleTask>
    <bpmn:serviceTask id="Foretell"><bpmn:extensionElements>
      <zeebe:taskDefinition type="ansible.web.check"/>
      <zeebe:ioMapping><zeebe:input source="=80" target="inputs.web_port"/></zeebe:ioMapping>
    </bpmn:extensionElements></bpmn:serviceTask>
    <bpmn:callActivity id="Next"><bpmn:extensionElements><zeebe:calledElement processId="Other"/>
    </bpmn:extensionElements></bpmn:callActivity>
    <bpmn:userTask id="Ask" name="Ask"><bpmn:extensionElements>
      <zeebe:userTask/>
      <zeebe:assignmentDefinition candidateGroups="=[&quot;admins&quot;, other.group]"/>
      <zeebe:ioMapping><zeebe:input source="=made.outputs.address" target="seen"/></zeebe:ioMapping>
    </bpmn:extensionElements></bpmn:userTask>
    <bpmn:boundaryEvent id="Late" attachedToRef="Ask"><bpmn:timerEventDefinition>
      <bpmn:timeDuration>=duration("PT4H")</bpmn:timeDuration>
    </bpmn:timerEventDefinition></bpmn:boundaryEvent>
  </bpmn:process>
  <bpmn:process id="Other" isExecutable="true"/>
  <bpmn:process id="TerraformChange" isExecutable="true">
    <bpmn:serviceTask id="Apply"><bpmn:extensionElements>
      <zeebe:taskDefinition type="=&quot;terraform.&quot; + module + &quot;.apply&quot;"/>
    </bpmn:extensionElements></bpmn:serviceTask>
  </bpmn:process>
</bpmn:definitions>
"""

MODULE = """
variable "size" { type = number }
variable "labels" {
  type    = list(string)
  default = []
}
variable "shape" {
  type    = object({ wide = number, high = optional(number) })
  default = null
}
output "address" { value = "x" }
"""

BROKEN = {
    "unknown-module": ('source="box" target="module"', 'source="boks" target="module"'),
    "unknown-role": ('type="terraform.box.plan"', 'type="ansible.box.check"'),
    "unknown-job-type": ("terraform.box.plan", "terraform.box.plna"),
    "unknown-environment": ('source="=environment"', 'source="lokal"'),
    "shadowed-variable": (
        'target="inputs"/>',
        'target="inputs"/><zeebe:input source="=inputs.b" target="purpose"/>',
    ),
    "unknown-decision": ('decisionId="Weight"', 'decisionId="Height"'),
    "unknown-input": ("size: 3", "size: 3, lables: []"),
    "missing-input": ("size: 3, ", ""),
    "wrong-input": ("size: 3", "size: &quot;3&quot;"),
    "missing-variable": ('<zeebe:input source="=&quot;box&quot;" target="stack"/>', ""),
    "unknown-variable": ('target="inputs"/>', 'target="inputs"/><zeebe:input source="=1" target="reminder"/>'),
    "unknown-output": ("change.outputs.address", "change.outputs.adress"),
    "bare-apply": ("terraform.box.plan", "terraform.box.apply"),
    "bare-run": ("terraform.box.plan", "ansible.web.run"),
    "uncaught-error": ('<bpmn:errorEventDefinition id="E"/>', ""),
    "unknown-form": ('formId="Form"', 'formId="Forms"'),
    "unknown-process": ('processId="Other"', 'processId="Othr"'),
    "user-task-kind": ("<zeebe:userTask/>", ""),
    "unknown-group": ("&quot;admins&quot;", "&quot;admin&quot;"),
    "bad-timer": ("PT4H", "4 hours"),
    "unreadable": ("</bpmn:definitions>", ""),
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one module, one role, one form, one environment."""
    for folder in ("bpmn", "environments", "terraform/modules/box", "ansible/roles/web/tasks"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "bpmn/Form.form").write_text('{"id": "Form"}')
    (tmp_path / "terraform/modules/box/main.tf").write_text(MODULE)
    (tmp_path / "bpmn/Weight.dmn").write_text('<definitions><decision id="Weight" name="x"/></definitions>')
    (tmp_path / "ansible/roles/web/tasks/main.yml").write_text("---\n[]\n")
    (tmp_path / "ansible/roles/web/defaults").mkdir()
    (tmp_path / "ansible/roles/web/defaults/main.yml").write_text("---\nweb_port: 80\n")
    (tmp_path / "environments/local.yaml").write_text(
        "description: x\npeople: {approvers: admins, groups: {admins: [demo]}}\n"
    )
    draw(tmp_path, GOOD)
    return tmp_path


def draw(project: Path, model: str) -> None:
    (project / "bpmn" / "Main.bpmn").write_text(model)


def rules(project: Path) -> set[str]:
    return {finding.rule for finding in check_models(project)}


def test_a_good_model_has_no_findings(project: Path) -> None:
    """Nothing is said about a model that fits, with values that only the running process knows."""
    assert check_models(project) == ()


@pytest.mark.parametrize("folder", [".", "docs/tutorial/note"])
def test_our_own_models_have_no_findings(tmp_path: Path, folder: str) -> None:
    """The project's models and that of the tutorial fit the catalogue."""
    for part in ("bpmn", "environments", "ansible", "terraform"):
        shutil.copytree(PROJECT / part, tmp_path / part, ignore=shutil.ignore_patterns(".terraform*"))
    shutil.copytree(PROJECT / "docs/tutorial/note", tmp_path, dirs_exist_ok=True)
    assert check_models(PROJECT if folder == "." else tmp_path) == ()


@pytest.mark.parametrize("rule", BROKEN)
def test_each_rule_finds_its_broken_model(project: Path, rule: str) -> None:
    """One thing broken gives one finding of its rule, with file, line and a fix; a deployment is refused."""
    before, after = BROKEN[rule]
    assert GOOD.count(before) == 1 or rule in ("unknown-output", "unreadable")
    draw(project, GOOD.replace(before, after))
    found = check_models(project)
    assert rule in {f.rule for f in found}
    assert all(f.file == "bpmn/Main.bpmn" and f.fix for f in found)
    assert {f.rule for f in found} <= {rule, "unknown-process"} or rule == "unknown-module"
    with pytest.raises(UsageError, match=rule):
        refuse_wrong_models(project)


def test_a_roll_out_that_nobody_can_probe_is_found(project: Path) -> None:
    """The block RollOut needs to know which page says that a host is well, and its errors are caught."""
    call = """<bpmn:callActivity id="Roll"><bpmn:extensionElements><zeebe:calledElement processId="RollOut"/>
      <zeebe:ioMapping>
        <zeebe:input source="local" target="environment"/>
        <zeebe:input source="web" target="role"/>
        <zeebe:input source="=[]" target="hosts"/>
        <zeebe:input source="={}" target="probe"/>
      </zeebe:ioMapping>
    </bpmn:extensionElements></bpmn:callActivity></bpmn:process>"""
    draw(project, GOOD.replace("</bpmn:process>", call + '<bpmn:process id="RollOut"/>', 1))
    assert {"missing-variable", "uncaught-error"} <= rules(project)


def test_inputs_of_a_single_job_are_judged_too(project: Path) -> None:
    """A job that only foretells is held against the contract as a call of the block is."""
    draw(project, GOOD.replace("inputs.web_port", "inputs.web_prot"))
    assert [(f.rule, f.element) for f in check_models(project)] == [("unknown-input", "Foretell")]
    draw(project, GOOD.replace('source="=80"', 'source="eighty"'))
    assert [(f.rule, f.element) for f in check_models(project)] == [("wrong-input", "Foretell")]


def test_every_rule_is_explained_and_shown_by_a_broken_model() -> None:
    """The page of rules has exactly the rules that a test breaks, and those that speak of folders."""
    page = (PROJECT / "docs/reference/check-rules.md").read_text()
    explained = {
        rule
        for line in page.splitlines()
        if line.startswith("| `")
        for rule in re.findall(r"`([a-z-]+)`", line.split("|")[1])
    }
    assert explained == set(BROKEN) | {"unreadable-module", "unreadable-role", "source-missing", "source-changed"}


def test_a_misspelt_name_is_put_right(project: Path) -> None:
    """The finding names the element, and says which name was meant."""
    draw(project, GOOD.replace("size: 3", "size: 3, lables: []"))
    (found,) = check_models(project)
    assert (found.element, found.name, found.line) == ("Make", "Make box", 8)
    assert "did you mean labels?" in found.message


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ("={size: 3, shape: {wid: 1}}", {"wrong-input"}),
        ("={size: 3, shape: {wide: x, hi: 2}}", {"wrong-input"}),
        ("={size: n, labels: [x, 5]}", {"wrong-input"}),
        ("=if a then {} else {size: 1}", set()),
        ("=wanted", set()),
        ("={size: count(x)}", set()),
        ("={size: if a then 1 else 2, labels: x[item > 2]}", set()),
        ("={}", {"missing-input"}),
    ],
)
def test_what_can_be_known_is_judged_and_nothing_else(project: Path, inputs: str, expected: set[str]) -> None:
    """Literals inside an expression are held against the type; what only the process knows is not."""
    whole = "={size: 3, labels: [name, &quot;b&quot;], shape: {wide: x + 1}}"
    draw(project, GOOD.replace(whole, inputs.replace(">", "&gt;")))
    assert rules(project) == expected


def test_inputs_of_a_template_are_read_one_by_one(project: Path) -> None:
    """Mappings to ``inputs.<name>``, as the element templates write them, are held against the contract too."""
    whole = 'source="={size: 3, labels: [name, &quot;b&quot;], shape: {wide: x + 1}}" target="inputs"'
    draw(project, GOOD.replace(whole, 'source="=3" target="inputs.size"'))
    assert rules(project) == set()
    draw(project, GOOD.replace(whole, 'source="big" target="inputs.size"'))
    assert rules(project) == {"wrong-input"}


@pytest.mark.parametrize(
    ("kind", "text", "good"),
    [
        ("timeDuration", "P1DT2H", True),
        ("timeDuration", "P", False),
        ("timeDuration", "PT", False),
        ("timeDuration", "=wait", True),
        ("timeDuration", "", False),
        ("timeCycle", "R3/PT10M", True),
        ("timeCycle", "R/2030-01-01T00:00:00Z/P1D", True),
        ("timeCycle", "0 0 6 * * MON-FRI", True),
        ("timeCycle", "@daily", True),
        ("timeCycle", "0 6 * * *", False),
        ("timeDate", "2030-01-01T12:00:00+01:00", True),
        ("timeDate", "2030-13-01T12:00:00Z", False),
    ],
)
def test_timers_are_read_as_the_engine_reads_them(project: Path, kind: str, text: str, good: bool) -> None:
    """Durations, moments, cycles and cron lines."""
    whole = "<bpmn:timeCycle>R/P1D</bpmn:timeCycle>"
    draw(project, GOOD.replace(whole, f"<bpmn:{kind}>{text}</bpmn:{kind}>"))
    assert rules(project) == (set() if good else {"bad-timer"})


def test_an_error_that_the_sub_process_around_catches_is_caught(project: Path) -> None:
    """A boundary event on a sub-process counts for the call inside it."""
    inside = GOOD.replace('<bpmn:callActivity id="Make"', '<bpmn:subProcess id="Sub"><bpmn:callActivity id="Make"')
    inside = inside.replace(
        "</bpmn:callActivity>\n    <bpmn:boundary", "</bpmn:callActivity></bpmn:subProcess>\n<bpmn:boundary"
    )
    draw(project, inside.replace('attachedToRef="Make"', 'attachedToRef="Sub"'))
    assert rules(project) == set()


def test_entities_are_not_expanded(project: Path) -> None:
    """A file that declares entities is refused, not read."""
    draw(project, GOOD.replace("<bpmn:definitions", '<!DOCTYPE x [<!ENTITY a "b">]>\n<bpmn:definitions', 1))
    assert rules(project) == {"unreadable"}


def test_a_broken_module_is_said_but_stops_no_deployment(project: Path) -> None:
    """A folder that cannot be read stops only its own workers."""
    (project / "ansible/roles/web/meta").mkdir()
    (project / "ansible/roles/web/meta/argument_specs.yml").write_text("a: [")
    assert rules(project) == {"unreadable-role"}
    refuse_wrong_models(project)


def test_sarif_names_file_line_and_rule(project: Path) -> None:
    """What pull requests are annotated with."""
    draw(project, GOOD.replace("PT4H", "4 hours"))
    report = json.loads(json.dumps(sarif(check_models(project))))
    (result,) = report["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert (result["ruleId"], place["artifactLocation"]["uri"]) == ("bad-timer", "bpmn/Main.bpmn")
    assert place["region"]["startLine"] > 1


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("plain", "plain"),
        ('="text, with } brackets"', "text, with } brackets"),
        ("=-2.5", -2.5),
        ('={a: [1, {b: null}], "c d": true}', {"a": [1, {"b": None}], "c d": True}),
        ("={a: f(1, 2), b: 3}", {"a": UNKNOWN, "b": 3}),
        ("=[1..5]", [UNKNOWN]),
        ("=[1, 2][1]", UNKNOWN),
        ("=1 + 2", UNKNOWN),
        ("={a", UNKNOWN),
        ("=" + "[" * 500 + "]" * 500, None),
    ],
)
def test_literals_are_read_and_the_rest_is_unknown(source: str, value: object) -> None:
    """FEEL as far as it is data."""
    found = known_value(source)
    assert value is None or found == value
