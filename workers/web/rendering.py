"""Templates: HTML from values, everything escaped."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from workers.core.records import Run
from workers.core.values import now
from workers.web.guard import csrf_of
from workers.web.run_index import RunLine
from workers.web.site import Site

ASSETS: Final = Path(__file__).parent / "static"
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86400


def render(site: Site, request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page. Every template knows the person who asks, the form token and the engine's addresses."""
    person = getattr(request.state, "person", None)
    shared = {"person": person, "csrf": csrf_of(request), "desk": site.desk, "path": request.url.path}
    return HTMLResponse(_templates.get_template(template).render(**shared, **values), status_code=status)


def render_error(request: Request, title: str, message: str, status: int) -> HTMLResponse:
    """A page that says what did not work."""
    person = getattr(request.state, "person", None)
    csrf = csrf_of(request) if person else ""
    page = _templates.get_template("error.html")
    content = page.render(person=person, csrf=csrf, path=request.url.path, title=title, message=message)
    return HTMLResponse(content, status_code=status)


def ago(moment: datetime | None) -> str:
    """How long ago, in words."""
    if moment is None:
        return "—"
    seconds = (now() - moment).total_seconds()
    if seconds < _MINUTE:
        return "just now"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min ago"
    if seconds < _DAY:
        return f"{seconds // _HOUR:.0f} h ago"
    return f"{moment:%-d %b %Y}"


def duration(run: Run | RunLine) -> str:
    """How long a run took, or has taken so far."""
    if run.started is None:
        return "—"
    seconds = ((run.ended or now()) - run.started).total_seconds()
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    return f"{seconds // _MINUTE:.0f} min {seconds % _MINUTE:.0f} s"


_templates = Environment(
    loader=PackageLoader("workers.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters |= {"ago": ago, "duration": duration}
