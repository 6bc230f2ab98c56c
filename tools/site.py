"""A hook of MkDocs: the menu of the site is the table of contents in docs/README.md, and nothing else.

A page that neither that page nor the list it leads to (decisions, catalogue) names is in no menu, and a strict build
fails on it. Links that leave docs/ lead to the file in the repository.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

_SECTION: Final = re.compile(r"^\*\*(.+?)\*\*")
_LINK: Final = re.compile(r"\[([^\]]+)\]\(([^)#\s]+\.md)\)")
_ITEM: Final = re.compile(r"^(?:- |\d+\. )")
_OUTSIDE: Final = re.compile(r"(?<!!)\[([^\]]+)\]\(((?:\.\./)+[^)\s]+)\)")


def on_config(config: Any) -> Any:
    """Give the configuration its menu."""
    config["nav"] = menu(Path(config["docs_dir"]))
    return config


def on_page_markdown(markdown: str, page: Any, config: Any, **_: object) -> str:
    """Let links that leave the folder lead to the repository; where its address is not set, only say their words."""
    here = posixpath.dirname(page.file.src_uri)

    def outside(match: re.Match[str]) -> str:
        words, link = match.groups()
        target = posixpath.normpath(posixpath.join("docs", here, link))
        if target.startswith("docs/"):
            return match[0]
        return f"[{words}]({config['repo_url']}/blob/main/{target})" if config["repo_url"] else words

    return _OUTSIDE.sub(outside, markdown)


def menu(docs: Path) -> list[Mapping[str, Any]]:
    """The sections of docs/README.md with their pages; a page that lists others is a section of its own."""
    found: list[dict[str, Any]] = [{"Start": ["README.md"]}]
    for line in (docs / "README.md").read_text(encoding="utf-8").splitlines():
        if section := _SECTION.match(line):
            found.append({section[1]: []})
        elif _ITEM.match(line):
            entries = next(iter(found[-1].values()))
            entries.extend(_entry(docs, title, target) for title, target in _LINK.findall(line))
    return found


def _entry(docs: Path, title: str, target: str) -> dict[str, Any]:
    title = title.replace("`", "")
    if posixpath.basename(target) != "README.md":
        return {title: target}
    folder = posixpath.dirname(target)
    inner = [
        {name.replace("`", ""): posixpath.normpath(posixpath.join(folder, page))}
        for name, page in _LINK.findall((docs / target).read_text(encoding="utf-8"))
        if not page.startswith("..") and "://" not in page
    ]
    return {title: [target, *inner]}
