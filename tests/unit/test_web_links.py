"""Links to run pages, where people were told an address."""

from __future__ import annotations

import json
import os

from service_kit import parts, project
from web_kit import RUN, installation
from workers.core.notice import Notice
from workers.core.settings import Settings
from workers.handlers.summary import plan_markdown
from workers.people.tasklist import TasklistChannel
from workers.service.assembly import assemble
from workers.service.running import linked_address, web_address


class Starter:
    def __init__(self) -> None:
        self.variables: dict[str, object] = {}

    async def create_instance(self, process_id: str, variables: dict[str, object]) -> int:
        self.variables = variables
        return 1


async def test_a_notice_links_the_run(tmp_path):
    """A notice about a run has the address of its page, and none where there is no address or no run."""
    told = Starter()
    await TasklistChannel(told, "https://sluis.example").send(Notice("failed", "s", "m", "local", run="7-1"))
    assert str(told.variables["message"]).endswith("(https://sluis.example/runs/7-1)")
    await TasklistChannel(told).send(Notice("failed", "s", "m", "local", run="7-1"))
    assert told.variables["message"] == "m"


async def test_the_review_links_the_page_of_the_plan(tmp_path):
    """What an approver reads in Tasklist leads to the plan and its log, where SLUIS_WEB_URL is set."""
    sluis = await installation(tmp_path)
    change = await sluis.assembly.context.changes.find(sluis.desk.open[0].change)
    plan = await sluis.assembly.context.plans.find(change.plan)
    settings = Settings(project=tmp_path, data=tmp_path / "d", web_url="https://sluis.example/")
    pages = assemble(settings).context.pages
    assert f"(https://sluis.example/runs/{RUN})" in plan_markdown(plan, "", change, pages)
    assert "http" not in plan_markdown(plan, "", change)


def test_the_address_is_what_a_living_worker_wrote_down(tmp_path):
    """Commands find the run pages by the worker's file; a file that a dead process left leads nowhere."""
    settings = parts(project(tmp_path)).settings
    assert web_address(settings) == ""
    settings.data_folder.mkdir(parents=True)
    file = settings.data_folder / "web.json"
    file.write_text(json.dumps({"pid": os.getpid(), "address": "http://127.0.0.1:1"}))
    assert web_address(settings) == "http://127.0.0.1:1"
    file.write_text(json.dumps({"pid": 2**22 + 1, "address": "http://127.0.0.1:1"}))
    assert web_address(settings) == ""


def test_links_for_people_need_an_address_that_people_reach(tmp_path):
    """On a laptop links lead to this machine; beside another engine only where SLUIS_WEB_URL says where to."""
    settings = parts(project(tmp_path)).settings
    settings.data_folder.mkdir(parents=True)
    (settings.data_folder / "web.json").write_text(json.dumps({"pid": os.getpid(), "address": "http://127.0.0.1:1"}))
    assert linked_address(settings.model_copy(update={"engine": "embedded"})) == "http://127.0.0.1:1"
    external = settings.model_copy(update={"engine": "external"})
    assert linked_address(external) == ""
    assert linked_address(external.model_copy(update={"web_url": "https://s.example/"})) == "https://s.example"
