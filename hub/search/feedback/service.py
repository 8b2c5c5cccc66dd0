"""Use case of feedback: say what a result was worth."""

from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from hub.accounts.audit import service as audit
from hub.contracts.errors import Invalid
from hub.database import new_id, organization_of
from hub.search.embedding.model import Embedder
from hub.search.models import Document
from hub.search.service import key_of
from hub.search.text import understand
from hub.search.vectors import as_halfvec

VERDICTS = ("helped", "wrong", "used")

_SAY = text(
    "INSERT INTO verdicts (organization_id, id, user_id, kind, source_id, query_key, verdict, model, embedding)"
    " VALUES (:organization_id, :id, :user_id, :kind, :source_id, :query_key, :verdict, :model,"
    "   CAST(:embedding AS halfvec))"
    " ON CONFLICT (organization_id, kind, source_id, query_key, user_id)"
    " DO UPDATE SET verdict = excluded.verdict, model = excluded.model, embedding = excluded.embedding"
)


def say(
    session: Session, model: Embedder, user_id: UUID, *, query: str, kind: str, source_id: UUID, verdict: str
) -> None:
    """A person's word on a result replaces their last one. Raises Invalid for what search does not know."""
    mine = (Document.organization_id == organization_of(session)) & (Document.source_id == source_id)
    if session.scalar(select(Document.id).where(mine, Document.kind == kind)) is None:
        raise Invalid({"result_id": ["No search has such a result."]})
    session.execute(
        _SAY,
        {
            "organization_id": organization_of(session),
            "id": new_id(),
            "user_id": user_id,
            "kind": kind,
            "source_id": source_id,
            "query_key": key_of(query),
            "verdict": verdict,
            "model": model.model_id,
            "embedding": as_halfvec(model.embed([understand(query).semantic])[0]),
        },
    )
    audit.note(session, "search:feedback", source_id, verdict=verdict)
