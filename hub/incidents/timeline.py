"""The timeline: everything that happened to an incident, oldest first."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.database import database_moment, new_id, organization_of
from hub.incidents import people
from hub.incidents.models import TimelineEntry
from hub.listing import Listing, Page

LISTING = Listing(TimelineEntry, sorts={"at": TimelineEntry.at}, default_sort="at")

_HEX = re.compile("[0-9a-f]{32}")


def note(session: Session, incident_id: UUID, kind: str, actor: str, /, **data: Any) -> None:
    """Writes down what `actor` (a person's public id, or "hub") did; ids in `data` are texts of stored UUIDs."""
    session.add(
        TimelineEntry(
            organization_id=organization_of(session),
            id=new_id(),
            incident_id=incident_id,
            kind=kind,
            actor=actor,
            data=data,
            at=database_moment(),
        )
    )


@dataclass(frozen=True, slots=True)
class Told:
    """An entry with the name of who did it; the hub's own is "hub"."""

    kind: str
    actor: str
    actor_name: str
    data: Mapping[str, Any]
    at: datetime


def moment(session: Session) -> datetime:
    """When something happens that waited for its incident's lock: never before what the timeline tells already."""
    found: datetime = session.execute(select(database_moment())).scalar_one()
    return found


def of(session: Session, incident_id: UUID, query: Mapping[str, Any]) -> Page:
    """One page of the incident's timeline."""
    page = LISTING.page(session, query, TimelineEntry.incident_id == incident_id)
    known = names(session, page.items)
    return replace(page, items=[Told(e.kind, e.actor, known.get(e.actor, e.actor), e.data, e.at) for e in page.items])


def ends(session: Session, incident_id: UUID, most: int) -> tuple[list[TimelineEntry], list[TimelineEntry]]:
    """The first `most` entries, and of those that follow the last `most`; both oldest first."""
    mine = select(TimelineEntry).where(
        TimelineEntry.organization_id == organization_of(session), TimelineEntry.incident_id == incident_id
    )
    first = session.scalars(mine.order_by(TimelineEntry.at, TimelineEntry.id).limit(most)).all()
    last = session.scalars(mine.order_by(TimelineEntry.at.desc(), TimelineEntry.id.desc()).limit(most)).all()
    known = {entry.id for entry in first}
    return list(first), [entry for entry in reversed(last) if entry.id not in known]


def names(session: Session, entries: Collection[TimelineEntry]) -> dict[str, str]:
    """The names of the people in the entries, by the texts that stand for them: actors, assignees, who was told."""
    said = {entry.actor for entry in entries} | {str(entry.data.get("assignee_id")) for entry in entries}
    said |= {str(user_id) for entry in entries for user_id in entry.data.get("user_ids", ())}
    ids = {text: UUID(digits) for text in said if _HEX.fullmatch(digits := text.removeprefix("user_").replace("-", ""))}
    known = people.of(session, set(ids.values()))
    return {text: known[user_id].name for text, user_id in ids.items() if user_id in known}
