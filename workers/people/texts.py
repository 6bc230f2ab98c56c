"""What a notice reads like: templates, of which a project may bring its own in the folder ``notices``.

``<event>.txt`` and ``<event>.html`` are for one event, ``default.txt`` and ``default.html`` for the others. Templates
get the `Notice` as ``notice``, run in Jinja's sandbox, and escape what they put into HTML.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, select_autoescape
from jinja2.sandbox import ImmutableSandboxedEnvironment

from workers.core.errors import SettingError
from workers.core.notice import Notice

_OURS: Final = Path(__file__).parent / "templates"
_EVENT: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")


@dataclass(frozen=True)
class Texts:
    """Renders notices.

    Args:
        folder: the project's own templates; need not exist.
    """

    folder: Path

    def render(self, notice: Notice, kind: Literal["txt", "html"]) -> str:
        """The text of a notice.

        Raises:
            SettingError: a template of the project is broken; says which line.
        """
        # Read anew each time, so that an edited template counts at once.
        templates = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader([self.folder, _OURS]),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
        )
        own = [f"{notice.event}.{kind}"] if _EVENT.fullmatch(notice.event) else []
        try:
            return templates.select_template([*own, f"default.{kind}"]).render(notice=notice).strip() + "\n"
        except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
            line = getattr(error, "lineno", None)
            where = f"{getattr(error, 'filename', None) or self.folder}{f':{line}' if line else ''}"
            raise SettingError(f"The template of '{notice.event}' cannot be used: {where}: {error}") from error
