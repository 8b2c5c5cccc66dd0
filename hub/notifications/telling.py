"""Who hears of what: the jobs that changes leave become notifications, each once."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session

from hub import outbox
from hub.accounts.models import User
from hub.database import new_id, now, organization_of
from hub.incidents import timeline
from hub.incidents.models import Comment, Incident, TimelineEntry
from hub.incidents.rules import OPEN
from hub.notifications import rules
from hub.notifications.models import Notification, NotificationPreferences
from hub.notifications.rules import Notice

MAIL = "mail"

_HUB = "hub"


def critical(session: Session, incident_ids: Sequence[UUID]) -> None:
    """Everybody who works on incidents hears of one that has become critical, once."""
    incidents = [each for each in _incidents(session, incident_ids) if each.severity == "critical" and _is_open(each)]
    if incidents:
        responders = _responders(session)
        _tell(session, [Notice(each.id, "critical", "critical", responders, _facts(each)) for each in incidents])


def assigned(session: Session, incident_ids: Sequence[UUID]) -> None:
    """The assignee hears of it, unless they have assigned it to themselves."""
    incidents = [each for each in _incidents(session, incident_ids) if each.assignee_id]
    entries = _assignments(session, [each.id for each in incidents])
    _tell(session, [notice for each in incidents if (notice := _assignment(each, entries.get(each.id)))])


def mentioned(session: Session, comment_ids: Sequence[UUID]) -> None:
    """Whom a comment mentions hears of it, except its author."""
    found = session.execute(
        select(Comment, Incident)
        .join(Incident, (Incident.organization_id == Comment.organization_id) & (Incident.id == Comment.incident_id))
        .where(Comment.organization_id == organization_of(session), Comment.id.in_(comment_ids))
    )
    notices = []
    for comment, incident in found:
        user_ids = tuple(user_id for user_id in comment.mentions if user_id != comment.author_id)
        data = _facts(incident) | {"said": comment.body[:2_000]}
        notices.append(Notice(incident.id, "mentioned", f"mentioned:{comment.id}", user_ids, data))
    _tell(session, notices)


def _tell(session: Session, notices: Sequence[Notice]) -> None:
    """Writes the notifications that are not written yet, leaves jobs for the mails, and notes it in the timeline."""
    wanted = _channels(session, {user_id for notice in notices for user_id in notice.user_ids})
    at = now(session)
    rows = [
        {
            "organization_id": organization_of(session),
            "id": new_id(),
            "incident_id": notice.incident_id,
            "transition": notice.transition,
            "kind": notice.kind,
            "channel": channel,
            "user_id": user_id,
            "data": dict(notice.data),
            "sent_at": None if channel == MAIL else at,
        }
        for notice in notices
        for user_id in notice.user_ids
        if user_id in wanted
        for channel in rules.channels_of(wanted[user_id], notice.kind)
    ]
    if not rows:
        return
    told = session.scalars(insert(Notification).on_conflict_do_nothing().returning(Notification), rows).all()
    outbox.enqueue(session, "notify", MAIL, [each.id for each in told if each.channel == MAIL])
    for notice in notices:
        _note(session, notice, [each for each in told if each.transition == notice.transition])


def _note(session: Session, notice: Notice, told: Iterable[Notification]) -> None:
    mine = [each for each in told if each.incident_id == notice.incident_id]
    if mine:
        data = {
            "kind": notice.kind,
            "channels": sorted({each.channel for each in mine}),
            "user_ids": sorted({str(each.user_id) for each in mine}),
        }
        timeline.note(session, notice.incident_id, "notified", _HUB, **data)


def _channels(session: Session, user_ids: Collection[UUID]) -> dict[UUID, Mapping[str, Sequence[str]]]:
    """The preferences of those of the users who are active."""
    if not user_ids:
        return {}
    rows = session.execute(
        select(User.id, NotificationPreferences.channels)
        .outerjoin(
            NotificationPreferences,
            (NotificationPreferences.organization_id == User.organization_id)
            & (NotificationPreferences.user_id == User.id),
        )
        .where(User.organization_id == organization_of(session), User.id.in_(user_ids), User.status == "active")
    )
    return {user_id: stored or {} for user_id, stored in rows}


def _responders(session: Session) -> tuple[UUID, ...]:
    active = select(User.id).where(
        User.organization_id == organization_of(session), User.status == "active", User.role.in_(rules.RESPONDERS)
    )
    return tuple(session.scalars(active.order_by(User.id)))


def _incidents(session: Session, incident_ids: Sequence[UUID]) -> Sequence[Incident]:
    mine = (Incident.organization_id == organization_of(session)) & Incident.id.in_(incident_ids)
    return session.scalars(select(Incident).where(mine).order_by(Incident.id)).all()


def _is_open(incident: Incident) -> bool:
    return incident.status in OPEN and incident.merged_into is None


def _facts(incident: Incident) -> dict[str, str]:
    return {"title": incident.title, "severity": incident.severity, "service": incident.service}


def _assignments(session: Session, incident_ids: Sequence[UUID]) -> dict[UUID, TimelineEntry]:
    """The last word of the timeline on who has the incident: an assignment, or its opening."""
    found = session.scalars(
        select(TimelineEntry)
        .where(
            TimelineEntry.organization_id == organization_of(session),
            TimelineEntry.incident_id.in_(incident_ids),
            TimelineEntry.kind.in_(("assigned", "opened")),
        )
        .ext(distinct_on(TimelineEntry.incident_id))
        .order_by(TimelineEntry.incident_id, TimelineEntry.at.desc(), TimelineEntry.id.desc())
    )
    return {entry.incident_id: entry for entry in found}


def _assignment(incident: Incident, entry: TimelineEntry | None) -> Notice | None:
    user_id = incident.assignee_id
    if user_id is None or (entry and entry.actor == f"user_{user_id.hex}"):
        return None
    transition = f"assigned:{entry.id if entry else user_id}"
    return Notice(incident.id, "assigned", transition, (user_id,), _facts(incident))
