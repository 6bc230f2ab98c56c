"""Roles run by a real ansible-playbook, on this machine by a local connection."""

from __future__ import annotations

import asyncio
import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from execution_fixtures import FIXTURES, Events, play, seconds
from workers.core.errors import InputError, ToolError
from workers.core.records import HostAddress
from workers.core.redaction import Redactor
from workers.execution import ansible
from workers.execution.ansible import HostCounts, run_role
from workers.execution.errors import HostUnreachableError, RoleFailedError, StalePlanError, ToolInterruptedError
from workers.execution.process import Control
from workers.runs.folder import digest_folder

INJECTION = "{{ lookup('pipe', 'touch %s') }}"


async def test_a_role_is_predicted_applied_and_then_idempotent(tmp_path):
    """A check predicts with diffs and writes nothing, the run writes, and the next run changes nothing."""
    inputs = {"writes_folder": str(tmp_path), "writes_text": "hello", "writes_nested": {}}
    events = Events()
    check = await run_role(play("writes", inputs, check=True), sink=events)
    assert (check.changed, check.check, list(tmp_path.iterdir())) == (2, True, [])
    assert [task.task for task in check.changed_tasks] == ["writes : Write the text", "writes : Write the structure"]
    assert "+hello" in check.markdown
    done = await run_role(play("writes", inputs), sink=events)
    assert done.hosts == {"here": HostCounts(ok=3, changed=2)}
    assert (tmp_path / "text").read_text() == "hello"
    assert events.states("here: writes : Write the text") == ["started", "changed", "started", "changed"]
    again = await run_role(play("writes", inputs), sink=events)
    assert (again.has_changes, again.exit_status) == (False, 0)
    again.raise_for_status()


async def test_inputs_arrive_as_text_and_are_never_run(tmp_path):
    """Templates, quotes, newlines and tags in values, nested values and keys reach the role as they are."""
    mark = tmp_path / "executed"
    attack = INJECTION % mark
    texts = [
        attack,
        "{% raw %}{{ x }}",
        "!unsafe x",
        "a\nb\r\n\tc",
        "'\"\\`$(id)${HOME}%{x}",
        "é 語 \u202e 🚪",
        "- a: b",
        "null",
        "1e3",
        "",
        " x ",
    ]
    nested = {
        "list": [*texts, [attack]],
        attack: {"deep": attack},
        "yes": "no",
        "1": 1,
        "true": True,
        "none": None,
        "number": 1.5,
        "text": "yes",
    }
    inputs = {"writes_folder": str(tmp_path), "writes_text": "\n".join(texts), "writes_nested": nested}
    result = await run_role(play("writes", inputs), sink=Events())
    result.raise_for_status()
    assert (tmp_path / "text").read_bytes().decode() == "\n".join(texts)
    assert json.loads((tmp_path / "nested.json").read_text()) == nested
    assert not mark.exists()


async def test_a_megabyte_of_text_arrives(tmp_path):
    """Large values go through files and not through argument lists."""
    text = "{{ x }} é\n" * 100_000
    result = await run_role(
        play("writes", {"writes_folder": str(tmp_path), "writes_text": text, "writes_nested": []}), sink=Events()
    )
    result.raise_for_status()
    assert (tmp_path / "text").read_text() == text


@pytest.mark.parametrize(
    "inputs", [{"writes_text": "a\0b"}, {"writes_text": ["\ud800"]}, {"not a name": "x"}, {"{{ x }}": "y"}]
)
async def test_what_cannot_arrive_is_refused_before_anything_starts(inputs):
    """NUL, half a surrogate pair and impossible names are refused, naming the input."""
    with pytest.raises(InputError, match=r"role writes.*(NUL|surrogate|no name)"):
        await run_role(play("writes", inputs), sink=Events())


async def test_a_failing_role_names_host_task_and_reason():
    """The failure that ended the play is told; ignored and rescued ones are not."""
    events = Events()
    result = await run_role(play("fails", {}), sink=events)
    with pytest.raises(RoleFailedError, match="here: fails : Give up: The disk is full") as error:
        result.raise_for_status()
    assert error.value.hosts == ("here",)
    assert "It was rescued" not in str(error.value)
    assert result.hosts["here"].failed == 1


async def test_a_role_that_does_not_parse_is_a_tool_error():
    """An unknown module is told with its name and place, without a Python traceback."""
    with pytest.raises(ToolError, match="no_such.collection.module") as error:
        (await run_role(play("broken", {}), sink=Events())).raise_for_status()
    assert "Traceback" not in str(error.value)


async def test_secrets_stay_out_of_everything_that_is_told(tmp_path):
    """A value under no_log is censored by Ansible, another one that we know by its value."""
    events = Events()
    inputs = {
        "secretive_folder": str(tmp_path),
        "secretive_hidden": "under-no-log",
        "secretive_shown": "known by value",
    }
    result = await run_role(play("secretive", inputs), sink=events, redactor=Redactor(["known by value"]))
    assert result.changed == 2
    for told in (events.text, result.markdown, repr(result)):
        assert "under-no-log" not in told
        assert "known by value" not in told


async def test_an_unreachable_host_is_typed_and_told(tmp_path):
    """A host where nothing listens ends as unreachable, with its name and ssh's reason."""
    host = HostAddress(name="away", address="127.0.0.1", port=free_port(), user="nobody", host_keys=(HOST_KEY,))
    result = await run_role(play("writes", {}, host), sink=Events())
    with pytest.raises(HostUnreachableError, match="away.*[Cc]onnection refused") as error:
        result.raise_for_status()
    assert error.value.hosts == ("away",)


async def test_a_host_whose_key_nobody_knows_is_refused():
    """Without a known key, and without leave to learn it, nothing is started."""
    host = HostAddress(name="stranger", address="192.0.2.1")
    with pytest.raises(InputError, match="stranger: its host key is not known"):
        await run_role(play("writes", {}, host), sink=Events())


@pytest.mark.parametrize("address", ["-oProxyCommand=id", "a b", "{{ x }}", "a;b", ""])
async def test_an_address_that_is_none_is_refused(address):
    """What ssh or Ansible could take for an option or a template is no address."""
    host = HostAddress(name="odd", address=address, host_keys=(HOST_KEY,))
    with pytest.raises(InputError, match="odd: address"):
        await run_role(play("writes", {}, host), sink=Events())


async def test_a_role_that_has_changed_since_is_refused(tmp_path):
    """The approved content digest decides; a role with other content does not run."""
    inputs = {"writes_folder": str(tmp_path), "writes_text": "x", "writes_nested": []}
    right = replace(play("writes", inputs), digest=digest_folder(FIXTURES / "roles" / "writes"))
    (await run_role(right, sink=Events())).raise_for_status()
    with pytest.raises(StalePlanError, match="not the one that was approved"):
        await run_role(replace(right, digest="0" * 64), sink=Events())


async def test_a_stopped_play_says_so(tmp_path):
    """A stop interrupts Ansible and its workers, and the error is not one of the role."""
    stop, events = asyncio.Event(), Events(wanted="Gathering Facts")
    task = asyncio.create_task(
        run_role(play("writes", {}), sink=events, control=Control(stop=(stop,), grace=seconds(30)))
    )
    async with asyncio.timeout(60):
        await events.started.wait()
    stop.set()
    with pytest.raises(ToolInterruptedError):
        await task


async def test_nothing_private_is_left_behind(tmp_path, monkeypatch):
    """The folder with inputs and key is gone after the run, also when the play could not be written."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(ToolError):
        (await run_role(play("fails", {}), sink=Events())).raise_for_status()
    with pytest.raises(InputError):
        await run_role(play("writes", {"writes_text": "\0"}), sink=Events())
    assert list(tmp_path.iterdir()) == []


async def test_a_configuration_lying_about_is_not_picked_up(tmp_path, monkeypatch):
    """An ansible.cfg in the working directory and ANSIBLE_ variables of ours change nothing."""
    (tmp_path / "ansible.cfg").write_text("[defaults]\nstdout_callback = minimal\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANSIBLE_CHECK_MODE_MARKERS", "True")
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", "minimal")
    result = await run_role(play("fails", {}), sink=Events())
    assert result.hosts["here"].failed == 1


def test_the_plugin_and_its_reader_agree():
    """Both ends know the same mark; they share no code because Ansible loads the plugin by itself."""
    plugin = Path(ansible.__file__).parent / "callback" / "sluis_events.py"
    assert f"MARK = {json.dumps(ansible.MARK).replace('u001e', 'x1e')}" in plugin.read_text()


HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJxq2n0b0wJ0yq4rTnV4M2nqz2P4o8H1Jx5r7xq1c1aB"


def free_port() -> int:
    """A port of the loopback where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
