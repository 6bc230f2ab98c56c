"""Deployment pipeline: a release through three stages, approved in each; asked for again, nothing is to do."""

from __future__ import annotations

from acceptance.process_runs import Happenings, ProcessRuns, asked, ended_well
from acceptance.shop_releases import Shop
from served import Served

STAGES = ("dev", "staging", "production")


def once(project: Served, number: int) -> Happenings:
    shop = Shop(project, f"shop{number}")
    instance = shop.release("1.0")
    shop.approve(instance, 3)
    happenings = ended_well(project.watch(instance, 900))
    shop.serves(dict.fromkeys(STAGES, "1.0"))
    return happenings


def again(project: Served, number: int) -> Happenings:
    shop = Shop(project, f"shop{number}")
    happenings = ended_well(project.watch(shop.release("1.0"), 900))
    assert asked(happenings) == []
    shop.serves(dict.fromkeys(STAGES, "1.0"))
    return happenings


RUNS = ProcessRuns("DeploymentPipeline", once, again)
