"""The forms of the project's own processes, as pages show them and as they come back."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from web_kit import Installation, OpenDesk, installation
from workers.service.models import read_models
from workers.service.variables import Given, checked, fields_of
from workers.web.ports import StartForm

PROJECT = Path(__file__).resolve().parents[2]
MODELS = {name: model for name, model in read_models(PROJECT).items() if model.start_form}
ODD = StartForm(
    "Order", "Order", (
        {"key": "count", "type": "select", "label": "Count", "values": [{"label": "one", "value": 1}]},
        {"key": "day", "type": "datetime", "subtype": "date", "label": "Day"},
        {"key": "sure", "type": "checkbox", "label": "Sure", "defaultValue": True},
        {"key": "tags", "type": "checklist", "label": "Tags", "values": [{"label": "a", "value": "a"}]},
    ), "What it is for.\nMore of it.",
)  # fmt: skip


@dataclass
class FormDesk(OpenDesk):
    """A desk with given forms."""

    shown: tuple[StartForm, ...] = field(default=())

    def forms(self) -> tuple[StartForm, ...]:
        return self.shown


async def page_of(sluis: Installation, form: StartForm) -> str:
    desk = FormDesk(shown=(form,))
    object.__setattr__(sluis.site, "desk", desk)
    async with await sluis.signed_in("root") as http:
        assert form.name in (await http.get("/catalogue")).text
        answer = await http.get(f"/start/{form.process}")
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.mark.parametrize("process", sorted(MODELS))
async def test_every_process_of_the_project_has_a_page_with_its_whole_form(process, tmp_path):
    """Each process that people start is in the catalogue, says what it is for, and asks for every field of its form."""
    model = MODELS[process]
    fields = fields_of(model)
    assert model.documentation
    page = await page_of(
        await installation(tmp_path), StartForm(process, model.name, tuple(fields.values()), model.documentation)
    )
    for name, component in fields.items():
        assert re.search(rf'<(input|select|textarea)[^>]* name="{name}"', page), name
        assert (component.get("label") or component["dateLabel"]) in page


async def test_choices_days_and_boxes_are_asked_for_as_such(tmp_path):
    """A day has a day's field, a box is ticked by its default, several may be chosen where the form says so."""
    page = await page_of(await installation(tmp_path), ODD)
    assert 'type="date" name="day"' in page
    assert re.search(r'type="checkbox" name="sure" checked', page)
    assert re.search(r'<select name="tags" multiple', page)
    assert "What it is for." in page
    assert "More of it." not in page


def test_a_choice_keeps_its_type():
    """A number that is chosen by its text is a number for the process."""

    class Model:
        id = "Order"
        words = frozenset()
        start_form = {"components": list(ODD.fields)}

    given = Given({"count": "1", "tags": "a"}, {})
    assert checked(given, Model, ())["count"] == 1
