"""The structure of an HCL file: blocks, and arguments whose expressions stay source text.

Expressions are read only as far as a contract needs: literals (``literals``), type expressions (``type_expressions``)
and simple conditions (``conditions``). Whether the rest of a module is right, tofu says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from workers.catalogue.source import Source
from workers.catalogue.tokens import Kind, Token, tokenize

_OPENING: Final = {"{": "}", "[": "]", "(": ")"}
_CLOSING: Final = frozenset(_OPENING.values())


@dataclass(frozen=True)
class Expression:
    """An expression as written."""

    source: Source
    tokens: tuple[Token, ...]

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
    return _Reader(source, tokenize(source)).body(None)


def expression(source: Source) -> Expression:
    """A text that is one expression, e.g. a type in a ``.tf.json`` file.

    Raises:
        SourceError: it is none.
    """
    reader = _Reader(source, [t for t in tokenize(source) if t.kind is not Kind.NEWLINE])
    found = reader.expression()
    if reader.peek is not None:
        raise source.error(reader.peek.start, f"{reader.peek.text} does not belong here.")
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
    """Walks over the tokens of one file."""

    def __init__(self, source: Source, tokens: Sequence[Token]) -> None:
        self._source = source
        self._tokens = tokens
        self._index = 0

    @property
    def peek(self) -> Token | None:
        return self._tokens[self._index] if self._index < len(self._tokens) else None

    def _take(self) -> Token | None:
        token = self.peek
        self._index += 1
        return token

    def body(self, opening: Token | None, type_: str = "", labels: tuple[str, ...] = (), start: int = 0) -> Block:
        """Arguments and blocks up to the brace that closes ``opening``, or to the end of the file."""
        arguments: dict[str, Expression] = {}
        blocks: list[Block] = []
        while (token := self._take()) is not None:
            if token.kind is Kind.NEWLINE:
                continue
            if token.text == "}" and opening is not None:
                return Block(self._source, start, type_, labels, arguments, tuple(blocks))
            if token.kind is not Kind.IDENTIFIER:
                raise self._source.error(token.start, f"{_shown(token)} where an argument or block should begin.")
            if self.peek is not None and self.peek.text == "=":
                self._argument(token, arguments)
            else:
                blocks.append(self._block(token))
        if opening is not None:
            raise self._source.error(opening.start, f"the block {type_!r} is not closed by }}.")
        return Block(self._source, 0, arguments=arguments, blocks=tuple(blocks))

    def _argument(self, name: Token, arguments: dict[str, Expression]) -> None:
        self._take()
        if name.text in arguments:
            raise self._source.error(name.start, f"the argument {name.text!r} is set twice.")
        arguments[name.text] = self.expression()
        if self.peek is not None and self.peek.kind is not Kind.NEWLINE and self.peek.text != "}":
            raise self._source.error(self.peek.start, f"{_shown(self.peek)} does not belong here.")

    def _block(self, name: Token) -> Block:
        labels = []
        while (token := self._take()) is not None and token.text != "{":
            if token.kind not in (Kind.STRING, Kind.IDENTIFIER):
                raise self._source.error(token.start, f"{_shown(token)} after {name.text!r}: expected = or {{.")
            labels.append(token.text.strip('"'))
        if token is None:
            raise self._source.error(name.start, f"{name.text!r} is neither an argument (=) nor a block ({{).")
        return self.body(token, name.text, tuple(labels), name.start)

    def expression(self) -> Expression:
        """An expression up to the newline or bracket that ends it."""
        first = self._index
        opened: list[Token] = []
        while (token := self.peek) is not None:
            if token.kind is Kind.PUNCTUATION and token.text in _CLOSING:
                if not opened:
                    break
                self._close(opened.pop(), token)
            elif token.kind is Kind.PUNCTUATION and token.text in _OPENING:
                opened.append(token)
            elif token.kind is Kind.NEWLINE and not opened:
                break
            self._index += 1
        if opened:
            raise self._source.error(
                opened[-1].start, f"{opened[-1].text} is not closed by {_OPENING[opened[-1].text]}."
            )
        if first == self._index:
            raise self._source.error(self._tokens[first - 1].start if first else 0, "a value is missing after =.")
        return Expression(self._source, tuple(self._tokens[first : self._index]))

    def _close(self, opening: Token, closing: Token) -> None:
        if _OPENING[opening.text] != closing.text:
            line = self._source.line(opening.start)
            raise self._source.error(closing.start, f"{closing.text} closes the {opening.text} of line {line}.")


def _shown(token: Token) -> str:
    return "the end of the line" if token.kind is Kind.NEWLINE else token.text[:40]
