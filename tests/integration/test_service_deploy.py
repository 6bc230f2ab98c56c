"""`sluis deploy` on the real engine: all at once, the same again, and what changed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from workers.core.errors import UsageError
from workers.core.settings import Settings
from workers.service.assembly import Assembly, assemble, open_gateway
from workers.service.deploy import DeployedResource, deploy

PROJECT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.engine


@pytest.fixture
def assembly(settings: Settings, tmp_path: Path) -> Assembly:
    """The project's own models under a name of this test, so that no other test's versions count."""
    for part in ("bpmn", "environments", "terraform", "ansible"):
        shutil.copytree(PROJECT / part, tmp_path / part, ignore=shutil.ignore_patterns(".terraform*"))
    notice = tmp_path / "bpmn" / "Notice.bpmn"
    notice.write_text(re.sub(r'(process id|bpmnElement)="Notice"', r'\1="NoticeOfDeploy"', notice.read_text()))
    return assemble(settings.model_copy(update={"project": tmp_path, "data": tmp_path / "data"}))


async def deployed(assembly: Assembly) -> dict[str, DeployedResource]:
    """Deploy; what is at the engine now, by its id."""
    async with open_gateway(assembly.settings) as gateway:
        return {found.id: found for found in await deploy(assembly, gateway)}


async def test_deploying_is_idempotent_and_shows_what_changed(assembly: Assembly) -> None:
    """A second time nothing is new; after an edit the process has its next version, and the command says so."""
    first = await deployed(assembly)
    assert {"StaticSite", "NoticeOfDeploy", "ChangePolicy", "StaticSiteRequest"} <= set(first)
    assert all(found.new for found in first.values())
    second = await deployed(assembly)
    assert not [found for found in second.values() if found.new]
    model = assembly.context.project / "bpmn" / "Notice.bpmn"
    model.write_text(model.read_text().replace("</bpmn:documentation>", " Edited.</bpmn:documentation>", 1))
    third = await deployed(assembly)
    assert third["NoticeOfDeploy"].new
    assert third["NoticeOfDeploy"].version == first["NoticeOfDeploy"].version + 1


async def test_one_wrong_model_keeps_all_of_them_back(assembly: Assembly) -> None:
    """With one finding nothing is deployed, an edited model beside it included."""
    before = await deployed(assembly)
    folder = assembly.context.project / "bpmn"
    notice, site = folder / "Notice.bpmn", folder / "StaticSite.bpmn"
    edited = notice.read_text()
    notice.write_text(edited.replace("</bpmn:documentation>", " Edited again.</bpmn:documentation>", 1))
    good = site.read_text()
    site.write_text(good.replace('formId="StaticSiteRequest"', 'formId="StaticSiteRequst"'))
    with pytest.raises(UsageError, match="Did you mean StaticSiteRequest"):
        await deployed(assembly)
    site.write_text(good)
    notice.write_text(edited)
    after = await deployed(assembly)
    assert {i: f.version for i, f in after.items()} == {i: f.version for i, f in before.items()}
