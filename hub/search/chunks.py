"""Cutting a document into what is embedded: its title alone, and its sections in parts of at most 160 words."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from hub import names

WORDS = 160  # with title and heading about 230 of the 256 word pieces that the model reads

_HEADING = re.compile(r" {0,3}(?:#{1,6}|={2,6})\s+(?P<heading>.*?)[\s#=]*$")
_FENCE = re.compile(r"\s*(?:```|~~~)")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of one section of a document; the title-only chunk has neither heading nor text."""

    title: str
    heading: str = ""
    text: str = ""

    @property
    def whole(self) -> str:
        """title. heading: text."""
        place = ". ".join(filter(None, (self.title, self.heading)))
        return f"{place}: {self.text}" if self.text else place


def cut(title: str, body: str, words: int = WORDS) -> list[Chunk]:
    """The title-only chunk, then the parts of the sections in order; headings as in Markdown or AsciiDoc."""
    chunks = [Chunk(title)]
    for heading, lines in _sections(body):
        heading_here = "" if names.fold(heading) == names.fold(title) else heading
        chunks += [Chunk(title, heading_here, part) for part in _parts(lines, words)]
    return chunks


def _sections(body: str) -> Iterator[tuple[str, list[str]]]:
    heading, lines, fenced = "", list[str](), False
    for line in body.splitlines():
        fenced ^= bool(_FENCE.match(line))
        found = None if fenced else _HEADING.match(line)
        if found:
            yield heading, lines
            heading, lines = found["heading"], []
        else:
            lines.append(line)
    yield heading, lines


def _parts(lines: list[str], words: int) -> Iterator[str]:
    """Parts of like size, cut between lines; a line is cut only when it is longer than a part may be."""
    pieces = [piece for line in lines for piece in _pieces(line, words)]
    count = sum(len(piece.split()) for piece in pieces)
    size = count / max(1, -(-count // words))
    part: list[str] = []
    filled = 0
    for piece in pieces:
        added = len(piece.split())
        if part and (filled + added > words or filled + added / 2 > size):
            yield "\n".join(part)
            part, filled = [], 0
        part.append(piece)
        filled += added
    if part:
        yield "\n".join(part)


def _pieces(line: str, words: int) -> Iterator[str]:
    line_words = line.split()
    if len(line_words) <= words:
        return iter([line.strip()] if line_words else [])
    return (" ".join(line_words[start : start + words]) for start in range(0, len(line_words), words))
