"""Regular expressions of Terraform (RE2) in Python, for as much of them as means the same in both."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_MAX_SUBJECT: Final = 256

_SAFE: Final = re.compile(
    r"""\^?
    (?: [A-Za-z0-9_ \-/:@,;=~%&!'"<>\#]       # characters that mean themselves
      | \\[dwDW.\-/+*?()\[\]{}|^$\\]          # ASCII classes and escaped punctuation
      | \.
      | \[\^?(?:[A-Za-z0-9_ ./:@,;=+*?!#$%&()~-]|\\[dw.\-/\\\]\[+])+\]
      | \((?!\?) | \(\?: | [)|]
      | [*+?] | \{\d+(?:,\d*)?\}
    )*
    \$?""",
    re.VERBOSE,
)
_SET_OPERATION: Final = re.compile(r"--|&&|~~|\[\[")
"""What Python may come to read as an operation on sets."""
_REPEATED_GROUP: Final = re.compile(r"\)(?:[*+]|\{)")
_BRACKETS_AND_ESCAPES: Final = re.compile(r"\\.|\[\^?\]?[^\]]*\]")


def searches(expression: str, subject: str) -> bool | None:
    """Whether the expression matches somewhere in ``subject``; None where that cannot be said with certainty.

    Certain are patterns of ASCII literals, classes and groups without a repeated group that repeats inside: Python
    would need exponential time for some of those, RE2 does not.
    """
    compiled = _compiled(expression)
    if compiled is None or len(subject) > _MAX_SUBJECT or not subject.isascii():
        return None
    return compiled.search(subject) is not None


@lru_cache(maxsize=1024)
def _compiled(expression: str) -> re.Pattern[str] | None:
    if not _SAFE.fullmatch(expression) or _SET_OPERATION.search(expression) or _repeats_in_repeated(expression):
        return None
    anchored = re.search(r"(?<!\\)(?:\\\\)*\$\Z", expression)
    try:
        return re.compile(expression[:-1] + r"\Z" if anchored else expression, re.ASCII)
    except re.error:
        return None


def _repeats_in_repeated(expression: str) -> bool:
    """Whether a repeated group repeats something inside, at any depth."""
    bare = _BRACKETS_AND_ESCAPES.sub("x", expression)
    opened: list[int] = []
    for index, character in enumerate(bare):
        if character == "(":
            opened.append(index)
        elif character == ")":
            start = opened.pop() if opened else 0
            if _REPEATED_GROUP.match(bare, index) and re.search(r"[*+{]", bare[start + 1 : index]):
                return True
    return False
