"""Versions that belong together, and the pins of the image beside those of development."""

from __future__ import annotations

import re
import sys

import pytest

from docs_reading import PROJECT
from workers import __version__

sys.path.append(str(PROJECT / "tools"))
import lock
import release

_PIN = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)


def _normal(name: str) -> str:
    return re.sub(r"[._]", "-", name.lower())


def test_package_and_chart_name_one_version():
    """The chart is released with the package, under its version."""
    places = release.found()
    assert {places["workers/__init__.py"], places["helm/sluis/Chart.yaml"]} == {__version__}
    assert places["helm/sluis/Chart.yaml (appVersion)"] == __version__


@pytest.mark.parametrize("tag", ["v0.2.0", "1.0.0", "v1.0", "v1.0.0; rm"])
def test_a_tag_that_does_not_fit_is_not_released(tag):
    """A tag that is no version, or that a file contradicts, stops the release with its name."""
    places = dict.fromkeys(release.PLACES, "0.1.0")
    assert release.problems(tag, places)


def test_a_tag_that_fits_is_released():
    """Where every place says the tag's version nothing is in the way."""
    assert release.problems("v1.2.3", dict.fromkeys(release.PLACES, "1.2.3")) == []


def test_the_image_has_the_packages_of_the_tests():
    """What is in the image was tested: same versions; nothing that it asks for is missing."""
    pins = {
        name: dict(_PIN.findall((PROJECT / "requirements" / f"{name}.txt").read_text())) for name in ("dev", "image")
    }
    assert pins["image"].items() <= pins["dev"].items()
    wanted = {re.split(r"[\[<>=]", line)[0] for line in lock.wanted_in_the_image() if not line.startswith("-c")}
    assert {_normal(name) for name in wanted} <= {_normal(name) for name in pins["image"]}
    assert not set(lock.NOT_IN_THE_IMAGE) & set(pins["image"])
