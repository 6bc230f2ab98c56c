"""Rendering that no value can break out of."""

from __future__ import annotations

import json
from collections import deque
from pathlib import Path

import yaml
from hypothesis import assume, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from workers.core.contract import Contract, Input, Kind
from workers.core.environment import Cloud, Environment
from workers.core.records import StackId
from workers.execution.ansible_files import unsafe_yaml
from workers.execution.ansible_result import ChangedTask, HostCounts, RoleResult
from workers.execution.lines import Lines
from workers.execution.markdown import Block, Section, escape, fit
from workers.execution.plan_markdown import MARKDOWN_BYTES, read_plan
from workers.execution.root_configuration import escape_template
from workers.execution.sensitivity import mask
from workers.execution.stack_root import MAIN_FILE, RootSpec, render_root
from workers.execution.texts import text_problems

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
hostile = texts | st.sampled_from(
    ["# h", "- x", "1. x", "> q", "| a | b |", "[a](http://b)", "![a](b)", "<img src=x onerror=alert(1)>",
     "`x`", "**b**", "~~s~~",
     "https://evil.example", "www.evil.example", "a@b.example", "```", "---", "===", "&lt;", "\\", "{{ x }}",
     "${x}", "%{x}", "\n\n# h"]
)  # fmt: skip
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | hostile,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hostile, inner, max_size=3),
    max_leaves=8,
)
renderer = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
PLAIN = {"text", "softbreak", "text_special"}


@given(hostile)
def test_escaped_text_renders_to_text_and_nothing_else(text):
    """Behind a list mark, where it stands in a summary, any text is only text: no HTML, link, heading or code."""
    tokens = renderer.parse(f"- {escape(text)}:")
    blocks = [token.type for token in tokens]
    assert blocks == [
        "bullet_list_open",
        "list_item_open",
        "paragraph_open",
        "inline",
        "paragraph_close",
        "list_item_close",
        "bullet_list_close",
    ]
    assert {child.type for child in tokens[3].children} <= PLAIN


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60))
def test_escaped_text_reads_as_it_was(text):
    """What can be seen is shown unchanged."""
    shown = "".join(child.content for child in renderer.parseInline("x" + escape(text) + "x")[0].children)
    assert shown == f"x{text}x"


@given(st.lists(st.tuples(hostile, st.lists(hostile, max_size=4)), max_size=30), st.integers(200, 3000))
def test_summaries_fit_and_say_what_they_leave_out(items, limit):
    """Never longer than asked, and every block is either there or counted."""
    blocks = tuple(Block(f"- {escape(line)}", tuple(f"  - {escape(d)}" for d in details)) for line, details in items)
    text = fit("**title**", [Section("### heading", blocks)] if blocks else [], limit)
    assert len(text.encode()) <= limit
    shown = sum(line.startswith("- ") for line in text.split("\n"))
    assert shown == len(blocks) or f"… and {len(blocks) - shown} more" in text


@given(
    st.dictionaries(hostile.filter(bool), values, max_size=5),
    st.dictionaries(hostile.filter(bool), values, max_size=5),
    hostile,
)
def test_any_plan_becomes_a_safe_summary(before, after, address):
    """Whatever a plan holds, its summary is small, has no HTML or link, and is a list under headings."""
    change = {
        "actions": ["update"],
        "before": before,
        "after": after,
        "after_unknown": {},
        "before_sensitive": {},
        "after_sensitive": {},
    }
    facts = read_plan({"resource_changes": [{"address": address, "type": "t", "mode": "managed", "change": change}]})
    assert len(facts.markdown.encode()) <= MARKDOWN_BYTES
    tokens = renderer.parse(facts.markdown)
    inline = {child.type for token in tokens for child in token.children or []}
    assert inline <= PLAIN | {"strong_open", "strong_close"}
    assert sum(token.type == "heading_open" for token in tokens) == 1


@given(hostile, st.text(max_size=300))
def test_a_diff_stays_in_its_fence(task, diff):
    """No diff closes its own code fence, and no task name becomes formatting."""
    result = RoleResult("r", {"h": HostCounts(changed=1)}, (ChangedTask("h", task, diff or "x"),), (), 0, 0.0)
    types = [token.type for token in renderer.parse(result.markdown)]
    assert types.count("fence") == 1
    assert "html_block" not in types
    assert types.count("heading_open") == 1


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), values, max_size=4))
def test_ansible_inputs_survive_yaml(inputs):
    """The one tag apart, the document is plain YAML that holds exactly the inputs."""
    text = unsafe_yaml(inputs)
    assert text.startswith("--- !unsafe\n")
    assert yaml.safe_load(text.removeprefix("--- !unsafe\n")) == inputs


@given(hostile, values, hostile)
def test_no_input_reaches_the_configuration(text, value, tag):
    """Inputs are in tfvars only; what the environment file says is escaped where Terraform would see a template."""
    contract = Contract(
        Kind.MODULE,
        "m",
        MODULE,
        "0" * 64,
        inputs=(Input("text"), Input("secret", sensitive=True)),
        providers=(("aws", "hashicorp/aws"),),
    )
    assume("\0" not in text + tag and not list(text_problems("value", value)))
    cloud = Cloud(account="123456789012", region="eu-west-1", default_tags={"note": tag})
    environment = Environment(name="e", cloud=cloud)
    spec = RootSpec(
        StackId(environment="e", name="s"), contract, environment, {"text": text, "secret": value}, "1-1", Path("state")
    )
    files = render_root(spec).files
    plain = {"text": "x", "secret": "y"}
    same = render_root(RootSpec(spec.stack, contract, environment, plain, "1-1", Path("state"))).files
    assert files[MAIN_FILE] == same[MAIN_FILE]
    assert json.loads(files["inputs.auto.tfvars.json"]) == {"text": text}
    assert json.loads(files["sensitive.auto.tfvars.json"]) == {"secret": value}
    tags = json.loads(files[MAIN_FILE])["provider"]["aws"]["default_tags"]["tags"]
    assert tags["note"] == escape_template(tag)
    for opening in ("${", "%{"):
        assert opening not in tags["note"].replace(opening[0] + opening, "")


@given(values, values)
def test_masking_keeps_the_shape_and_hides_what_is_marked(value, other):
    """Unmarked values are untouched; a wholly marked one shows nothing."""
    assert mask(value, False) == value
    assert mask({"a": value, "b": other}, {"b": True}) == {"a": value, "b": None if other is None else "(sensitive)"}


@given(st.lists(texts.map(lambda t: t.replace("\n", "").replace("\r", "")), max_size=8), st.integers(1, 7))
def test_lines_survive_any_chunking(lines, size):
    """However the bytes are cut, even inside a character, the same lines come out."""
    got: list[str] = []
    taker = Lines(got.append, deque(), 10_000)
    content = "".join(f"{line}\n" for line in lines).encode()
    for start in range(0, len(content), size):
        taker.feed(content[start : start + size])
    taker.end()
    assert got == lines


MODULE = Path(__file__).parent.parent / "fixtures" / "execution" / "modules" / "values"
