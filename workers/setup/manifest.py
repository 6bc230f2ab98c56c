"""What the embedded engine is made of, as ``engine.json`` records it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file of Maven Central.

    Attributes:
        group, name, version, packaging: its coordinates.
        sha256: its digest.
        size: its size in bytes.
    """

    group: str
    name: str
    version: str
    packaging: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the embedded engine is made of.

    Attributes:
        camunda: the distribution.
        opensearch: the version of the OpenSearch runner.
        jars: OpenSearch's class path.
    """

    camunda: Artifact
    opensearch: str
    jars: tuple[Artifact, ...]


@cache
def manifest() -> Manifest:
    """The pinned parts, as checked in beside this file."""
    content = json.loads(files("workers.setup").joinpath("engine.json").read_text(encoding="utf-8"))
    jars = tuple(Artifact(**jar) for jar in content["jars"])
    return Manifest(camunda=Artifact(**content["camunda"]), opensearch=content["opensearch"], jars=jars)
