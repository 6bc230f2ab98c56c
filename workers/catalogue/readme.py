"""The first sentence of a README."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_NOT_PROSE: Final = re.compile(r"<!--.*?-->|^```.*?^```|^~~~.*?^~~~", re.DOTALL | re.MULTILINE)
_QUOTED: Final = re.compile(r"^[ \t]*>+[ \t]?(\[![A-Z]+\][^\n]*)?", re.MULTILINE)
_PICTURE: Final = re.compile(r"!\[[^\]]*\]\([^)]*\)|<[^>]+>")
_LINK: Final = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_STRONG: Final = re.compile(r"\*\*")
_NO_PROSE_LINE: Final = re.compile(r"\s*(#|[=-]{3,}\s*$|\||\*\*[^*]+\*\*\s*$)")
_SENTENCE: Final = re.compile(r".+?[.!?](?=\s|$)", re.DOTALL)
_MAX_LENGTH: Final = 300


def first_sentence(text: str) -> str:
    """The first sentence of a text, without headings, pictures, links, quotation marks and code."""
    for paragraph in re.split(r"\n\s*\n", _QUOTED.sub("", _NOT_PROSE.sub("", text))):
        lines = [
            line for line in paragraph.splitlines() if not re.match(r"\s*(#|[=-]{3,}\s*$|\||\*\*[^*]+\*\*\s*$)", line)
        ]
        prose = " ".join(_STRONG.sub("", _LINK.sub(r"\1", _PICTURE.sub("", " ".join(lines)))).split())
        if re.search(r"\w", prose):
            sentence = _SENTENCE.match(prose)
            return (sentence.group() if sentence else prose)[:_MAX_LENGTH]
    return ""


def readme_sentence(files: Mapping[str, bytes]) -> str:
    """The first sentence of the README among ``files``; empty where there is none."""
    name = next((name for name in sorted(files) if name.lower() in ("readme.md", "readme", "readme.txt")), None)
    return first_sentence(files[name].decode("utf-8-sig", "replace")) if name else ""
