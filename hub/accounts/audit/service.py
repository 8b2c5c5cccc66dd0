"""Use cases of the audit log: note what is done or refused, find.

The session carries who acts, so every use case can note with its session alone:

    audit.note(session, "incidents:merge", incident.id, into_incident_id=str(other.id))

A request that changes something and whose use case notes nothing is noted all the same, by what its route requires.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy import event, insert
from sqlalchemy.orm import Session

from hub.accounts.audit.models import AuditEntry
from hub.database import new_id, organization_of
from hub.listing import Listing, Page, among, created

DONE: Final = "done"
REFUSED: Final = "refused"

_ACTOR: Final = "audit.actor"
_DEED: Final = "audit.deed"

LISTING = Listing(
    AuditEntry,
    sorts={"created_at": AuditEntry.created_at, "action": AuditEntry.action},
    filters={
        "action": among(AuditEntry.action),
        "result": among(AuditEntry.result),
        "user_id": among(AuditEntry.user_id),
        **created(AuditEntry),
    },
)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and from where. Kinds: user, api_key, system (a worker), anonymous (before anybody has logged in)."""

    kind: str = "system"
    user_id: UUID | None = None
    api_key_id: UUID | None = None
    address: str = ""
    user_agent: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class _Deed:
    """What the request is about to do, for the case that nobody notes it in better words."""

    action: str
    subject_id: UUID | None


def introduce(session: Session, actor: Actor) -> None:
    """From here on the session's deeds are this actor's."""
    session.info[_ACTOR] = actor


def actor_of(session: Session) -> Actor:
    """Who acts in this session; a worker when nobody was introduced."""
    actor: Actor = session.info.get(_ACTOR) or Actor()
    return actor


def become(session: Session, user_id: UUID) -> None:
    """The anonymous caller has proved to be this user."""
    introduce(session, replace(actor_of(session), kind="user", user_id=user_id))


def note(session: Session, action: str, subject_id: UUID | None = None, *, result: str = DONE, **detail: Any) -> None:
    """Adds an entry in the caller's transaction: no effect without its entry, no entry without its effect.

    `detail` must be JSON and hold no secret; an id in it is a UUID's text behind a key that ends like `incident_id`.
    """
    session.info.pop(_DEED, None)
    actor = actor_of(session)
    session.execute(
        insert(AuditEntry).values(
            organization_id=organization_of(session),
            id=new_id(),
            actor_kind=actor.kind,
            user_id=actor.user_id,
            api_key_id=actor.api_key_id,
            action=action,
            subject_id=subject_id,
            result=result,
            address=actor.address,
            user_agent=actor.user_agent,
            request_id=actor.request_id,
            detail=detail,
        )
    )


def announce(session: Session, action: str, subject_id: UUID | None) -> None:
    """The session is about to change something; noted at its commit unless the use case notes it itself."""
    session.info[_DEED] = _Deed(action, subject_id)


def find(session: Session, query: Mapping[str, Any]) -> Page:
    """One page of the organization's audit log."""
    return LISTING.page(session, query)


@event.listens_for(Session, "before_commit")
def _note_what_was_announced(session: Session) -> None:
    deed: _Deed | None = session.info.get(_DEED)
    if deed is not None:
        note(session, deed.action, deed.subject_id)
