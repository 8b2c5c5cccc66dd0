"""Use cases of search: ask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.database import organization_of
from hub.search import rules
from hub.search.confidence import is_good_match
from hub.search.embedding.model import Embedder
from hub.search.indexing import as_halfvec
from hub.search.lexical import Candidate
from hub.search.rules import Evidence, Result
from hub.search.text import Query, understand

KINDS = ("incidents", "procedures", "solutions")

_MOST_CANDIDATES = 100  # of each side: meaning, words, names
_SNIPPET_CHARACTERS = 400


@dataclass(frozen=True, slots=True)
class Filters:
    """What a result must be besides similar; None asks nothing."""

    service: Sequence[str] | None = None
    severity: Sequence[str] | None = None
    status: Sequence[str] | None = None
    tags: Sequence[str] | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """One result as it is shown."""

    id: UUID
    type: str
    title: str
    snippet: str
    result: Result


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to a query; `good_match` false says plainly that nothing fits."""

    hits: Sequence[Hit]
    query_kind: str
    model: str
    good_match: bool


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A candidate with what is shown of it."""

    candidate: Candidate
    kind: str
    source_id: UUID
    title: str
    text: str
    names: frozenset[str] = field(default=frozenset())


def ask(
    session: Session,
    model: Embedder,
    query: str,
    *,
    kinds: Sequence[str] = KINDS,
    filters: Filters = Filters(),
    min_confidence: float = 0.0,
    limit: int = 10,
) -> Found:
    """The documents that answer the query, best first."""
    understood = understand(query)
    chunks = _chunks(session, model, understood, kinds, filters)
    by_id = {chunk.candidate.chunk_id: chunk for chunk in chunks}
    evidence = {
        chunk.candidate.document_id: Evidence(exact_name=True) for chunk in chunks if chunk.names & understood.names
    }
    ranked = rules.rank(understood.kind, [chunk.candidate for chunk in chunks], evidence)
    sure = [result for result in ranked if result.confidence >= min_confidence]
    return Found(
        hits=[_hit(result, by_id[result.chunk_id]) for result in sure[:limit]],
        query_kind=understood.kind,
        model=model.model_id,
        good_match=is_good_match(sure[0].confidence if sure else None),
    )


def _hit(result: Result, chunk: _Chunk) -> Hit:
    return Hit(chunk.source_id, chunk.kind, chunk.title, chunk.text[:_SNIPPET_CHARACTERS], result)


def _chunks(session: Session, model: Embedder, query: Query, kinds: Sequence[str], filters: Filters) -> list[_Chunk]:
    lexemes = session.execute(
        text("SELECT tsvector_to_array(to_tsvector('english', :lexical))"), {"lexical": query.lexical}
    ).scalar_one()
    rows = session.execute(
        _CANDIDATES,
        {
            "organization_id": organization_of(session),
            "vector": as_halfvec(model.embed([query.semantic])[0]),
            "model": model.model_id,
            "lexemes": lexemes,
            "names": sorted(query.names),
            "most": _MOST_CANDIDATES,
            "kinds": list(kinds),
            "service": filters.service,
            "severity": filters.severity,
            "status": filters.status,
            "tags": filters.tags,
            "created_after": filters.created_after,
            "created_before": filters.created_before,
        },
    )
    return [_chunk(row, lexemes) for row in rows]


# the tsquery is put together from lexemes: any of them may match, and none can be read as an operator
_CANDIDATES = text(
    "WITH asked AS (SELECT CAST(:vector AS halfvec) AS vector, CAST(:lexemes AS text[]) AS lexemes,"
    "   coalesce((SELECT string_agg(quote_literal(l), ' | ') FROM unnest(CAST(:lexemes AS text[])) l), '')::tsquery"
    "   AS words),"
    " found AS (SELECT DISTINCT c.document_id, c.ordinal FROM asked, search_candidates("
    "   asked.vector, :model, asked.words, CAST(:names AS text[]), :most, CAST(:kinds AS text[]),"
    "   CAST(:service AS text[]), CAST(:severity AS text[]), CAST(:status AS text[]), CAST(:tags AS text[]),"
    "   CAST(:created_after AS timestamptz), CAST(:created_before AS timestamptz)) c)"
    " SELECT c.document_id, c.ordinal, c.text, d.kind, d.source_id, d.title, d.names,"
    "   1 - (c.embedding <=> asked.vector) AS cosine, length(c.lexemes) AS length,"
    "   (SELECT jsonb_object_agg(u.lexeme, cardinality(u.positions)) FROM unnest(c.lexemes) u"
    "    WHERE u.lexeme = ANY (asked.lexemes)) AS counts"
    " FROM found f"
    " JOIN chunks c ON c.organization_id = :organization_id AND c.document_id = f.document_id AND c.ordinal = f.ordinal"
    " JOIN documents d ON d.organization_id = :organization_id AND d.id = c.document_id, asked"
)


def _chunk(row: Any, lexemes: Sequence[str]) -> _Chunk:
    counts: Mapping[str, int] = row.counts or {}
    candidate = Candidate(
        chunk_id=(row.document_id, row.ordinal),
        document_id=row.document_id,
        cosine=float(row.cosine),
        frequencies=[counts.get(lexeme, 0) for lexeme in lexemes],
        length=row.length,
    )
    return _Chunk(candidate, row.kind, row.source_id, row.title, row.text, frozenset(row.names))
