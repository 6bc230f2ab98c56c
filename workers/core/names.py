"""Kinds of text that files of a project hold: names and references to secrets."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from workers.core.values import NAME_PATTERN

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
SecretReference = Annotated[str, StringConstraints(pattern=r"^secret://(env|file|aws-sm|keeper)/\S+$")]
