"""The structure of an HCL file: blocks, and arguments whose expressions stay source text.

Expressions are read only as far as a contract needs: literals (``literals``), type expressions (``type_expressions``)
and simple conditions (``conditions``). Whether the rest of a module is right, tofu says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from workers.catalogue.source import Source
from workers.catalogue.tokens import Kind, Token, argument, scan, scan_coarsely, tokenize

_OPENING: Final = {"{": "}", "[": "]", "(": ")"}
_CLOSING: Final = frozenset(_OPENING.values())


@dataclass(frozen=True)
class Expression:
    """An expression as written."""

    source: Source
    start: int
    end: int

    @cached_property
    def tokens(self) -> tuple[Token, ...]:
        """Its tokens; not empty."""
        tokens = tokenize(self.source, self.start, self.end)
        if all(token.kind is Kind.NEWLINE for token in tokens):
            raise self.source.error(max(self.start - 1, 0), "a value is missing.")
        return tuple(tokens)

    @property
    def text(self) -> str:
        """The source text."""
        return self.source.text[self.tokens[0].start : self.tokens[-1].end]

    @property
    def line(self) -> int:
        """Where it starts."""
        return self.source.line(self.tokens[0].start)


@dataclass(frozen=True)
class Block:
    """A block such as ``variable "name" { … }``; the file itself is a block without type and labels."""

    source: Source
    start: int = 0
    type: str = ""
    labels: tuple[str, ...] = ()
    arguments: Mapping[str, Expression] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()

    @property
    def line(self) -> int:
        """Where it starts."""
        return self.source.line(self.start)

    def of_type(self, *types: str) -> Iterator[Block]:
        """The blocks directly inside this one that have one of these types."""
        return (block for block in self.blocks if block.type in types)


def parse(source: Source) -> Block:
    """The blocks and arguments of a file.

    Raises:
        SourceError: it is not HCL, with the line.
    """
    return _Reader(source).body(None)


def expression(source: Source) -> Expression:
    """A text that is one expression, e.g. a type in a ``.tf.json`` file.

    Raises:
        SourceError: it is none.
    """
    reader = _Reader(source)
    end_is_reached = reader.skip_expression(newline_ends=False) and reader.at_end
    found = Expression(source, 0, len(source.text))
    if not end_is_reached or not found.tokens:
        raise source.error(0, f"{source.text[:40]!r} is not an expression.")
    return found


def split(tokens: Sequence[Token]) -> list[list[Token]]:
    """The items between a pair of brackets, which are the first and the last token.

    In braces a newline separates as a comma does; elsewhere it means nothing.
    """
    items: list[list[Token]] = [[]]
    depth = 0
    newline_separates = tokens[0].text == "{"
    for token in tokens[1:-1]:
        if token.kind is Kind.PUNCTUATION:
            depth += (token.text in _OPENING) - (token.text in _CLOSING)
        if not depth and (token.text == "," or (newline_separates and token.kind is Kind.NEWLINE)):
            items.append([])
        elif depth or token.kind is not Kind.NEWLINE:
            items[-1].append(token)
    return [item for item in items if item]


class _Reader:
    """Walks over the text of one file."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._position = 0

    @property
    def at_end(self) -> bool:
        """Nothing is left."""
        return self._position >= len(self._source.text)

    def _take(self) -> Token | None:
        """The next token; None at the end."""
        while self._position < len(self._source.text):
            token, self._position = scan(self._source, self._position)
            if token is not None:
                return token
        return None

    def body(self, opening: Token | None, type_: str = "", labels: tuple[str, ...] = (), start: int = 0) -> Block:
        """Arguments and blocks up to the brace that closes ``opening``, or to the end of the file."""
        arguments: dict[str, Expression] = {}
        blocks: list[Block] = []
        while True:
            if found := argument(self._source, self._position):
                self._argument(found, arguments)
                continue
            token = self._take()
            if token is None:
                break
            if token.text == "}" and opening is not None:
                return Block(self._source, start, type_, labels, arguments, tuple(blocks))
            if token.kind is Kind.IDENTIFIER:
                blocks.append(self._block(token))
            elif token.kind is not Kind.NEWLINE:
                raise self._source.error(token.start, f"{_shown(token)} where an argument or block should begin.")
        if opening is not None:
            raise self._source.error(opening.start, f"the block {type_!r} is not closed by }}.")
        return Block(self._source, 0, arguments=arguments, blocks=tuple(blocks))

    def _argument(self, found: tuple[Token, int], arguments: dict[str, Expression]) -> None:
        name, self._position = found
        start = self._position
        if name.text in arguments:
            raise self._source.error(name.start, f"the argument {name.text!r} is set twice.")
        if not self.skip_expression():
            raise self._source.error(name.start, f"the argument {name.text!r} has no value.")
        arguments[name.text] = Expression(self._source, start, self._position)

    def _block(self, name: Token) -> Block:
        token = self._take()
        labels = []
        while token is not None and token.text != "{":
            if token.kind not in (Kind.STRING, Kind.IDENTIFIER):
                raise self._source.error(token.start, f"{_shown(token)} after {name.text!r}: expected = or {{.")
            labels.append(token.text.strip('"'))
            token = self._take()
        if token is None:
            raise self._source.error(name.start, f"{name.text!r} is neither an argument (=) nor a block ({{).")
        return self.body(token, name.text, tuple(labels), name.start)

    def skip_expression(self, *, newline_ends: bool = True) -> bool:
        """Go to the newline, bracket or end of file that ends an expression; whether there was one."""
        start = self._position
        opened: list[Token] = []
        while self._position < len(self._source.text):
            counts = newline_ends and not opened
            token, end = scan_coarsely(self._source, self._position, newlines_count=counts)
            if token is not None and token.text in _CLOSING:
                if not opened:
                    break
                self._close(opened.pop(), token)
            elif token is not None and token.text in _OPENING:
                opened.append(token)
            elif token is not None and token.kind is Kind.NEWLINE:
                break
            self._position = end
        if opened:
            last = opened[-1]
            raise self._source.error(last.start, f"{last.text} is not closed by {_OPENING[last.text]}.")
        return bool(self._source.text[start : self._position].strip())

    def _close(self, opening: Token, closing: Token) -> None:
        if _OPENING[opening.text] != closing.text:
            line = self._source.line(opening.start)
            raise self._source.error(closing.start, f"{closing.text} closes the {opening.text} of line {line}.")


def _shown(token: Token) -> str:
    return "the end of the line" if token.kind is Kind.NEWLINE else token.text[:40]
