"""The chunks of documents as the index has them: what is not there as it is now is written, and embedded once."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub import bulk, names
from hub.database import organization_of
from hub.search import vocabulary
from hub.search.chunks import cut
from hub.search.embedding.model import Embedder
from hub.search.vectors import stored_or_embedded

MOST_CHUNKS = 200  # of one document, some 30,000 words; a book behind them would only dilute what it is about

# what stands behind a document's last chunk was of a longer text
_STORED = text(
    "WITH cut_off AS (DELETE FROM chunks WHERE organization_id = :organization_id AND document_id = :document_id"
    "   AND ordinal >= :count)"
    " SELECT ordinal, text FROM chunks WHERE organization_id = :organization_id AND document_id = :document_id"
    "   AND model = :model"
)
_WRITE = text(
    "INSERT INTO chunks (organization_id, document_id, ordinal, text, lexemes, text_hash, model, embedding)"
    " SELECT :organization_id, r.document_id, r.ordinal, r.text, to_tsvector('english', r.lexical),"
    "   decode(r.text_hash, 'hex'), :model, CAST(r.embedding AS halfvec)"
    " FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (document_id uuid, ordinal integer, text text, lexical text,"
    "   text_hash text, embedding text)"
    " ON CONFLICT (organization_id, document_id, ordinal) DO UPDATE SET text = excluded.text,"
    "   lexemes = excluded.lexemes, text_hash = excluded.text_hash, model = excluded.model,"
    "   embedding = excluded.embedding"
)


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk at its place in a document, as people wrote it."""

    document_id: UUID
    ordinal: int
    whole: str


def of_document(document_id: UUID, title: str, body: str) -> list[Passage]:
    """All that is indexed of a text."""
    chunks = cut(title, body)[:MOST_CHUNKS]
    return [Passage(document_id, ordinal, chunk.whole) for ordinal, chunk in enumerate(chunks)]


def missing(session: Session, model_id: str, wanted: Sequence[Passage]) -> list[Passage]:
    """Those of a document's passages that the index does not have as they are, by this model.

    What it has beyond them leaves it.
    """
    told = {"organization_id": organization_of(session), "model": model_id, "count": len(wanted)}
    stored = session.execute(_STORED, told | {"document_id": wanted[0].document_id})
    text_at = {row.ordinal: row.text for row in stored}
    return [each for each in wanted if text_at.get(each.ordinal) != each.whole]


def write(session: Session, model: Embedder, passages: Sequence[Passage]) -> None:
    """Embeds and stores them; their documents are stored already."""
    if not passages:
        return
    vectors = stored_or_embedded(session, model, embedded_texts(each.whole for each in passages))
    rows = [
        {
            "document_id": each.document_id,
            "ordinal": each.ordinal,
            "text": each.whole,
            "lexical": names.with_parts(each.whole),
            "text_hash": hashlib.sha256(names.split(each.whole).encode()).hexdigest(),
            "embedding": vectors[names.split(each.whole)],
        }
        for each in passages
    ]
    bulk.run(session, _WRITE, rows, model=model.model_id)
    vocabulary.note(session, len(rows), model.model_id)


def embedded_texts(wholes: Iterable[str]) -> list[str]:
    """What is embedded of chunks as people wrote them, each text once."""
    return list(dict.fromkeys(map(names.split, wholes)))
