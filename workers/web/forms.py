"""What a page's form gives, as texts for the process's variables."""

from __future__ import annotations

from starlette.datastructures import FormData

from workers.web.ports import StartForm

_MANY = ("checklist", "taglist")


def texts_of(form: StartForm, given: FormData) -> dict[str, str]:
    """The fields of the form that were filled in; a box that is not ticked is ``false``."""
    texts: dict[str, str] = {}
    for field in form.fields:
        name, kind = str(field["key"]), field.get("type")
        if kind == "checkbox":
            texts[name] = "true" if given.get(name) else "false"
        elif kind in _MANY:
            texts[name] = ",".join(str(value) for value in given.getlist(name))
        elif given.get(name):
            texts[name] = str(given[name]).strip()
    return texts
