"""What is asked of machines and hosts that are there: refused in words before anything starts."""

from datetime import timedelta

import pytest

from handlers_kit import Lease, job, rules
from workers.core.job import BpmnErrorCode, Done, Refused
from workers.core.moments import moment_text
from workers.core.records import StackId, StackRecord
from workers.core.values import now
from workers.handlers.requests import CheckRequest


@pytest.fixture
def kit(tmp_path):
    return rules(tmp_path)


async def stand(kit, name="web1", module="box", state="applied"):
    stack = StackId(environment="local", name=name)
    await kit.context.stacks.save(
        StackRecord(id=stack, module=module, module_digest="0" * 64, state=state, updated=now())
    )


async def ask(kit, **variables):
    return await CheckRequest(kit.context)(job("request.check", **variables), Lease())


async def refusal(kit, **variables):
    outcome = await ask(kit, **variables)
    assert isinstance(outcome, Refused)
    assert outcome.code is BpmnErrorCode.REQUEST_INVALID
    return outcome.message


async def test_a_machine_that_is_there_may_be_removed(kit):
    """The process gets its stack and its module."""
    await stand(kit)
    outcome = await ask(kit, operation="destroy", environment="local", name="web1")
    assert isinstance(outcome, Done)
    answer = outcome.variables["request"]
    assert (answer["stack"], answer["module"], answer["approvers"]) == ("local/web1", "box", "approvers")


@pytest.mark.parametrize(
    ("state", "words"), [("planned", "never made"), ("destroyed", "removed already"), (None, "never asked for")]
)
async def test_a_machine_that_is_not_there_is_refused(kit, state, words):
    """The message names the stack and says what became of it."""
    if state:
        await stand(kit, state=state)
    message = await refusal(kit, operation="destroy", environment="local", name="web1")
    assert "local/web1" in message
    assert words in message


async def test_a_stack_of_another_module_is_refused(kit):
    """A database is no machine, whatever it is called; both modules are named."""
    await stand(kit, module="aws_rds_postgres")
    message = await refusal(kit, operation="destroy", environment="local", name="web1")
    assert "aws_rds_postgres" in message
    assert "box" in message


async def test_what_a_failed_removal_left_may_be_removed(kit):
    """A half-made machine is there."""
    await stand(kit, state="half-made")
    assert isinstance(await ask(kit, operation="destroy", environment="local", name="web1"), Done)


async def test_an_end_date_comes_back_as_a_moment_with_its_reminder(kit):
    """A day becomes its end in UTC; people are reminded a week before, or a quarter of a short life before."""
    far = (await ask(kit, environment="local", name="web1", endDate="2100-01-01")).variables["request"]
    assert (far["expires"], far["remindBefore"]) == ("2100-01-02T00:00:00Z", "PT604800S")
    soon = moment_text(now() + timedelta(hours=4))
    near = (await ask(kit, environment="local", name="web1", endDate=soon)).variables["request"]
    assert near["remindBefore"] in ("PT3600S", "PT3599S")
    asked = await ask(kit, environment="local", name="web1", endDate=soon, remindBefore="PT5M")
    assert asked.variables["request"]["remindBefore"] == "PT300S"
    never = (await ask(kit, environment="local", name="web1")).variables["request"]
    assert (never["expires"], never["remindBefore"]) == (None, None)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"endDate": "2001-01-01"}, "is over"),
        ({"endDate": "soon"}, "is no date"),
        ({"endDate": "2100-01-01", "remindBefore": "a week"}, "is no duration"),
        ({"endDate": "2100-01-01T10:00:00"}, "time zone"),
    ],
)
@pytest.mark.parametrize("operation", ["apply", "expire"])
async def test_a_bad_end_date_is_refused(kit, operation, more, words):
    """With the request for the machine or later: the message says what is wrong with it."""
    await stand(kit)
    assert words in await refusal(kit, operation=operation, environment="local", name="web1", **more)


async def test_an_end_date_for_a_machine_needs_both(kit):
    """No date, or no machine: nothing starts."""
    assert "never asked for" in await refusal(
        kit, operation="expire", environment="local", name="web1", endDate="2100-01-01"
    )
    await stand(kit)
    assert "endDate is missing" in await refusal(kit, operation="expire", environment="local", name="web1")


async def test_a_date_that_was_agreed_in_time_is_kept_when_it_is_over(kit):
    """A machine that took longer to make than it was to live still comes to its end."""
    await stand(kit)
    outcome = await ask(kit, operation="expire", environment="local", name="web1", endDate="2001-01-01", agreed=True)
    assert isinstance(outcome, Done)


@pytest.mark.parametrize("hosts", ["db1", " db1, db1 ", ["db1"]])
@pytest.mark.parametrize("inputs", ['{"hello_text": "hi"}', {"hello_text": "hi"}])
async def test_hosts_and_inputs_may_be_typed(kit, hosts, inputs):
    """A form gives texts, the command line lists and objects: both are read, and each host is there once."""
    outcome = await ask(kit, operation="configure", environment="local", hosts=hosts, role="hello", roleInputs=inputs)
    assert isinstance(outcome, Done)
    answer = outcome.variables["request"]
    assert (answer["hosts"], answer["role"], answer["inputs"]) == (["db1"], "hello", {"hello_text": "hi"})


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"hosts": "db2", "role": "hello"}, "db2"),
        ({"hosts": "", "role": "hello"}, "hosts"),
        ({"hosts": ["stack:local/web1"], "role": "hello"}, "hosts"),
        ({"hosts": "db1", "role": "helo", "roleInputs": {}}, "helo"),
        ({"hosts": "db1", "role": "hello", "roleInputs": {}}, "hello_text"),
        ({"hosts": "db1", "role": "hello", "roleInputs": "{"}, "this is not JSON"),
        ({"hosts": "db1", "role": "hello", "roleInputs": "[1]"}, "roleInputs"),
    ],
)
async def test_a_bad_request_for_hosts_is_refused(kit, variables, words):
    """The message names the host, the role or the input."""
    assert words in await refusal(kit, operation="configure", environment="local", **variables)
