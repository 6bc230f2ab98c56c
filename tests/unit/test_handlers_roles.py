"""Which approved change covers a role: the same content, inputs and hosts, approved, and not used yet."""

import pytest

from handlers_kit import context, job
from workers.core.errors import NotFoundError
from workers.core.records import (
    Approval,
    Change,
    Decision,
    Evidence,
    HostAddress,
    Policy,
    StackId,
    StackRecord,
)
from workers.core.values import now
from workers.handlers.configured import remember
from workers.handlers.covering import covering_step, used_places
from workers.handlers.roles import RoleJob, RoleRequest, host_subjects, role_step

INPUTS = {"hello_text": "hi"}


@pytest.fixture
def ctx(tmp_path):
    return context(tmp_path)


async def approved(ctx, *, approvals=1, plan=None, instance=200, hosts=("db1",), given=1, **inputs):
    """A change for the role `hello`, with so many approvals asked and given."""
    step = role_step(ctx, RoleRequest(role="hello", inputs=inputs or INPUTS))
    change = Change(environment="local", roles=(step,), hosts=hosts, plan=plan, process_instance=instance)
    await ctx.changes.save(change)
    await ctx.changes.set_policy(Policy(change=change.digest, approvals=approvals, group="approvers", created=now()))
    for number in range(given):
        approval = Approval(
            change=change.digest,
            decision=Decision.APPROVED,
            approver=f"person{number}",
            evidence=Evidence.ENGINE,
            user_task=number,
            verified_by=number,
            created=now(),
        )
        await ctx.changes.add_approval(approval)
    return change.digest


async def covered(ctx, digest, inputs=None, hosts=("db1",)):
    request = RoleJob(environment="local", hosts=list(hosts), inputs=inputs or INPUTS, change=digest)
    step = role_step(ctx, RoleRequest(role="hello", inputs=request.inputs))
    change = await ctx.changes.find(digest)
    return await covering_step(ctx, change, step, "local", tuple(request.hosts), job("ansible.hello.run"))


async def test_an_approved_change_covers_its_role(ctx):
    """The plain case."""
    assert await covered(ctx, await approved(ctx)) == 0


async def test_other_inputs_are_not_covered(ctx):
    """Editing the inputs after the approval asks for a new one."""
    assert await covered(ctx, await approved(ctx), inputs={"hello_text": "rm -rf"}) is None


async def test_other_hosts_are_not_covered(ctx):
    """An approval for one host does not serve another."""
    assert await covered(ctx, await approved(ctx), hosts=("stack:local/web1",)) is None


async def test_a_role_that_was_edited_after_the_approval_is_not_covered(ctx):
    """The role's content is part of what was approved."""
    digest = await approved(ctx)
    (ctx.project / "ansible/roles/hello/tasks/main.yml").write_text("- ansible.builtin.command: id\n")
    assert await covered(ctx, digest) is None


async def test_a_role_step_is_used_once(ctx):
    """The second run of the same approval asks again."""
    digest = await approved(ctx)
    assert await ctx.changes.use_role(digest, 0, "1-1", ["db1"])
    assert not await ctx.changes.use_role(digest, 0, "2-1", ["db1"])
    assert await covered(ctx, digest) is None


async def test_too_few_approvals_do_not_cover(ctx):
    """Two are asked for, one was given."""
    assert await covered(ctx, await approved(ctx, approvals=2)) is None


async def test_an_approved_plan_covers_its_roles_only_once_it_was_applied(ctx):
    """Roles approved with a plan do not run before the plan did."""
    plan = "a" * 64
    digest = await approved(ctx, plan=plan, instance=999)
    assert await covered(ctx, digest) is None
    await ctx.plans.use(plan, "9-1")
    assert await covered(ctx, digest) == 0


async def test_a_change_of_another_instance_without_a_plan_is_not_taken(ctx):
    """Naming the change of somebody else's process in a variable does not help."""
    assert await covered(ctx, await approved(ctx, instance=999)) is None


async def test_a_digest_that_is_not_in_the_store_covers_nothing(ctx):
    """A made-up digest is no approval."""
    assert await covered(ctx, "f" * 64) is None


@pytest.fixture
async def fleet(ctx):
    """A context whose environment has a stack with two hosts."""
    hosts = tuple(HostAddress(name=name, address="192.0.2.1") for name in ("web-1", "web-2"))
    stack = StackId(environment="local", name="web")
    await ctx.stacks.save(StackRecord(id=stack, module="box", module_digest="a" * 64, hosts=hosts, updated=now()))
    return ctx


async def test_an_approval_for_a_stack_serves_each_of_its_hosts_once(fleet):
    """Host by host under one approval: each host by itself, none twice, and not all at once afterwards."""
    digest = await approved(fleet, hosts=("stack:local/web",))
    one, two = ("stack:local/web#web-1",), ("stack:local/web#web-2",)
    assert await covered(fleet, digest, hosts=one) == 0
    assert await fleet.changes.use_role(digest, 0, "1-1", await used_places(fleet, "local", one))
    assert await covered(fleet, digest, hosts=one) is None
    assert await covered(fleet, digest, hosts=("stack:local/web",)) is None
    assert await covered(fleet, digest, hosts=two) == 0


async def test_an_approval_for_one_host_does_not_serve_its_stack(fleet):
    """What was approved for one host of a stack is no approval for the others."""
    digest = await approved(fleet, hosts=("stack:local/web#web-1",))
    assert await covered(fleet, digest, hosts=("stack:local/web#web-1",)) == 0
    assert await covered(fleet, digest, hosts=("stack:local/web#web-2",)) is None
    assert await covered(fleet, digest, hosts=("stack:local/web",)) is None


async def test_what_one_host_was_made_like_is_remembered_for_its_stack(fleet):
    """Host by host, the stack's record says how its hosts are meant to be."""
    await remember(fleet, "hello", INPUTS, ("stack:local/web#web-1",), "1-1")
    [known] = await fleet.configured.roles(StackId(environment="local", name="web"))
    assert (known.role, known.inputs) == ("hello", INPUTS)


async def test_a_host_that_the_stack_does_not_have_is_named(fleet):
    """A misspelt host is an error that says which hosts there are."""
    with pytest.raises(NotFoundError, match="web-1, web-2"):
        await fleet.hosts(fleet.environment("local"), ("stack:local/web#web-3",))


def test_jobs_name_their_stacks_and_hosts():
    """Locks and records go by these names; hosts of an environment cannot be mistaken for stacks."""
    subjects = host_subjects(job("x", environment="local", hosts=["stack:local/web1#a", "stack:local/web1", "db1"]))
    assert subjects == ("local/web1", "local/host-db1")
