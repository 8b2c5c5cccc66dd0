"""Stage 6: what search knows of an incident is brought up to date; identical text is embedded once."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from hub import names
from hub.alerts.models import Alert
from hub.database import new_id, organization_of
from hub.incidents.models import AlertEpisode, Incident
from hub.outbox import Handler
from hub.search.chunks import cut
from hub.search.embedding.loaded import embedder
from hub.search.embedding.model import Embedder
from hub.search.models import Document, DocumentChunk
from hub.search.text import identity

if TYPE_CHECKING:
    import numpy as np

_MOST_ALERTS = 20
_SOLVED = frozenset({"resolved", "closed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A document as it should be; `body` is text or Markdown, `names` are what it answers to exactly."""

    kind: str
    source_id: UUID
    title: str
    body: str
    service: str
    severity: str
    status: str
    tags: Sequence[str]
    names: Sequence[str]
    created_at: datetime


def handlers(model_dir: Path) -> Mapping[str, Handler]:
    """What the index lane does for each kind of job."""
    return {"incident": partial(index_incidents, model_dir)}


def index_incidents(model_dir: Path, session: Session, incident_ids: Sequence[UUID]) -> None:
    """Indexes incidents and their solutions; what is gone leaves the index."""
    found = session.scalars(
        select(Incident).where(Incident.organization_id == organization_of(session), Incident.id.in_(incident_ids))
    )
    alerts = _alerts_of(session, incident_ids)
    drafts = [draft for each in found for draft in _drafts(each, alerts.get(each.id, []))]
    wanted = {(draft.kind, draft.source_id) for draft in drafts}
    _forget(session, [(k, i) for k in ("incidents", "solutions") for i in incident_ids if (k, i) not in wanted])
    index(session, embedder(model_dir), drafts)


def index(session: Session, model: Embedder, drafts: Sequence[Draft]) -> None:
    """Writes the documents; where text and model are unchanged, only what surrounds the text."""
    stored = _stored(session, drafts)
    changed: list[tuple[UUID, Draft]] = []
    for draft in drafts:
        known = stored.get((draft.kind, draft.source_id))
        document_id = known.id if known else new_id()
        if known is None or (known.text_hash, known.model) != (_hash(_whole(draft)), model.model_id):
            changed.append((document_id, draft))
        _write_document(session, document_id, draft, model.model_id)
    _write_chunks(session, model, changed)


def _drafts(incident: Incident, alerts: Sequence[Alert]) -> list[Draft]:
    titles = list(dict.fromkeys(alert.title for alert in alerts))
    told = [incident.description, *(f"{alert.title}. {alert.description}" for alert in alerts)]
    answers_to = [name for alert in alerts if (name := alert.labels.get("alertname"))]
    draft = Draft(
        kind="incidents",
        source_id=incident.id,
        title=incident.title,
        body="\n".join(dict.fromkeys(told)),
        service=incident.service,
        severity=incident.severity,
        status=incident.status,
        tags=incident.tags,
        names=sorted({identity(name) for name in [*answers_to, *titles, incident.title]} - {""}),
        created_at=incident.created_at,
    )
    if not incident.resolution or incident.status not in _SOLVED:
        return [draft]
    solved = f"{incident.resolution['summary']}\n{incident.resolution.get('root_cause', '')}"
    return [draft, replace(draft, kind="solutions", body=solved)]


def _alerts_of(session: Session, incident_ids: Sequence[UUID]) -> Mapping[UUID | None, list[Alert]]:
    rows = session.execute(
        select(AlertEpisode.incident_id, Alert)
        .join(
            Alert,
            (Alert.organization_id == AlertEpisode.organization_id) & (Alert.id == AlertEpisode.alert_id),
        )
        .where(
            AlertEpisode.organization_id == organization_of(session),
            AlertEpisode.incident_id.in_(incident_ids),
        )
        .distinct()
        .order_by(AlertEpisode.incident_id, Alert.started_at, Alert.id)
    )
    found: dict[UUID | None, list[Alert]] = defaultdict(list)
    for incident_id, alert in rows:
        if len(found[incident_id]) < _MOST_ALERTS:
            found[incident_id].append(alert)
    return found


def _stored(session: Session, drafts: Sequence[Draft]) -> dict[tuple[str, UUID], Document]:
    found = session.scalars(
        select(Document).where(
            Document.organization_id == organization_of(session),
            Document.source_id.in_([draft.source_id for draft in drafts]),
        )
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


def _write_document(session: Session, document_id: UUID, draft: Draft, model_id: str) -> None:
    session.merge(
        Document(
            organization_id=organization_of(session),
            id=document_id,
            kind=draft.kind,
            source_id=draft.source_id,
            title=draft.title,
            service=draft.service,
            severity=draft.severity,
            status=draft.status,
            tags=list(draft.tags),
            names=list(draft.names),
            text_hash=_hash(_whole(draft)),
            model=model_id,
            created_at=draft.created_at,
        )
    )


def _write_chunks(session: Session, model: Embedder, changed: Sequence[tuple[UUID, Draft]]) -> None:
    if not changed:
        return
    session.flush()
    rows = [
        {"document_id": document_id, "ordinal": ordinal, "text": names.split(chunk.whole), "lexical": chunk.whole}
        for document_id, draft in changed
        for ordinal, chunk in enumerate(cut(draft.title, draft.body))
    ]
    vectors = _vectors(session, model, [row["text"] for row in rows])
    document_ids = [document_id for document_id, _ in changed]
    session.execute(
        delete(DocumentChunk).where(
            DocumentChunk.organization_id == organization_of(session), DocumentChunk.document_id.in_(document_ids)
        )
    )
    session.execute(
        text(
            "INSERT INTO chunks (organization_id, document_id, ordinal, text, lexemes, text_hash, model, embedding)"
            " VALUES (:organization_id, :document_id, :ordinal, :text, to_tsvector('english', :lexical),"
            " :text_hash, :model, CAST(:embedding AS halfvec))"
        ),
        [
            {
                **row,
                "organization_id": organization_of(session),
                "lexical": names.with_parts(str(row["lexical"])),
                "text_hash": _hash(str(row["text"])),
                "model": model.model_id,
                "embedding": vectors[str(row["text"])],
            }
            for row in rows
        ],
    )


def _vectors(session: Session, model: Embedder, texts: Sequence[object]) -> dict[str, str]:
    """Each text's vector as Postgres writes it: the stored one where the text is known, else a new one."""
    by_hash = {_hash(str(each)): str(each) for each in texts}
    known = session.execute(
        text(
            "SELECT DISTINCT ON (text_hash) text_hash, embedding::text AS vector FROM chunks"
            " WHERE organization_id = :organization_id AND model = :model AND text_hash = ANY(:hashes)"
        ),
        {"organization_id": organization_of(session), "model": model.model_id, "hashes": list(by_hash)},
    )
    vectors = {by_hash[bytes(row.text_hash)]: str(row.vector) for row in known}
    fresh = [each for each in by_hash.values() if each not in vectors]
    if fresh:
        vectors |= {each: as_halfvec(row) for each, row in zip(fresh, model.embed(fresh), strict=True)}
    return vectors


def as_halfvec(vector: "np.ndarray[tuple[int], np.dtype[np.float32]]") -> str:
    """The vector as pgvector reads it."""
    return f"[{','.join(format(number, '.5g') for number in vector.tolist())}]"


def _whole(draft: Draft) -> str:
    return f"{draft.title}\n{draft.body}"


def _hash(whole: str) -> bytes:
    return hashlib.sha256(whole.encode()).digest()
