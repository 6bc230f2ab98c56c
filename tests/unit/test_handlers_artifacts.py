"""Fetched artefacts: kept by digest, used where the environment allows their source, handed to roles as files."""

from __future__ import annotations

import hashlib

import pytest

from handlers_kit import ENVIRONMENT, Lease, context, job
from workers.core.errors import StoreError, ToolError
from workers.core.job import BpmnErrorCode, Done, Refused
from workers.core.records import Change, HostAddress
from workers.execution.ansible_files import RolePlay, write_play
from workers.execution.ssh import SshAccess
from workers.handlers.artifacts import artifact_contents, artifact_lines, artifact_workers
from workers.handlers.roles import RoleRequest, role_step
from workers.handlers.summary import check_markdown

CONTENT = b"a release"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
REFERENCE = f"artifact://{SHA256}"
ALLOWED = "artifacts:\n  sources:\n    - prefix: ./releases/\n"


@pytest.fixture
def ctx(tmp_path):
    """A context with a release, an environment that allows it and one that does not."""
    found = context(tmp_path)
    (found.project / "releases").mkdir()
    (found.project / "releases" / "shop-1.tar.gz").write_bytes(CONTENT)
    (found.project / "environments" / "local.yaml").write_text(ENVIRONMENT + ALLOWED)
    (found.project / "environments" / "closed.yaml").write_text(ENVIRONMENT)
    return found


async def fetched(ctx, key=1, environment="local", digest=SHA256, source="./releases/shop-1.tar.gz"):
    """The outcome of one fetch job."""
    [worker] = artifact_workers(ctx)
    variables = {"environment": environment, "source": source, "digest": digest}
    return await worker.handler(job("artifact.fetch", key, **variables), Lease())


async def test_a_fetched_artefact_is_kept_and_referred_to(ctx):
    """The process gets a reference and facts for people, the store the content; the audit trail says so."""
    outcome = await fetched(ctx)
    assert isinstance(outcome, Done)
    found = outcome.variables["artifact"]
    assert (found["reference"], found["size"], found["name"]) == (REFERENCE, len(CONTENT), "shop-1.tar.gz")
    assert await ctx.artifacts.content(SHA256, "local") == CONTENT
    assert [entry.action for entry in await ctx.audit.entries("local/artifacts")] == ["fetched"]


async def test_what_is_kept_is_not_fetched_again(ctx):
    """The second stage takes the content that the first one fetched, though its source is gone meanwhile."""
    await fetched(ctx)
    (ctx.project / "releases" / "shop-1.tar.gz").unlink()
    assert isinstance(await fetched(ctx, 2), Done)


async def test_an_environment_that_does_not_allow_the_source_gets_nothing(ctx):
    """Neither by fetching nor by naming what another environment fetched."""
    await fetched(ctx)
    outcome = await fetched(ctx, 2, "closed")
    assert isinstance(outcome, Refused)
    assert outcome.code is BpmnErrorCode.ARTIFACT_REFUSED
    with pytest.raises(ToolError, match="was not fetched for environment closed"):
        await artifact_contents(ctx, "closed", {"a": [REFERENCE]})


@pytest.mark.parametrize(
    ("variables", "words"),
    [({"digest": "a" * 64}, "not " + "a" * 64), ({"digest": "v1"}, "SHA-256"), ({"source": "./secrets/key"}, "allows")],
)
async def test_a_mismatch_is_a_bpmn_error_that_says_why(ctx, variables, words):
    """Another content, something that is no digest, another place."""
    outcome = await fetched(ctx, **variables)
    assert isinstance(outcome, Refused)
    assert outcome.code is BpmnErrorCode.ARTIFACT_REFUSED
    assert words in outcome.variables["failure"]["message"]


async def test_an_altered_content_is_noticed(ctx):
    """What lies in the store is held to its name before it goes to a host."""
    await fetched(ctx)
    await ctx.store.write(f"artifacts/{SHA256}/content", b"another")
    with pytest.raises(StoreError, match="altered"):
        await artifact_contents(ctx, "local", {"a": REFERENCE})


async def test_a_role_gets_the_path_of_a_file(ctx, tmp_path):
    """The reference in an input becomes a private file with the content; other texts stay what they are."""
    await fetched(ctx)
    inputs = {"hello_text": REFERENCE, "hello_other": [f"{REFERENCE} and more", "artifact://" + "b" * 64]}
    contents = await artifact_contents(ctx, "local", {"hello_text": REFERENCE})
    host = HostAddress(name="here", address="local")
    role = ctx.project / "ansible/roles/hello"
    (tmp_path / "play").mkdir()
    write_play(RolePlay("hello", role, inputs, (host,), SshAccess(), artifacts=contents), tmp_path / "play")
    file = tmp_path / "play" / "artifacts" / SHA256
    assert file.read_bytes() == CONTENT
    written = (tmp_path / "play" / "inputs.yml").read_text()
    assert f'"hello_text": "{file}"' in written
    assert f'"{REFERENCE} and more"' in written
    assert "artifact://" + "b" * 64 in written


async def test_approvers_read_where_the_artefact_comes_from_and_what_else_they_approve(ctx):
    """Name, source, size and digest, from the record; and the role that runs where the first one fails."""
    await fetched(ctx)
    steps = (
        role_step(ctx, RoleRequest(role="hello", inputs={"hello_text": REFERENCE})),
        role_step(ctx, RoleRequest(role="hello", inputs={"hello_text": "back"})),
    )
    change = Change(environment="local", roles=steps, hosts=("db1",), process_instance=1)
    text = check_markdown(change, "Two tasks.", await artifact_lines(ctx, change))
    assert f"**shop-1.tar.gz** from ./releases/shop-1.tar.gz: {len(CONTENT)} bytes, `{SHA256}`" in text
    assert "Where that fails, without asking again:" in text
    assert "hello_text = `back`" in text
