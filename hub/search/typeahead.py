"""Type-ahead: titles that the words typed so far begin to spell."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

_LOOKED_AT = 200
_WORD = re.compile(r"[^\W_]+")
_KINDS = ("procedures", "solutions", "incidents")  # the most useful first

_TITLED = text("SELECT kind, source_id, title FROM documents_titled(CAST(:query AS tsquery), :most)")


@dataclass(frozen=True, slots=True)
class Title:
    """A document that may be meant."""

    type: str
    id: UUID
    title: str


def titles(session: Session, typed: str, limit: int) -> Sequence[Title]:
    """Each title once: first those that begin with what was typed, then procedures before the rest."""
    words = _WORD.findall(typed.lower())
    if not words:
        return []
    query = " & ".join(f"'{word}':*" for word in words)
    rows = session.execute(_TITLED, {"query": query, "most": _LOOKED_AT})
    found = [Title(*row) for row in rows]
    start = typed.strip().lower()
    ordered = sorted(
        found,
        key=lambda each: (not each.title.lower().startswith(start), _KINDS.index(each.type), len(each.title), each.id),
    )
    by_title = {(each.type == "procedures", each.title.lower()): each for each in reversed(ordered)}
    return sorted(by_title.values(), key=ordered.index)[:limit]
