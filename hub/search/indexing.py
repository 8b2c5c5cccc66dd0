"""Stage 6: what search knows of incidents and procedures is brought up to date; identical text is embedded once."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from uuid import UUID

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from hub import bulk, names, outbox
from hub.database import new_id, now, organization_of
from hub.incidents.rules import OPEN
from hub.outbox import Handler
from hub.search import drafts, vocabulary
from hub.search.chunks import Chunk, cut
from hub.search.drafts import Draft
from hub.search.embedding.model import Embedder
from hub.search.models import Document, DocumentChunk
from hub.search.vectors import stored_or_embedded

MOST_CHUNKS = 200  # of one document, some 30,000 words; a book behind them would only dilute what it is about
_ASK_AGAIN_SECONDS = 5
_ENOUGH_CHUNKS = 16  # for one transaction: half a second of embedding, which is what an incident may wait for

_KINDS: Mapping[str, tuple[Callable[[Session, Sequence[UUID]], list[Draft]], tuple[str, ...]]] = {
    "incident": (drafts.of_incidents, ("incidents", "solutions")),
    "procedure": (drafts.of_procedures, ("procedures",)),
}


def handlers(model: Callable[[], Embedder]) -> Mapping[str, Handler]:
    """What indexing does for each kind of job; the model is loaded with the first that needs it."""
    return {job: partial(bring_up_to_date, model, job) for job in _KINDS}


def bring_up_to_date(model: Callable[[], Embedder], job: str, session: Session, source_ids: Sequence[UUID]) -> None:
    """Indexes sources of one kind; what is gone, or no longer to be found, leaves the index.

    What would take too long in one transaction is left to another job.
    """
    read, kinds = _KINDS[job]
    wanted = read(session, source_ids)
    known = {(draft.kind, draft.source_id) for draft in wanted}
    _forget(session, [(kind, each) for kind in kinds for each in source_ids if (kind, each) not in known])
    changed, late = index(session, model(), wanted)
    outbox.enqueue(session, "index", job, sorted({draft.source_id for draft in late}))
    if job == "incident":
        still_open = {draft.source_id for draft in wanted if draft.status in OPEN}
        says_more = still_open & {draft.source_id for draft in changed}
        outbox.enqueue(session, "index", "suggest", sorted(says_more))
        # what it says is as before, so only a new procedure may fit: not asked at each of a storm's alerts
        outbox.enqueue(session, "index", "suggest", sorted(still_open - says_more), after_seconds=_ASK_AGAIN_SECONDS)


def out_of_date(session: Session, model_id: str, job: str, source_ids: Sequence[UUID]) -> list[UUID]:
    """Which of these sources have a document that is missing, of another text, or of another model."""
    read, _ = _KINDS[job]
    wanted = read(session, source_ids)
    stored = _stored(session, wanted)
    return sorted({each.source_id for each in wanted if not _is_current(stored, each, model_id)})


def _is_current(stored: Mapping[tuple[str, UUID], Document], draft: Draft, model_id: str) -> bool:
    document = stored.get((draft.kind, draft.source_id))
    return document is not None and (document.text_hash, document.model) == (_hash(draft), model_id)


def index(session: Session, model: Embedder, wanted: Sequence[Draft]) -> tuple[list[Draft], list[Draft]]:
    """Writes the documents; where text and model are unchanged, only what surrounds the text.

    Gives those whose text was written, and those left over.
    """
    stored = _stored(session, wanted)
    chunks: dict[UUID, list[Chunk]] = {}
    changed: list[Draft] = []
    late: list[Draft] = []
    rows = []
    for draft in wanted:
        document = stored.get((draft.kind, draft.source_id))
        document_id = document.id if document else new_id()
        if not _is_current(stored, draft, model.model_id):
            if sum(map(len, chunks.values())) >= _ENOUGH_CHUNKS:
                late.append(draft)
                continue
            changed.append(draft)
            chunks[document_id] = cut(draft.title, draft.body)[:MOST_CHUNKS]
        rows.append(_row(session, document_id, draft, model.model_id))
    bulk.upsert(session, Document, rows, key=("organization_id", "id"))
    _write_chunks(session, model, chunks)
    return changed, late


def _stored(session: Session, wanted: Sequence[Draft]) -> dict[tuple[str, UUID], Document]:
    found = session.scalars(
        select(Document)
        .where(
            Document.organization_id == organization_of(session),
            Document.source_id.in_([draft.source_id for draft in wanted]),
        )
        .execution_options(populate_existing=True)
    )
    return {(document.kind, document.source_id): document for document in found}


def _forget(session: Session, gone: Sequence[tuple[str, UUID]]) -> None:
    for kind in {kind for kind, _ in gone}:
        session.execute(
            delete(Document).where(
                Document.organization_id == organization_of(session),
                Document.kind == kind,
                Document.source_id.in_([source_id for each, source_id in gone if each == kind]),
            )
        )


def _row(session: Session, document_id: UUID, draft: Draft, model_id: str) -> dict[str, object]:
    return {
        "organization_id": organization_of(session),
        "id": document_id,
        "kind": draft.kind,
        "source_id": draft.source_id,
        "title": draft.title,
        "services": list(draft.services),
        "severities": list(draft.severities),
        "status": draft.status,
        "tags": list(draft.tags),
        "names": list(draft.names),
        "text_hash": f"\\x{_hash(draft).hex()}",
        "model": model_id,
        "created_at": draft.created_at,
        "indexed_at": now(session),
    }


_INSERT = text(
    "INSERT INTO chunks (organization_id, document_id, ordinal, text, lexemes, text_hash, model, embedding)"
    " SELECT :organization_id, r.document_id, r.ordinal, r.text, to_tsvector('english', r.lexical),"
    "   decode(r.text_hash, 'hex'), :model, CAST(r.embedding AS halfvec)"
    " FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (document_id uuid, ordinal integer, text text, lexical text,"
    "   text_hash text, embedding text)"
)


def _write_chunks(session: Session, model: Embedder, changed: Mapping[UUID, Sequence[Chunk]]) -> None:
    if not changed:
        return
    session.execute(
        delete(DocumentChunk).where(
            DocumentChunk.organization_id == organization_of(session), DocumentChunk.document_id.in_(changed)
        )
    )
    chunks = [chunk for each in changed.values() for chunk in each]
    vectors = stored_or_embedded(session, model, embedded_texts(chunk.whole for chunk in chunks))
    rows = [
        {
            "document_id": document_id,
            "ordinal": ordinal,
            "text": chunk.whole,
            "lexical": names.with_parts(chunk.whole),
            "text_hash": hashlib.sha256(names.split(chunk.whole).encode()).hexdigest(),
            "embedding": vectors[names.split(chunk.whole)],
        }
        for document_id, each in changed.items()
        for ordinal, chunk in enumerate(each)
    ]
    bulk.run(session, _INSERT, rows, model=model.model_id)
    vocabulary.note(session, len(rows), model.model_id)


def embedded_texts(wholes: Iterable[str]) -> list[str]:
    """What is embedded of chunks as people wrote them, each text once."""
    return list(dict.fromkeys(map(names.split, wholes)))


def _hash(draft: Draft) -> bytes:
    return hashlib.sha256(f"{draft.title}\n{draft.body}".encode()).digest()
