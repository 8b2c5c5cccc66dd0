"""Which words are common in an organization: counted in a sample when the index has grown by half."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub import outbox
from hub.database import organization_of
from hub.outbox import Handler

FEW = 500  # chunks; up to here every word may bring in what it likes
_SAMPLE = 4_000
_RARE = 0.001  # of the chunks: below, a word costs the index next to nothing

_NOTE = text(
    "INSERT INTO vocabularies AS v (organization_id, written, models)"
    " VALUES (:organization_id, :written, ARRAY[CAST(:model AS text)])"
    " ON CONFLICT (organization_id) DO UPDATE SET written = v.written + excluded.written,"
    "   models = CASE WHEN v.models @> excluded.models THEN v.models ELSE v.models || excluded.models END"
    " RETURNING written > greatest(:few, chunk_count / 2) AS is_due"
)
# ids begin with the time they were made, so a sample by their last digits is one of all times
_COUNT = text(
    "WITH sampled AS MATERIALIZED (SELECT c.lexemes FROM chunks c"
    "   WHERE c.organization_id = :organization_id AND (:every = 1 OR"
    "     mod(('x' || right(c.document_id::text, 6))::bit(24)::integer, :every) = 0)),"
    " counted AS (SELECT lexeme, count(*)::float / (SELECT count(*) FROM sampled) AS share"
    "   FROM sampled, unnest(tsvector_to_array(lexemes)) AS lexeme GROUP BY lexeme)"
    " UPDATE vocabularies SET chunk_count = :chunk_count, written = 0, common = coalesce("
    "   (SELECT jsonb_object_agg(lexeme, round(share::numeric, 4)) FROM counted WHERE share >= :rare), '{}')"
    " WHERE organization_id = :organization_id"
)
_READ = text(
    "SELECT q.lexemes, v.chunk_count, v.models, (SELECT jsonb_object_agg(lexeme, v.common -> lexeme)"
    "   FROM unnest(q.lexemes) AS lexeme WHERE jsonb_exists(v.common, lexeme)) AS common"
    " FROM (SELECT tsvector_to_array(to_tsvector('english', :words)) AS lexemes) q"
    " LEFT JOIN vocabularies v ON v.organization_id = :organization_id"
)

HANDLERS: Mapping[str, Handler] = {"vocabulary": lambda session, _organization_ids: count(session)}


@dataclass(frozen=True, slots=True)
class Words:
    """A query's lexemes; for those that are common, the share of the organization's chunks; whose vectors it has."""

    lexemes: Sequence[str]
    common: Mapping[str, float]
    chunk_count: int
    models: Sequence[str]


def note(session: Session, written: int, model_id: str) -> None:
    """So many chunks were written with this model; when the index has grown by half, its words are counted anew."""
    told = {"organization_id": organization_of(session), "written": written, "model": model_id, "few": FEW}
    if session.execute(_NOTE, told).scalar_one():
        outbox.enqueue(session, "index", "vocabulary", [organization_of(session)])


def count(session: Session) -> None:
    """Counts the organization's words in some thousand of its chunks."""
    ours: dict[str, UUID | int | float] = {"organization_id": organization_of(session)}
    chunk_count = session.execute(
        text("SELECT count(*) FROM chunks WHERE organization_id = :organization_id"), ours
    ).scalar_one()
    session.execute(_COUNT, ours | {"chunk_count": chunk_count, "every": max(1, chunk_count // _SAMPLE), "rare": _RARE})


def read(session: Session, words: str) -> Words:
    """The words as the organization's index has them."""
    row = session.execute(_READ, {"words": words, "organization_id": organization_of(session)}).one()
    return Words(list(row.lexemes), row.common or {}, row.chunk_count or 0, row.models or ())
