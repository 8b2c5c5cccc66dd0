"""A new model: what another has embedded is embedded again in the background, and is found by the other meanwhile."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from hub import outbox
from hub.database import Database, organization_of
from hub.outbox import Handler
from hub.search import indexing
from hub.search.embedding.loaded import Embedders
from hub.search.models import Document, Vocabulary

_AT_ONCE = 8  # documents per transaction, so that new ones wait for a moment only

_JOBS = {"incidents": "incident", "solutions": "incident", "procedures": "procedure"}


def handlers(models: Embedders) -> Mapping[str, Handler]:
    """What the index lane does until nothing of another model is left."""
    return {"reembed": partial(_embed_some, models)}


def notice(database: Database, model_id: str) -> None:
    """Leaves a job in each organization that has vectors of another model; called once when a worker begins."""
    with database.transaction() as session:
        organization_ids = list(session.scalars(text("SELECT organization_ids()")))
    for organization_id in organization_ids:
        with database.transaction(organization_id) as session:
            if set(_stored(session)) - {model_id}:
                outbox.enqueue(session, "index", "reembed", [organization_id])


def _stored(session: Session) -> Sequence[str]:
    found = select(Vocabulary.models).where(Vocabulary.organization_id == organization_of(session))
    return session.scalar(found) or []


def _embed_some(models: Embedders, session: Session, organization_ids: Sequence[UUID]) -> None:
    mine: Any = Document.organization_id == organization_of(session)
    old = select(Document.kind, Document.source_id).where(mine, Document.model != models.current_id)
    found = session.execute(old.order_by(Document.id.desc()).limit(_AT_ONCE)).all()  # the newest are asked for most
    if not found:
        only = update(Vocabulary).where(Vocabulary.organization_id == organization_of(session))
        session.execute(only.values(models=[models.current_id]))
        return
    for job in sorted({_JOBS[kind] for kind, _ in found}):
        source_ids = sorted({source_id for kind, source_id in found if _JOBS[kind] == job})
        indexing.bring_up_to_date(models.current, job, session, source_ids)
    outbox.enqueue(session, "index", "reembed", list(organization_ids))
