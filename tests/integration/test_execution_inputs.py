"""Any text reaches a real tofu or terraform as it is, or is refused with the reason."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from execution_fixtures import program, stack
from workers.core.errors import InputError
from workers.core.records import Operation
from workers.execution.root_configuration import escape_template
from workers.execution.stack_root import MAIN_FILE
from workers.execution.terraform import Call, TerraformTool

pytestmark = pytest.mark.tofu

ODD = [
    "${path.module}", "%{ if true }x%{ endif }", "$${x}", "$$${x}", "%%{x}", "$", "${", '${"a"}', "{{ x }}",
    "'\"\\`", "a\nb\r\n\tc", "é 語 \u202e 🚪",
    "", " ", "null", "true", "1e3", "<<EOT\nx\nEOT", "\u0001\u001f\u007f", "\u2028\u2029\ufeff",
    "#", "//", "\\u0041", "</script>&amp;",
]  # fmt: skip
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200)
values = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | text,
    lambda v: st.lists(v, max_size=3) | st.dictionaries(text, v, max_size=3),
)


@pytest.fixture(params=["", "terraform"], ids=["tofu", "terraform"])
def tool_name(request) -> str:
    """Each test runs with tofu, and with terraform where it is installed."""
    program(request.param)
    return request.param


async def through(folder: Path, name: str, inputs: dict) -> dict:
    """The outputs of the module that gives back its inputs."""
    one = await stack(folder, "values", name)
    root, planned = await one.plan(inputs)
    return (await one.tool.apply(root, planned.plan, call=Call())).outputs


async def test_odd_texts_arrive(tmp_path, tool_name):
    """Templates, quotes, control characters and look-alikes of other types arrive, as values and as keys."""
    nested = {"list": ODD, "keys": dict.fromkeys(ODD, "x"), "deep": [[{"a": [ODD]}]], "yes": True, "number": 1.5}
    inputs = {"text": "\n".join(ODD), "nested": nested, "token": "${never} evaluated %{x}"}
    outputs = await through(tmp_path, tool_name, inputs)
    assert outputs == {"text": inputs["text"], "nested": nested}


@given(text, values)
@settings(max_examples=8, deadline=None)
def test_any_text_arrives(some, nested):
    """Whatever the text, the module's output is the input, up to Unicode normalisation (NFC) by tofu itself."""
    program()
    with tempfile.TemporaryDirectory() as folder:
        outputs = asyncio.run(through(Path(folder), "", {"text": some, "nested": [nested]}))
    assert outputs == normal({"text": some, "nested": [nested]})


def normal(value):
    """Strings of Terraform's language are in Unicode normalisation form C."""
    import unicodedata

    match value:
        case str():
            return unicodedata.normalize("NFC", value)
        case dict():
            return {normal(k): normal(v) for k, v in value.items()}
        case list():
            return [normal(v) for v in value]
    return value


async def test_a_megabyte_arrives(tmp_path):
    """Large values go through files and not through argument lists."""
    large = "${x} é\n" * 150_000
    assert (await through(tmp_path, "", {"text": large}))["text"] == large


async def test_a_null_arrives_as_null(tmp_path):
    """Null is a value of its own."""
    assert await through(tmp_path, "", {"text": "x", "nested": {"none": None}}) == {
        "text": "x",
        "nested": {"none": None},
    }


@pytest.mark.parametrize("bad", ["a\0b", ["\0"], {"\0": 1}, "\ud800", {"a": ["\udfff"]}])
async def test_what_cannot_arrive_is_refused(tmp_path, bad):
    """NUL and half a surrogate pair are refused before anything starts, naming the variable."""
    one = await stack(tmp_path, "values")
    with pytest.raises(InputError, match=r"module values: nested: holds (a NUL|half)"):
        one.root({"nested": bad})


async def test_an_unknown_input_is_refused(tmp_path):
    """A variable that the module does not have is named."""
    one = await stack(tmp_path, "values")
    with pytest.raises(InputError, match="txt: the module has no such variable"):
        one.root({"txt": "x"})


async def test_escaped_strings_in_the_configuration_are_literals(tmp_path, tool_name):
    """What goes into main.tf.json by way of the escape is the same text again when Terraform has read it."""
    one = await stack(tmp_path, "values", tool_name)
    root = one.root({"text": "x"})
    main = json.loads((root.folder / MAIN_FILE).read_text())
    main["output"]["odd"] = {"value": [escape_template(item) for item in ODD]}
    (root.folder / MAIN_FILE).write_text(json.dumps(main))
    planned = await one.tool.plan(root, operation=Operation.APPLY, call=Call())
    assert (await one.tool.apply(root, planned.plan, call=Call())).outputs["odd"] == ODD


async def test_ephemeral_values_are_kept_nowhere(tmp_path):
    """An ephemeral input is neither in the root, nor in the plan, nor in the state, and apply needs it again."""
    one = await stack(tmp_path, "values")
    tool: TerraformTool = one.tool
    root = one.root({"text": "x", "token": "very-ephemeral"})
    planned = await tool.plan(root, operation=Operation.APPLY, call=Call())
    await tool.apply(root, planned.plan, call=Call())
    places = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert any(p.name == "terraform.tfstate" for p in places)
    assert not [p for p in places if b"very-ephemeral" in p.read_bytes()]
