"""Decisions taken with us: written down first, once, and only by those who may decide."""

import pytest

from handlers_kit import change_with_policy, context
from workers.approvals.statements import Person, Question, state
from workers.core.errors import BusyError, DeniedError, UsageError
from workers.core.records import Decision


@pytest.fixture
def kit(tmp_path):
    return context(tmp_path)


async def question(kit, requester="demo"):
    change = await change_with_policy(kit)
    policy = await kit.changes.policy(change.digest)
    return Question(77, policy, kit.environment("local"), requester)


def person(name, *groups):
    return Person(name, "web", f"subject of {name}", frozenset(groups))


async def test_a_decision_is_written_down_with_how_we_know(kit):
    """The record holds who, what, why, where, and how they were authenticated."""
    asked = await question(kit)
    said = await state(kit.changes, asked, person("act"), Decision.APPROVED, " fine ")
    assert (said.person, said.decision, said.reason, said.channel, said.identity) == (
        "act", Decision.APPROVED, "fine", "web", "subject of act",
    )  # fmt: skip
    assert await kit.changes.statement(asked.policy.change, 77) == said


async def test_saying_the_same_again_is_no_second_decision(kit):
    """A double click gives the record that is there; another decision, or another person, comes too late."""
    asked = await question(kit)
    first = await state(kit.changes, asked, person("act"), Decision.APPROVED, "")
    assert await state(kit.changes, asked, person("act"), Decision.APPROVED, "") == first
    with pytest.raises(BusyError, match="act has decided"):
        await state(kit.changes, asked, person("zoe"), Decision.APPROVED, "")
    with pytest.raises(BusyError, match="approved"):
        await state(kit.changes, asked, person("act"), Decision.REJECTED, "no")


@pytest.mark.parametrize(
    ("who", "words"), [("demo", "asked for this change"), ("eve", "does not belong"), ("", "without an assignee")]
)
async def test_who_may_not_decide_leaves_no_record(kit, who, words):
    """Requester, stranger and nobody are refused with the reason, and nothing is written."""
    asked = await question(kit)
    with pytest.raises(DeniedError, match=words):
        await state(kit.changes, asked, person(who), Decision.APPROVED, "")
    assert await kit.changes.statement(asked.policy.change, 77) is None


async def test_the_identity_provider_may_vouch_for_a_group(kit):
    """Somebody whom the environment file does not name decides where the identity provider puts them in the group."""
    said = await state(kit.changes, await question(kit), person("ann", "approvers"), Decision.APPROVED, "")
    assert said.groups == ("approvers",)


async def test_what_is_no_decision_is_refused(kit):
    """A rejection needs a reason, and saying nothing is not a decision."""
    asked = await question(kit)
    with pytest.raises(UsageError, match="reason"):
        await state(kit.changes, asked, person("act"), Decision.REJECTED, " ")
    with pytest.raises(UsageError, match="approved"):
        await state(kit.changes, asked, person("act"), Decision.NONE, "")
