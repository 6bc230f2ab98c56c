"""Examples in the documents that name the file they were taken from."""

from __future__ import annotations

import re
from textwrap import dedent, indent

import pytest

from docs_reading import PROJECT, pages, text_of

_EXAMPLE = re.compile(r"^<!-- from: (\S+) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = [
    pytest.param(match[1], match[2], id=f"{page.stem}: {match[1]}: {match[2].splitlines()[0].strip()[:60]}")
    for page in pages()
    for match in _EXAMPLE.finditer(text_of(page))
]


def is_from(example: str, text: str) -> bool:
    """Whether the example's lines stand together in the text, as they are or all of them further to the right."""
    bare = dedent(example)
    return any(indent(bare, " " * depth) in text for depth in range(0, 20, 2))


@pytest.mark.parametrize(("path", "example"), EXAMPLES)
def test_an_example_stands_in_its_file(path: str, example: str) -> None:
    """What a document shows as taken from a file is in that file, line for line."""
    assert is_from(example, text_of(PROJECT / path))


def test_there_are_examples_and_a_changed_one_is_noticed() -> None:
    """The reading finds examples of every kind, and a line that differs is not overlooked."""
    assert len(EXAMPLES) > 10
    assert is_from("b:\n  c\n", "a:\n  b:\n    c\n")
    assert not is_from("b:\n  d\n", "a:\n  b:\n    c\n")
