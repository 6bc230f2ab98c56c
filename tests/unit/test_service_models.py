"""What is read from the models."""

from __future__ import annotations

from pathlib import Path

import pytest

from service_kit import project
from workers.core.errors import SettingError
from workers.service.models import read_models

PROJECT = Path(__file__).parents[2]


def test_ends_after_an_error_are_not_good(tmp_path: Path) -> None:
    """Good are the ends that no boundary event leads to and that throw nothing."""
    assert read_models(project(tmp_path))["Order"].good_ends == {"Good"}


def test_the_good_ends_of_a_process_are_those_without_an_error_on_the_way() -> None:
    """VmProvisioning is done well at "Machine ready", and after the whole life of a machine with an end date."""
    model = read_models(PROJECT)["VmProvisioning"]
    assert {model.label(end) for end in model.good_ends} == {"Machine ready", "Lifetime over"}


def test_an_end_that_tells_of_a_failure_is_not_good() -> None:
    """A compliance check that could not look everywhere ends without an error, and is none that went well."""
    model = read_models(PROJECT)["ComplianceCheck"]
    assert {model.label(end) for end in model.good_ends} == {"Report ready"}


def test_steps_have_names_and_places(tmp_path: Path) -> None:
    """A step is known by its name, the sub-processes around it and the process that it calls."""
    model = read_models(project(tmp_path))["Order"]
    assert (model.label("Call"), model.around("Call"), model.calls("Call")) == ("Block", ("Sub",), "Inner")
    assert (model.label("Start"), model.around("Start")) == ("Start", ())


def test_a_form_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A model whose start form the project does not have says which one."""
    (project(tmp_path) / "bpmn" / "OrderForm.form").unlink()
    with pytest.raises(SettingError, match="OrderForm"):
        _ = read_models(tmp_path)["Order"].start_form


def test_a_model_that_is_no_xml_is_named(tmp_path: Path) -> None:
    """A file that cannot be read is named, and the parser's reason with it."""
    (project(tmp_path) / "bpmn" / "Torn.bpmn").write_text("<bpmn:definitions")
    with pytest.raises(SettingError, match=r"Torn\.bpmn"):
        read_models(tmp_path)
