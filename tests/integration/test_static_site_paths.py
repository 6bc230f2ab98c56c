"""Every path through StaticSite, walked on the real engine by a scripted worker and people over REST."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from tests.integration.models_fixtures import (
    DECIDE,
    PLAN_CHANGE,
    Answer,
    Stage,
    Thrown,
    check,
    plan,
    policy,
    stage,
)
from workers.core.settings import Settings
from workers.engine.grpc import ZeebeGateway
from workers.engine.rest import OrchestrationRest

pytestmark = pytest.mark.engine

OnStage = Callable[..., AbstractAsyncContextManager[Stage]]
REQUEST = {"environment": "local", "name": "web1", "message": "Hello"}
ROLES = ["tls_certificate", "web_server", "monitoring_agent"]


def accepting() -> Answer:
    """A request that is good; the roles are those that the model asks for, with their inputs for the page."""
    configure = [{"role": role, "inputs": {"web_server_message": "Hello"}} for role in ROLES]
    return {"request": {"environment": "local", "name": "web1", "stack": "local/web1", "module": "local_host",
                        "inputs": {"name": "web1"}, "configure": configure, "hosts": ["stack:local/web1"],
                        "approvers": "approvers", "isNew": True}}  # fmt: skip


@pytest.fixture
async def on_stage(settings: Settings) -> AsyncIterator[OnStage]:
    async with (
        ZeebeGateway.from_settings(settings) as gateway,
        OrchestrationRest.as_user(settings, "demo", "demo") as people,
    ):
        probe: Answer = {"probe": {"status": 200, "url": "https://192.0.2.1:443/", "verified": False}}
        usual = {"request__check": [accepting()], "http__probe": [probe]}
        yield lambda **changed: stage(gateway, people, **(usual | changed))


async def test_one_approval_leads_to_a_site_over_tls(on_stage: OnStage) -> None:
    """Machine, certificate, web server, monitoring and the probe follow in that order; one notice at the end."""
    async with on_stage() as actors:
        instance = await actors.start("StaticSite", **REQUEST)
        await actors.review()
        assert await actors.ended(instance) == "EndEvent_SiteReady"
        roles = [f"ansible.{role}.{verb}" for role in ROLES for verb in ("check", "run")]
        assert actors.types() == [
            "request.check",
            "terraform.local_host.plan", "policy.check", "approval.verify", "terraform.local_host.apply",
            "host.wait", *roles, "http.probe", "notify.send",
        ]  # fmt: skip
        assert actors.inputs("ansible.tls_certificate.check")[0]["change"] == PLAN_CHANGE
        [told] = actors.inputs("notify.send")
        assert "https://192.0.2.1:443/ (the certificate is signed by itself)" in told["message"]


async def test_a_site_without_an_authority_signs_by_itself(on_stage: OnStage) -> None:
    """The certificate is for the machine's own names, and the probe is told that nobody vouches for it."""
    async with on_stage() as actors:
        instance = await actors.start("StaticSite", name="web1")
        await actors.review()
        assert await actors.ended(instance) == "EndEvent_SiteReady"
        [asked] = actors.inputs("request.check")
        assert asked["environment"] == "local"
        certificate, server, _ = (step["inputs"] for step in asked["configure"])
        assert certificate == {"tls_certificate_names": []}
        assert (server["web_server_server_name"], server["web_server_message"]) == ("_", "It works.")
        [probed] = actors.inputs("http.probe")
        assert (probed["scheme"], probed["port"], probed["contains"]) == ("https", 443, "Hello")
        assert (probed["serverName"], probed["authority"], probed["unverified"]) == ("", "", True)


async def test_an_authority_goes_by_reference_and_the_probe_trusts_it_alone(on_stage: OnStage) -> None:
    """Certificate and probe get references; the name of the site is what is certified, served and verified."""
    async with on_stage() as actors:
        instance = await actors.start("StaticSite", **REQUEST, certificate="own_ca", site="www.example.org")
        await actors.review()
        assert await actors.ended(instance) == "EndEvent_SiteReady"
        [asked] = actors.inputs("request.check")
        certificate, server, _ = (step["inputs"] for step in asked["configure"])
        assert certificate == {
            "tls_certificate_names": ["www.example.org"],
            "tls_certificate_source": "own_ca",
            "tls_certificate_authority": "secret://file/authority.crt",
            "tls_certificate_authority_key": "secret://file/authority.key",
        }
        assert server["web_server_server_name"] == "www.example.org"
        [probed] = actors.inputs("http.probe")
        assert (probed["serverName"], probed["authority"]) == ("www.example.org", "secret://file/authority.crt")
        assert probed["unverified"] is False


async def test_a_rejection_ends_the_request(on_stage: OnStage) -> None:
    """Nothing is applied, and people are told why."""
    async with on_stage(approval__verify=[Thrown("CHANGE_REJECTED", "Rejected by demo: too big.")]) as actors:
        instance = await actors.start("StaticSite", **REQUEST)
        await actors.review(decision="rejected", reason="too big")
        assert await actors.ended(instance) == "EndEvent_RequestRejected"
        assert "terraform.local_host.apply" not in actors.types()
        assert actors.inputs("notify.send")[0]["message"] == "Rejected by demo: too big."


@pytest.mark.parametrize(
    ("job_type", "code", "event", "end"),
    [
        ("request__check", "REQUEST_INVALID", "request-invalid", "EndEvent_RequestRefused"),
        ("terraform__local_host__plan", "PLAN_FAILED", "failed", "EndEvent_RequestFailed"),
        ("policy__check", "POLICY_DENIED", "rejected", "EndEvent_RequestForbidden"),
    ],
)
async def test_what_cannot_be_done_ends_before_anything_is_made(
    on_stage: OnStage, job_type: str, code: str, event: str, end: str
) -> None:
    """The process ends with one notice that carries the worker's message."""
    async with on_stage(**{job_type: [Thrown(code, "The reason.")]}) as actors:
        instance = await actors.start("StaticSite", **REQUEST)
        assert await actors.ended(instance) == end
        [notice] = actors.inputs("notify.send")
        assert (notice["event"], notice["message"]) == (event, "The reason.")


@pytest.mark.parametrize(
    ("job_type", "code"),
    [
        ("host__wait", "HOST_UNREACHABLE"),
        ("ansible__tls_certificate__run", "HOST_FAILED"),
        ("ansible__web_server__check", "HOST_UNREACHABLE"),
        ("ansible__monitoring_agent__run", "HOST_FAILED"),
        ("http__probe", "PROBE_FAILED"),
    ],
)
async def test_a_failed_set_up_is_tried_again(on_stage: OnStage, job_type: str, code: str) -> None:
    """People are told, decide to set it up again, and the site gets ready."""
    good = check(covered=True) | {"reachable": {}, "configured": {"changed": 1}}
    good |= {"probe": {"url": "https://192.0.2.1:443/", "verified": True}}
    async with on_stage(policy__check=[policy(0)], **{job_type: [Thrown(code), good]}) as actors:
        instance = await actors.start("StaticSite", **REQUEST)
        await actors.complete(DECIDE, 1, {"next": "retry"})
        assert await actors.ended(instance) == "EndEvent_SiteReady"
        assert actors.notices() == ["configuration-failed", "applied"]


@pytest.mark.parametrize(("choice", "end"), [("keep", "EndEvent_MachineKept"), ("remove", "EndEvent_MachineCleanedUp")])
async def test_an_unfinished_machine_is_kept_or_removed(on_stage: OnStage, choice: str, end: str) -> None:
    """People decide what becomes of it; a removal is a change of its own, with a review of its own."""
    plans = [plan(), plan(operation="destroy")]
    async with on_stage(http__probe=[Thrown("PROBE_FAILED")], terraform__local_host__plan=plans) as actors:
        instance = await actors.start("StaticSite", **REQUEST)
        await actors.review(1)
        await actors.complete(DECIDE, 1, {"next": choice})
        if choice == "remove":
            await actors.review(2)
        assert await actors.ended(instance) == end


@pytest.mark.parametrize(("fails", "end"), [(False, "EndEvent_MachineCleanedUp"), (True, "EndEvent_MachineLeftOver")])
async def test_a_failed_apply_is_cleaned_up(on_stage: OnStage, fails: bool, end: str) -> None:
    """What it left is removed without asking again; where that fails, people are told that something is left."""
    failed = Thrown("APPLY_FAILED", "No space left.", PLAN_CHANGE)
    second: Answer = Thrown("APPLY_FAILED", "Locked.") if fails else {"applied": {"outputs": {}, "run": "9-1"}}
    async with on_stage(
        terraform__local_host__plan=[plan(), plan(operation="destroy")],
        terraform__local_host__apply=[failed, second],
        policy__check=[policy(0)],
    ) as actors:
        instance = await actors.start("StaticSite", **REQUEST)
        assert await actors.ended(instance) == end
        again = actors.inputs("terraform.local_host.plan")[1]
        assert (again["operation"], again["cleanupOf"]) == ("destroy", PLAN_CHANGE)
