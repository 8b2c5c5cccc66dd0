"""The chunks worth ranking, out of the index."""

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import accumulate
from math import pi
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.search.lexical import Candidate

KINDS = ("incidents", "procedures", "solutions")

MOST_CANDIDATES = 40
"""Of each side: meaning, words, names. 60 and 100 rank no better, and cost 3 and 6 ms more."""

_FILTERED = 5  # times as many by words, of which the filter may take most

# ts_rank of a lexeme alone, weights 1, by how often it stands in the text (calc_rank_or of PostgreSQL's tsrank.c)
_RANK_OF = [squares * 6 / pi**2 for squares in accumulate((1 / n**2 for n in range(1, 64)), initial=0.0)]
_ROUNDING = 1e-6  # it comes in single precision


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
class Places:
    """Chunks, as two arrays in Postgres' own words: they only go back there, and nobody reads them on the way."""

    documents: str
    ordinals: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A query as the index takes it. `searched` is what of its `lexemes` is worth asking for: any, or all of several;
    `by_words` are the chunks that were found by it already.

    `vectors` has one per model whose vectors are stored, as Postgres reads them; `sources` are documents that have to
    be among the candidates whatever their text.
    """

    vectors: Mapping[str, str]
    lexemes: Sequence[str]
    searched: Sequence[tuple[str, ...]]
    by_words: Places
    names: Collection[str]
    sources: Collection[UUID] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A candidate, and the document that it is a chunk of; `is_named` when that has one of the names asked for.

    `said` is how the chunk begins, as people wrote it.
    """

    candidate: Candidate
    kind: str
    source_id: UUID
    title: str
    said: str
    is_named: bool


# the tsqueries are put together from lexemes, each quoted, so that none can be read as an operator
_BY_WORDS = text(
    "SELECT coalesce(CAST(array_agg(document_id) AS text), '{}'), coalesce(CAST(array_agg(ordinal) AS text), '{}')"
    " FROM search_words(CAST(:words AS tsquery), :most)"
)
_CANDIDATES = text(
    "SELECT c.* FROM unnest(CAST(:models AS text[]), CAST(:vectors AS text[])) AS m (model, vector), search_candidates("
    "   CAST(m.vector AS halfvec), m.model, CAST(:words AS tsquery), CAST(:documents AS uuid[]),"
    "   CAST(:ordinals AS integer[]), CAST(CAST(:lexemes AS text[]) AS tsquery[]),"
    "   CAST(:names AS text[]), CAST(:sources AS uuid[]), :most, CAST(:kinds AS text[]),"
    "   CAST(:service AS text[]), CAST(:severity AS text[]), CAST(:status AS text[]), CAST(:tags AS text[]),"
    "   CAST(:created_after AS timestamptz), CAST(:created_before AS timestamptz)) c"
)


def by_words(session: Session, searched: Sequence[tuple[str, ...]], kinds: Sequence[str], filters: Filters) -> Places:
    """Of a large organization: the chunks that have the most of the words; a few more where a filter will take some."""
    is_filtered = len(kinds) < len(KINDS) or filters != NO_FILTERS
    most = _FILTERED * MOST_CANDIDATES if is_filtered else MOST_CANDIDATES
    return Places(*session.execute(_BY_WORDS, {"words": _tsquery(searched), "most": most}).one())


def find(session: Session, asked: Asked, kinds: Sequence[str], filters: Filters) -> list[Found]:
    """The candidates of all sides, each chunk once."""
    rows = session.execute(
        _CANDIDATES,
        {
            "models": list(asked.vectors),
            "vectors": list(asked.vectors.values()),
            "words": _tsquery(asked.searched),
            "documents": asked.by_words.documents,
            "ordinals": asked.by_words.ordinals,
            "lexemes": list(map(_quoted, asked.lexemes)),
            "names": sorted(asked.names),
            "sources": list(asked.sources),
            "most": MOST_CANDIDATES,
            "kinds": list(kinds),
            **asdict(filters),
        },
    )
    # while one model replaces another, a chunk is found once for each: its own model knows the cosine, the other has 0
    by_cosine = sorted(map(_found, rows.all()), key=lambda found: found.candidate.cosine)
    return list({found.candidate.chunk_id: found for found in by_cosine}.values())


def _tsquery(searched: Sequence[tuple[str, ...]]) -> str:
    return " | ".join(f"({' & '.join(map(_quoted, each))})" for each in searched)


def _quoted(lexeme: str) -> str:
    doubled = lexeme.replace("\\", "\\\\").replace("'", "''")
    return f"'{doubled}'"


def frequency(rank: float) -> int:
    """How often a lexeme stands in a text, at most 63 times, by ts_rank of the lexeme alone."""
    return bisect_left(_RANK_OF, rank - _ROUNDING)


def _found(row: Any) -> Found:
    # by place, not by name: this runs some two hundred times a query
    document_id, ordinal, kind, source_id, title, said, is_named, cosine, length, ranks = row
    frequencies = list(map(frequency, ranks))
    candidate = Candidate((document_id, ordinal), document_id, cosine or 0.0, frequencies, length, source_id)
    return Found(candidate, kind, source_id, title, said, is_named)
