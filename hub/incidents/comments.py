"""Use cases of comments: write, read."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from hub.accounts.models import User
from hub.database import new_id, now, organization_of
from hub.incidents import mentions, people, service, timeline
from hub.incidents.models import Comment
from hub.listing import Listing, Page

LISTING = Listing(Comment, sorts={"created_at": Comment.created_at}, default_sort="created_at")

_LONGEST_EXCERPT = 200


@dataclass(frozen=True, slots=True)
class Written:
    """A comment with the people in it."""

    id: UUID
    incident_id: UUID
    author: User | None
    body: str
    mentions: list[User]
    created_at: datetime


def write(session: Session, incident_id: UUID, author_id: UUID, actor: str, body: str) -> Written:
    """Raises NotFound. Whom the text mentions is decided now: a later change of name does not change it."""
    incident = service.get(session, incident_id)
    comment = Comment(
        organization_id=organization_of(session),
        id=new_id(),
        incident_id=incident.id,
        author_id=author_id,
        body=body,
        mentions=mentions.mentioned(body, people.mentionable(session) if "@" in body else ()),
        created_at=now(session),
    )
    session.add(comment)
    excerpt = body[:_LONGEST_EXCERPT] + ("…" if len(body) > _LONGEST_EXCERPT else "")
    mentioned = [str(user_id) for user_id in comment.mentions]
    timeline.note(session, incident_id, "comment", actor, comment_id=str(comment.id), body=excerpt, user_ids=mentioned)
    session.flush()
    return _with_people(session, [comment])[0]


def of(session: Session, incident_id: UUID, query: Mapping[str, Any]) -> Page:
    """One page of an incident's comments, oldest first. Raises NotFound."""
    service.get(session, incident_id)
    page = LISTING.page(session, query, Comment.incident_id == incident_id)
    return replace(page, items=_with_people(session, page.items))


def _with_people(session: Session, comments: Any) -> list[Written]:
    known = people.of(
        session, {user_id for each in comments for user_id in (each.author_id, *each.mentions) if user_id}
    )
    return [
        Written(
            id=each.id,
            incident_id=each.incident_id,
            author=known.get(each.author_id),
            body=each.body,
            mentions=[known[user_id] for user_id in each.mentions if user_id in known],
            created_at=each.created_at,
        )
        for each in comments
    ]
