"""Links in the documents."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs_reading import PROJECT, anchors, links, pages, text_of

PAGES = pages()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(PROJECT).as_posix())
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    """No document links to a file or to a heading that is not there."""
    broken = [link for link in links(page) if "://" not in link and not _resolves(page, link)]
    assert broken == []


def test_every_page_of_the_documentation_can_be_found() -> None:
    """The table of contents, or one of the lists that it leads to, links every page of docs/."""
    listed = {
        (index.parent / link.partition("#")[0]).resolve()
        for index in (
            PROJECT / "docs" / name
            for name in ("README.md", "project/README.md", "adr/README.md", "reference/catalogue/README.md")
        )
        for link in links(index)
    }
    found = {p.resolve() for p in (PROJECT / "docs").rglob("*.md") if "tutorial/note" not in p.as_posix()}
    assert found - listed - {PROJECT / "docs" / "README.md"} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(PROJECT).as_posix())
def test_documents_name_no_path_of_somebodys_machine(page: Path) -> None:
    """No document names a folder that only one machine has."""
    assert [w for w in ("/root/", "/home/", "/Users/") if w in text_of(page)] == []


def _resolves(page: Path, link: str) -> bool:
    target, _, anchor = link.partition("#")
    path = (page.parent / target).resolve() if target else page
    return path.exists() and (not anchor or anchor in anchors(path))
