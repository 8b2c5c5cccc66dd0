"""Stage 6: what search knows of incidents and procedures is brought up to date; identical text is embedded once."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hub import bulk, outbox
from hub.database import new_id, now, organization_of
from hub.incidents.rules import OPEN
from hub.outbox import Handler
from hub.search import drafts, passages
from hub.search.drafts import Draft
from hub.search.embedding.model import Embedder
from hub.search.models import Document
from hub.search.passages import Passage

_ASK_AGAIN_SECONDS = 5
_ENOUGH_PASSAGES = 16  # for one transaction: half a second of embedding, which is what an incident may wait for
_UNFINISHED = b""  # the hash of a document of which the index has a part

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

    Gives those whose text is in the index now, and those left over; of the last that was begun, its first part is.
    """
    stored = _stored(session, wanted)
    changed: list[Draft] = []
    late: list[Draft] = []
    rows: list[dict[str, object]] = []
    written: list[Passage] = []
    for draft in wanted:
        document = stored.get((draft.kind, draft.source_id))
        if document and _is_current(stored, draft, model.model_id):
            rows.append(_row(session, document.id, draft, _hash(draft), model.model_id))
        elif len(written) >= _ENOUGH_PASSAGES:
            late.append(draft)
        else:
            begun = _begin(session, model.model_id, draft, document)
            rows.append(begun.row)
            written += begun.passages
            (changed if begun.is_whole else late).append(draft)
    bulk.upsert(session, Document, rows, key=("organization_id", "id"))
    passages.write(session, model, written)
    return changed, late


@dataclass(frozen=True, slots=True)
class _Begun:
    """A document's row, and the passages to write with it: all that it lacks when it `is_whole`, else the first."""

    row: dict[str, object]
    passages: Sequence[Passage]
    is_whole: bool


def _begin(session: Session, model_id: str, draft: Draft, document: Document | None) -> _Begun:
    document_id = document.id if document else new_id()
    found = passages.of_document(document_id, draft.title, draft.body)
    lacking = passages.missing(session, model_id, found) if document else found
    if len(lacking) <= _ENOUGH_PASSAGES:
        return _Begun(_row(session, document_id, draft, _hash(draft), model_id), lacking, is_whole=True)
    row = _row(session, document_id, draft, _UNFINISHED, document.model if document else model_id)
    return _Begun(row, lacking[:_ENOUGH_PASSAGES], is_whole=False)


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


def _row(session: Session, document_id: UUID, draft: Draft, text_hash: bytes, model_id: str) -> dict[str, object]:
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
        "text_hash": f"\\x{text_hash.hex()}",
        "model": model_id,
        "created_at": draft.created_at,
        "indexed_at": now(session),
    }


def _hash(draft: Draft) -> bytes:
    return hashlib.sha256(f"{draft.title}\n{draft.body}".encode()).digest()
