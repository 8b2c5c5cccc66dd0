"""The chunks worth ranking, out of the index, and the words of those that are shown."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import repeat
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.database import organization_of
from hub.search.lexical import Candidate, ChunkId

KINDS = ("incidents", "procedures", "solutions")

MOST_CANDIDATES = 60
"""Of each side: meaning, words, names. 100 rank no better, and cost 3 ms more."""

_LONGEST_TEXT = 1_000  # characters of a chunk that are shown: of a title's 300, and of what it says


@dataclass(frozen=True, slots=True)
class Filters:
    """What a result must be besides similar; None asks nothing."""

    service: Sequence[str] | None = None
    severity: Sequence[str] | None = None
    status: Sequence[str] | None = None
    tags: Sequence[str] | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


NO_FILTERS = Filters()


@dataclass(frozen=True, slots=True)
class Asked:
    """A query as the index takes it. `searched` is what of its `lexemes` is worth asking for: any, or all of several.

    `vectors` has one per model whose vectors are stored, as Postgres reads them; `sources` are documents that have to
    be among the candidates whatever their text.
    """

    vectors: Mapping[str, str]
    lexemes: Sequence[str]
    searched: Sequence[tuple[str, ...]]
    names: Collection[str]
    sources: Collection[UUID] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A candidate, and what it is a chunk of; `is_named` when that has one of the names that were asked for."""

    candidate: Candidate
    kind: str
    source_id: UUID
    is_named: bool


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk's words as people wrote them, with its document's title."""

    title: str
    text: str


# the tsquery is put together from lexemes, each quoted, so that none can be read as an operator
_CANDIDATES = text(
    "WITH models AS MATERIALIZED (SELECT m.model, CAST(m.vector AS halfvec) AS vector"
    "   FROM unnest(CAST(:models AS text[]), CAST(:vectors AS text[])) AS m (model, vector)),"
    " found AS MATERIALIZED (SELECT DISTINCT c.document_id, c.ordinal FROM models m, search_candidates("
    "   m.vector, m.model, CAST(:words AS tsquery), CAST(:names AS text[]), CAST(:sources AS uuid[]),"
    "   :most, CAST(:kinds AS text[]),"
    "   CAST(:service AS text[]), CAST(:severity AS text[]), CAST(:status AS text[]), CAST(:tags AS text[]),"
    "   CAST(:created_after AS timestamptz), CAST(:created_before AS timestamptz)) c)"
    " SELECT c.document_id, c.ordinal, d.kind, d.source_id, d.names && CAST(:names AS text[]) AS is_named,"
    "   coalesce(1 - (c.embedding <=> m.vector), 0) AS cosine, length(c.lexemes) AS length,"
    "   (SELECT jsonb_object_agg(u.lexeme, cardinality(u.positions)) FROM unnest(c.lexemes) u"
    "    WHERE u.lexeme = ANY (CAST(:lexemes AS text[]))) AS counts"
    " FROM found f"
    " JOIN chunks c ON c.organization_id = :organization_id AND c.document_id = f.document_id AND c.ordinal = f.ordinal"
    " JOIN documents d ON d.organization_id = :organization_id AND d.id = c.document_id"
    " LEFT JOIN models m ON m.model = c.model"
)
_PASSAGES = text(
    "SELECT c.document_id, c.ordinal, d.title, left(c.text, :longest) AS text"
    " FROM unnest(CAST(:document_ids AS uuid[]), CAST(:ordinals AS integer[])) AS w (document_id, ordinal)"
    " JOIN chunks c ON c.organization_id = :organization_id AND c.document_id = w.document_id AND c.ordinal = w.ordinal"
    " JOIN documents d ON d.organization_id = :organization_id AND d.id = c.document_id"
)


def find(session: Session, asked: Asked, kinds: Sequence[str], filters: Filters) -> list[Found]:
    """The candidates of all sides, each chunk once."""
    rows = session.execute(
        _CANDIDATES,
        {
            "organization_id": organization_of(session),
            "models": list(asked.vectors),
            "vectors": list(asked.vectors.values()),
            "words": " | ".join(f"({' & '.join(map(_quoted, each))})" for each in asked.searched),
            "lexemes": list(asked.lexemes),
            "names": sorted(asked.names),
            "sources": list(asked.sources),
            "most": MOST_CANDIDATES,
            "kinds": list(kinds),
            **asdict(filters),
        },
    )
    return [_found(row, asked.lexemes) for row in rows.all()]


def passages(session: Session, chunk_ids: Sequence[ChunkId]) -> dict[ChunkId, Passage]:
    """The words of some chunks; few of those that are ranked are shown."""
    rows = session.execute(
        _PASSAGES,
        {
            "organization_id": organization_of(session),
            "document_ids": [document_id for document_id, _ in chunk_ids],
            "ordinals": [ordinal for _, ordinal in chunk_ids],
            "longest": _LONGEST_TEXT,
        },
    )
    return {(document_id, ordinal): Passage(title, said) for document_id, ordinal, title, said in rows}


def _quoted(lexeme: str) -> str:
    doubled = lexeme.replace("\\", "\\\\").replace("'", "''")
    return f"'{doubled}'"


def _found(row: Any, lexemes: Sequence[str]) -> Found:
    # by place, not by name: this runs some two hundred times a query
    document_id, ordinal, kind, source_id, is_named, cosine, length, counts = row
    frequencies = list(map((counts or {}).get, lexemes, repeat(0)))
    candidate = Candidate((document_id, ordinal), document_id, float(cosine), frequencies, length, source_id)
    return Found(candidate, kind, source_id, is_named)
