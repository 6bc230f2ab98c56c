"""Plans and applies with a real OpenTofu or Terraform."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from execution_fixtures import Events, Stack, call, program, seconds, stack
from workers.core.errors import MissingToolError, ToolError
from workers.core.records import Counts, Operation
from workers.execution.errors import StalePlanError, StateLockedError, ToolInterruptedError
from workers.execution.terraform import Call, TerraformTool

pytestmark = pytest.mark.tofu


@pytest.fixture(params=["", "terraform"], ids=["tofu", "terraform"])
def tool_name(request) -> str:
    """Each test runs with tofu, and with terraform where it is installed."""
    program(request.param)
    return request.param


async def state_of(one: Stack) -> dict:
    """The state file as JSON."""
    return json.loads((one.folder / "state" / "test" / "one" / "terraform.tfstate").read_text())


async def test_a_stack_from_plan_to_destroy(tmp_path, tool_name):
    """Plan, apply, an empty second plan, a change, and a destroy that leaves an empty state."""
    one = await stack(tmp_path, "slow", tool_name)
    events = Events()
    root, planned = await one.plan({"first": "a"}, call=call(events))
    assert planned.facts.counts == Counts(create=3)
    assert (planned.facts.has_changes, planned.facts.empty_before) == (True, True)
    await one.tool.apply(root, planned.plan, call=call(events))
    assert events.states("module.stack.terraform_data.last") == ["started", "ok"]
    _, again = await one.plan({"first": "a"})
    assert (again.facts.has_changes, again.facts.empty_before, again.facts.counts.total) == (False, False, 0)
    root, changed = await one.plan({"first": "b"})
    assert changed.facts.counts == Counts(replace=1)
    assert "because of triggers_replace" in changed.facts.markdown
    assert '"a" → "b"' in changed.facts.markdown
    root, gone = await one.plan({"first": "a"}, Operation.DESTROY)
    assert gone.facts.counts == Counts(delete=3)
    await one.tool.apply(root, gone.plan, call=call(events))
    assert await one.tool.state_is_empty(root, call=Call())


async def test_a_state_that_could_not_be_written_is_put_back(tmp_path):
    """A later state of the same lineage takes the place of an earlier one, and not the other way round."""
    one = await stack(tmp_path, "slow")
    states = []
    for text in ("a", "b"):
        root, planned = await one.plan({"first": text})
        await one.tool.apply(root, planned.plan, call=Call())
        states.append(json.dumps(await state_of(one)).encode())
    file = one.folder / "state" / "test" / "one" / "terraform.tfstate"
    file.write_bytes(states[0])
    await one.tool.push_state(root, states[1], call=Call())
    assert (await state_of(one))["resources"] == json.loads(states[1])["resources"]
    with pytest.raises(ToolError, match="state push"):
        await one.tool.push_state(root, states[0], call=Call())


async def test_the_plan_is_a_value(tmp_path):
    """A plan applies from its bytes in another folder, and its digest is the one of its content."""
    one = await stack(tmp_path, "slow")
    _, planned = await one.plan({"first": "a"})
    assert re.fullmatch("[0-9a-f]{64}", planned.digest)
    await one.tool.apply(one.root({"first": "a"}, "elsewhere"), planned.plan, call=Call())
    assert len((await state_of(one))["resources"]) == 3


async def test_the_workspace_digest_binds_inputs_and_module(tmp_path):
    """The digest is the same for the same inputs and another for others, init and plan notwithstanding."""
    one = await stack(tmp_path, "slow")
    before = one.root({"first": "a"}).digest()
    root, _ = await one.plan({"first": "a"})
    assert root.digest() == before
    assert one.root({"first": "b"}).digest() != before


async def test_a_plan_that_met_a_newer_state_is_stale(tmp_path, tool_name):
    """The second of two plans made from one state is refused as stale, and nothing is done."""
    one = await stack(tmp_path, "slow", tool_name)
    root = one.root({"first": "a"})
    first = await one.tool.plan(root, operation=Operation.APPLY, call=Call())
    second = await one.tool.plan(root, operation=Operation.APPLY, call=Call())
    await one.tool.apply(root, first.plan, call=Call())
    serial = (await state_of(one))["serial"]
    with pytest.raises(StalePlanError, match="stale"):
        await one.tool.apply(root, second.plan, call=Call())
    assert (await state_of(one))["serial"] == serial


async def test_a_plan_is_usable_once(tmp_path):
    """The same plan applied a second time is stale."""
    one = await stack(tmp_path, "slow")
    root, planned = await one.plan({})
    await one.tool.apply(root, planned.plan, call=Call())
    with pytest.raises(StalePlanError):
        await one.tool.apply(root, planned.plan, call=Call())


async def test_a_broken_module_is_told_with_file_and_line(tmp_path, tool_name):
    """The error of a module that refers to nothing names file, line and reason; validate says the same as plan."""
    one = await stack(tmp_path, "broken", tool_name)
    events = Events()
    for attempt in (
        one.plan({"text": "x"}, call=call(events)),
        one.tool.validate(one.root({"text": "x"}, "v"), call=Call()),
    ):
        with pytest.raises(ToolError, match=r"module/main\.tf:7.*undeclared input variable"):
            await attempt
    assert any(e.kind == "error" and "module/main.tf:7" in e.text for e in events.events)


async def test_an_interrupted_apply_keeps_its_state(tmp_path, tool_name):
    """One SIGINT during an apply: what was made is in the state, what was not is planned again."""
    one = await stack(tmp_path, "slow", tool_name)
    root, planned = await one.plan({"seconds": 3})
    stop, events = asyncio.Event(), Events(wanted="terraform_data.slow")
    task = asyncio.create_task(one.tool.apply(root, planned.plan, call=call(events, stop=(stop,), grace=seconds(60))))
    async with asyncio.timeout(30):
        await events.started.wait()
    stop.set()
    with pytest.raises(ToolInterruptedError) as error:
        await task
    assert (error.value.killed, error.value.timed_out) == (False, False)
    names = {resource["name"] for resource in (await state_of(one))["resources"]}
    assert "first" in names
    assert "last" not in names
    _, again = await one.plan({"seconds": 0})
    assert again.facts.has_changes


async def test_after_the_grace_period_the_state_is_unknown(tmp_path):
    """An apply that does not stop in time, here at once, is killed; the error says that the state is unknown."""
    one = await stack(tmp_path, "slow")
    root, planned = await one.plan({"seconds": 20, "stubborn": True})
    stop, events = asyncio.Event(), Events(wanted="provisioner is up")
    task = asyncio.create_task(one.tool.apply(root, planned.plan, call=call(events, stop=(stop,), grace=seconds(0))))
    async with asyncio.timeout(30):
        await events.started.wait()
    stop.set()
    with pytest.raises(ToolInterruptedError, match="killed") as error:
        await task
    assert error.value.killed


async def test_a_locked_state_is_told_as_such(tmp_path):
    """While an apply holds the state, a plan says that it is locked."""
    one = await stack(tmp_path, "slow")
    root, planned = await one.plan({"seconds": 4})
    events = Events(wanted="terraform_data.slow")
    task = asyncio.create_task(one.tool.apply(root, planned.plan, call=call(events)))
    async with asyncio.timeout(30):
        await events.started.wait()
    other = one.root({}, "other")
    with pytest.raises(StateLockedError):
        await one.tool.plan(other, operation=Operation.APPLY, call=Call(lock_timeout=seconds(0)))
    await task


async def test_a_failing_provisioner_is_told_with_its_resource(tmp_path):
    """A resource that fails is named in the error and in a failed event."""
    one = await stack(tmp_path, "slow")
    events = Events()
    root, planned = await one.plan({"seconds": -1})
    with pytest.raises(ToolError, match=r"module\.stack\.terraform_data\.slow.*local-exec"):
        await one.tool.apply(root, planned.plan, call=call(events))
    assert "failed" in events.states("module.stack.terraform_data.slow")


async def test_sensitive_values_leave_the_process_nowhere(tmp_path, tool_name):
    """Neither events, facts, outputs nor Markdown hold a sensitive input; its name stays."""
    one = await stack(tmp_path, "sensitive", tool_name)
    secret = 'hunter2-"quoted"'
    events = Events()
    root, planned = await one.plan({"name": "db", "password": secret}, call=call(events, secret))
    applied = await one.tool.apply(root, planned.plan, call=call(events, secret))
    _, changed = await one.plan({"name": "db", "password": "another-secret"}, call=call(events))
    for told in (
        events.text,
        json.dumps(planned.facts.document),
        planned.facts.markdown,
        repr(changed.facts),
        repr(applied),
    ):
        assert "hunter2" not in told
        assert "another-secret" not in told
    assert applied.outputs == {"name": "db"}
    assert set(applied.sensitive_outputs) == {"password"}
    assert "(sensitive) → (sensitive)" in changed.facts.markdown


async def test_a_wrong_type_is_told_by_the_module(tmp_path):
    """A value that does not fit the module's type is refused with the variable's name."""
    one = await stack(tmp_path, "slow")
    with pytest.raises(ToolError, match="seconds"):
        await one.plan({"seconds": "many"})


async def test_a_missing_cli_configuration_does_not_disturb(tmp_path, monkeypatch):
    """A TF_CLI_CONFIG_FILE that names nothing would print warnings into the tool's JSON."""
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "absent"))
    one = await stack(tmp_path, "slow")
    _, planned = await one.plan({})
    assert planned.facts.counts.create == 3


async def test_two_inits_share_a_plugin_cache_one_after_the_other(tmp_path):
    """Several plans at once with one plugin cache all come out well."""
    one = await stack(tmp_path, "slow")
    tool = await TerraformTool.probe(one.tool.program, plugin_cache=tmp_path / "plugins")
    roots = [one.root({}, f"root{number}") for number in range(3)]
    await asyncio.gather(*(tool.init(root, call=Call()) for root in roots))
    assert all((root.folder / ".terraform").is_dir() for root in roots)


async def test_a_program_that_is_neither_is_refused(tmp_path):
    """A setting that names some other program is told so."""
    with pytest.raises(MissingToolError, match="neither OpenTofu nor Terraform"):
        await TerraformTool.probe(Path("/bin/true"))
