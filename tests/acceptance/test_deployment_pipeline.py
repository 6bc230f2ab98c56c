"""Releases of an application, whole: real Camunda, real machines, real Ansible, an application that really runs."""

from __future__ import annotations

import pytest

from acceptance.shop_releases import Shop
from served import Served

pytestmark = [pytest.mark.slow, pytest.mark.engine, pytest.mark.tofu, pytest.mark.ssh]


@pytest.fixture(scope="module")
def shop(project: Served) -> Shop:
    """The shop with its first release in all three stages."""
    found = Shop(project, "shop")
    instance = found.release("1.0")
    found.approve(instance, 3)
    happenings = project.watch(instance, 900)
    assert happenings[-1]["good"], happenings[-1]
    found.serves({"dev": "1.0", "staging": "1.0", "production": "1.0"})
    return found


def ended(shop: Shop, instance: int) -> bool:
    """Whether the release ended well."""
    return bool(shop.project.watch(instance, 900)[-1]["good"])


def roles(shop: Shop, stage: str) -> list[tuple[str, str]]:
    """The runs of the role in a stage, oldest first: who approved is in the audit trail beside them."""
    trail = shop.project.data_of("stack", "show", f"{stage}/shop")["audit"]
    return [(e["action"], e["details"].get("role", "")) for e in trail if e["details"].get("role")]


def test_a_release_that_fails_in_production_is_taken_back_there(shop: Shop) -> None:
    """It runs in the first two stages; the first host of production does not start it and goes back, without asking."""
    before = len(roles(shop, "production"))
    instance = shop.release("2.0", "production")
    shop.approve(instance, 3)
    assert not ended(shop, instance)
    shop.serves({"dev": "2.0", "staging": "2.0", "production": "1.0"})
    assert roles(shop, "production")[before:] == [("failed", "app_release"), ("configured", "app_release")]


def test_a_release_that_fails_its_smoke_test_never_leaves_development(shop: Shop) -> None:
    """Every host became well, but the page of the smoke test is not there: what ran before is back."""
    [before] = shop.runs_in("dev")
    instance = shop.release("3.0", smoke="/nowhere")
    shop.approve(instance)
    assert not ended(shop, instance)
    shop.serves({"dev": before, "production": "1.0"})


def test_another_file_under_the_same_address_is_refused(shop: Shop) -> None:
    """What lies there now is not what was asked for: no host is touched, nobody is asked."""
    [before] = shop.runs_in("dev")
    instance = shop.release("4.0", digest="a" * 64)
    happenings = shop.project.watch(instance, 300)
    assert not happenings[-1]["good"]
    assert not [h for h in happenings if h["happening"] == "approval-waits"]
    shop.serves({"dev": before})
