# ruff: noqa: ASYNC110 - the search is polled: the engine pushes nothing
"""Approving and rejecting as people do it: in Tasklist, in a real browser; the end is seen in Operate."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Page, expect

from browser.pictures import picture
from browser.tasklist import act, browser, shown_change
from results import Result
from served import Served
from workers.core.settings import Settings
from workers.engine.grpc import ZeebeGateway
from workers.engine.rest import OrchestrationRest

__all__ = ["act", "browser"]  # fixtures that are used by being here

pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.tofu, pytest.mark.ssh]

NOTHING = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" id="Definitions_Nothing"
    xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" targetNamespace="http://bpmn.io/schema/bpmn">
  <bpmn:process id="ReviewNothing" isExecutable="true">
    <bpmn:startEvent id="StartEvent_Asked" />
    <bpmn:sequenceFlow id="Flow_1" sourceRef="StartEvent_Asked" targetRef="Task_Review" />
    <bpmn:userTask id="Task_Review">
      <bpmn:extensionElements>
        <zeebe:userTask /><zeebe:formDefinition formId="ReviewChange" />
        <zeebe:assignmentDefinition assignee="act" />
      </bpmn:extensionElements>
    </bpmn:userTask>
  </bpmn:process>
</bpmn:definitions>"""


def open_review(page: Page, project: Served, instance: int) -> None:
    """Open the review task of an instance, once it is there, and claim it."""
    waiting = project.watch_until(instance, "approval-waits")[-1]
    page.goto(f"{project.rest}/tasklist/{waiting['task']}")
    page.get_by_role("button", name="Assign to me").click()
    expect(page.get_by_role("button", name="Complete Task")).to_be_enabled()


async def a_review_of_nothing(settings: Settings) -> int:
    """A user task with the form and none of its variables; returns its key."""
    async with ZeebeGateway.from_settings(settings) as gateway:
        await gateway.deploy({"nothing.bpmn": NOTHING.encode()})
        instance = await gateway.create_instance("ReviewNothing", {})
    async with OrchestrationRest.as_user(settings, "demo", "demo") as rest, asyncio.timeout(150):
        while not (tasks := await rest.user_tasks(process_instance=instance, state="CREATED")):
            await asyncio.sleep(0.3)
        return tasks[0].key


def test_a_person_reads_the_plan_in_tasklist_and_approves_it(act: Page, project: Served):
    """The form shows what will be made; completing it with 'Approve' makes the machine; Operate shows the end."""
    with Result("browser-approve") as result:
        instance = project.start("seen1", "Seen in Tasklist")
        open_review(act, project, instance)
        form = shown_change(act)
        expect(form).to_contain_text("local/seen1")
        expect(form).to_contain_text("to create")
        expect(form).to_contain_text("os_baseline")
        expect(form).to_contain_text("Seen in Tasklist")
        approve = act.get_by_text("Approve: make exactly this change")
        approve.scroll_into_view_if_needed()
        picture(act, "tasklist-review")
        approve.click()
        act.get_by_role("button", name="Complete Task").click()
        expect(act.get_by_text("Task completed")).to_be_visible()

        happenings = project.watch(instance)
        result.steps(happenings)
        assert happenings[-1]["good"], happenings[-1]
        approvals = [e for e in project.data_of("stack", "show", "local/seen1")["audit"] if e["action"] == "approved"]
        assert [(e["actor"], e["details"]["counts"]) for e in approvals] == [("act", True)]

        act.goto(f"{project.rest}/operate/processes/{instance}")
        expect(act.get_by_test_id("instance-header").get_by_test_id("COMPLETED-icon")).to_be_visible()
        picture(act, "operate-finished")


def test_a_person_rejects_in_tasklist_with_a_reason(act: Page, project: Served):
    """Without a reason the form refuses; with one the process ends as rejected and nothing is made."""
    with Result("browser-reject") as result:
        instance = project.start("seen2")
        open_review(act, project, instance)
        shown_change(act)
        act.get_by_text("Reject: change nothing").click()
        act.get_by_role("button", name="Complete Task").click()
        expect(act.locator(".fjs-form-field-error").first).to_be_visible()
        act.get_by_role("textbox", name="Reason").fill("Not on a Friday")
        picture(act, "tasklist-reject")
        act.get_by_role("button", name="Complete Task").click()
        expect(act.get_by_text("Task completed")).to_be_visible()

        happenings = project.watch(instance)
        result.steps(happenings)
        assert not happenings[-1]["good"]
        stack = project.data_of("stack", "show", "local/seen2")
        assert stack["record"]["state"] == "planned"
        rejected = [e for e in stack["audit"] if e["action"] == "rejected"]
        assert [(e["actor"], e["details"]["reason"]) for e in rejected] == [("act", "Not on a Friday")]


def test_a_change_that_is_not_shown_cannot_be_decided_on(act: Page, project: Served, settings: Settings):
    """Where Tasklist does not have the change yet, the form says so and offers no decision."""
    with ThreadPoolExecutor() as pool:  # the browser's driver has the loop of this thread
        task = pool.submit(asyncio.run, a_review_of_nothing(settings)).result()
    act.goto(f"{project.rest}/tasklist/{task}")
    form = act.locator(".fjs-container")
    expect(form).to_contain_text("The change is not shown yet")
    expect(form.get_by_role("radio")).to_have_count(0)
    picture(act, "tasklist-not-yet")
