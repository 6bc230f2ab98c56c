"""The forms of the processes, filled in and sent by a person in the real Tasklist."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from acceptance.process_runs import answer, make_machine, state_of
from acceptance.processes.configure_host import known_host
from browser.pictures import picture
from browser.tasklist import act, browser, shown_change
from integration.local_host_fixtures import tools
from served import Served
from workers.core.moments import moment_text, read_moment
from workers.core.values import now

__all__ = ["act", "browser", "tools"]  # fixtures that are used by being here

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.engine, pytest.mark.tofu, pytest.mark.ssh]


def open_form(page: Page, project: Served, process: str) -> Locator:
    """The start form of the process with that id, at its own address."""
    # The first visit of a browser asks whether to go on, above or below the form, whichever comes last.
    page.add_init_script("localStorage.setItem('hasConsentedToStartProcess', 'true')")
    page.goto(f"{project.rest}/tasklist/processes/{process}/start")
    form = page.get_by_role("dialog").locator(".fjs-container")
    expect(form).to_be_visible()
    return form


def send(page: Page) -> None:
    """Start the process whose form is open."""
    page.get_by_role("dialog").get_by_role("button", name="Start process").click()
    expect(page.get_by_text("Process has started")).to_be_visible()


def review_of(project: Served, stack: str, after: int = 0) -> dict[str, Any]:
    """The open review that is about that stack or host, once it is there; ``after`` is the key of the one before."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for task in project.data_of("tasks"):
            if stack in json.dumps(task) and task["task"] > after:
                return task
        time.sleep(0.5)
    raise AssertionError(f"no review of {stack}: {project.data_of('tasks')}")


def decide(project: Served, verb: str, task: dict[str, Any], user: str) -> None:
    """Approve or reject a review on the command line."""
    reason = ("--reason", "Only a trial of the form.") if verb == "reject" else ()
    done = project.cli(verb, str(task["task"]), "--as", user, *reason, "--yes")
    assert done.returncode == 0, done.stderr


def choose(page: Page, form: Locator, label: str, value: str) -> None:
    """Choose from a list, whose own input is hidden behind what one sees of it."""
    field = form.locator(".fjs-form-field-select").filter(has=page.get_by_text(re.compile(rf"^{label}")))
    field.locator(".fjs-input-group").click()
    field.locator(".fjs-dropdownlist-item").filter(has_text=value).click()


def choose_day(form: Locator, day: str) -> None:
    """Type a day as the form's calendar takes it."""
    field = form.locator(".fjs-form-field-datetime input").first
    field.fill(day)
    field.press("Enter")


def shown_review(page: Page, project: Served, task: dict[str, Any]) -> Locator:
    """The review as Tasklist shows it."""
    page.goto(f"{project.rest}/tasklist/{task['task']}")
    return shown_change(page)


def gone(project: Served, name: str) -> None:
    """Wait until the machine of that name is removed."""
    deadline = time.monotonic() + 120
    while state_of(project, name) != "destroyed":
        assert time.monotonic() < deadline, f"{name} is {state_of(project, name)}"
        time.sleep(0.5)


def test_a_machine_with_an_end_date_is_asked_for_in_tasklist(act: Page, project: Served):
    """Name, text and end date of the form reach the review, whose approver reads until when the machine is to be."""
    form = open_form(act, project, "VmProvisioning")
    form.get_by_label("Machine name").fill("form1")
    form.get_by_label("Text of the website").fill("From a form")
    choose_day(form, "12/30/2099")
    picture(act, "form-provisioning")
    send(act)
    task = review_of(project, "local/form1")
    review = shown_review(act, project, task)
    expect(review).to_contain_text("It ends at 2099-12-31T00:00:00Z")
    expect(review).to_contain_text("From a form")
    decide(project, "reject", task, "act")


def test_a_machine_is_removed_by_a_form_in_tasklist(act: Page, project: Served):
    """Who asked in Tasklist is not known, so two people approve; then the machine is gone."""
    make_machine(project, "form2")
    form = open_form(act, project, "VmDecommissioning")
    form.get_by_label("Machine name").fill("form2")
    form.get_by_label("Reason").fill("The trial is over.")
    picture(act, "form-decommissioning")
    send(act)
    first = review_of(project, "local/form2")
    expect(shown_review(act, project, first)).to_contain_text("The trial is over.")
    decide(project, "approve", first, "act")
    second = review_of(project, "local/form2", after=first["task"])
    expect(shown_review(act, project, second)).to_contain_text("one more person")
    decide(project, "approve", second, "demo")
    gone(project, "form2")


def test_a_host_is_configured_by_a_form_in_tasklist(act: Page, project: Served):
    """Host, role and inputs of the form reach the check; its approver reads what would change on the host."""
    with known_host(project, "rackform"):
        form = open_form(act, project, "ConfigureHost")
        form.get_by_label("Hosts").fill("rackform")
        choose(act, form, "Role", "web_server")
        form.get_by_label("Inputs of the role").fill('{"web_server_message": "From a form"}')
        picture(act, "form-configure-host")
        send(act)
        task = review_of(project, "rackform")
        expect(shown_review(act, project, task)).to_contain_text("rackform")
        decide(project, "reject", task, "act")


def test_a_later_end_date_is_asked_for_in_tasklist(act: Page, project: Served):
    """The form offers a date only to whoever wants a later one; the date goes to review, and rejected it is not set."""
    make_machine(project, "form3")
    end = moment_text(now() + timedelta(hours=1))
    lifetime = {"environment": "local", "name": "form3", "endDate": end, "remindBefore": "PT2H"}
    instance = project.start_process("VmLifetime", **lifetime)
    waiting = project.watch_for(instance, {"happening": "step-began", "element": "Task_DecideOnEndDate"})
    task = next(t for t in project.data_of("tasks") if t["element"] == "Task_DecideOnEndDate")
    act.goto(f"{project.rest}/tasklist/{task['task']}")
    act.get_by_role("button", name="Assign to me").click()
    form = act.locator(".fjs-container")
    expect(form).to_contain_text("local/form3 ends soon")
    expect(form.locator(".fjs-form-field-datetime")).to_have_count(0)
    form.get_by_text("Ask for a later end date").click()
    choose_day(form, "12/30/2099")
    form.get_by_label("Reason").fill("The project goes on.")
    picture(act, "form-extension")
    act.get_by_role("button", name="Complete Task").click()
    expect(act.get_by_text("Task completed")).to_be_visible()
    review = review_of(project, "local/form3")
    shown = shown_review(act, project, review)
    expect(shown).to_contain_text("2099-12-31T00:00:00Z")
    expect(shown).to_contain_text("The project goes on.")
    picture(act, "review-end-date")
    decide(project, "reject", review, "act")
    again = project.watch_for(instance, {"happening": "step-ended", "element": "Task_ReportRefusal"})
    assert waiting
    assert again
    record = project.data_of("stack", "show", "local/form3")["record"]
    assert read_moment(record["expires"]) == read_moment(end)
    with ThreadPoolExecutor() as pool:  # the browser's driver has the loop of this thread
        pool.submit(answer, project, instance, "Task_DecideOnEndDate", {"next": "end"}).result()
