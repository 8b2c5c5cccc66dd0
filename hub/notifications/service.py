"""Use cases of notifications: read the inbox, mark as read, preferences, send the mails."""

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from hub import outbox
from hub.accounts.mail.transport import Mailer
from hub.accounts.models import User
from hub.contracts.errors import NotFound, Unavailable
from hub.database import database_now, now, organization_of
from hub.listing import Listing, Page, among, created
from hub.notifications import rules, telling
from hub.notifications.models import Notification, NotificationPreferences
from hub.outbox import Handler

log = logging.getLogger(__name__)

KEEP_TRYING_HOURS = 24
_PATIENCE_SECONDS = 30
_MOST_RETRIED = 200
_MOMENT_SECONDS = 0.5
_IS_EARLY = (Notification.kind != "mentioned") & func.awaits_suggestions(
    Notification.organization_id, Notification.incident_id, Notification.created_at
)

LISTING = Listing(
    Notification,
    sorts={"created_at": Notification.created_at},
    filters={
        "kind": among(Notification.kind),
        "unread": lambda wanted: Notification.read_at.is_(None) if wanted else Notification.read_at.is_not(None),
        **created(Notification),
    },
)


def handlers(mailer: Mailer, api_address: str) -> Mapping[str, Handler]:
    """What the notify lane does for each kind of job."""
    return {
        "critical": telling.critical,
        "assigned": telling.assigned,
        "mentioned": telling.mentioned,
        telling.MAIL: partial(send, mailer, api_address),
    }


def inbox(session: Session, user_id: UUID, query: Mapping[str, Any]) -> Page:
    """One page of what this person was told."""
    return LISTING.page(session, query, Notification.channel == "inbox", Notification.user_id == user_id)


def mark(session: Session, user_id: UUID, notification_id: UUID, *, read: bool) -> Notification:
    """Raises NotFound, also for somebody else's."""
    found = session.get(Notification, (organization_of(session), notification_id))
    if found is None or found.user_id != user_id or found.channel != "inbox":
        raise NotFound
    found.read_at = (found.read_at or now(session)) if read else None
    session.flush()
    return found


def mark_all_read(session: Session, user_id: UUID) -> int:
    """How many were unread."""
    unread = (Notification.channel == "inbox") & (Notification.user_id == user_id) & Notification.read_at.is_(None)
    marked = session.execute(
        update(Notification)
        .where(Notification.organization_id == organization_of(session), unread)
        .values(read_at=database_now())
        .returning(Notification.id)
    )
    return len(marked.all())


def preferences(session: Session, user_id: UUID) -> dict[str, list[str]]:
    """Where this person hears of which kind."""
    found = session.get(NotificationPreferences, (organization_of(session), user_id))
    return rules.preferences_of(found.channels if found else {})


def prefer(session: Session, user_id: UUID, wanted: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Changes the given kinds."""
    key = {"organization_id": organization_of(session), "user_id": user_id}
    statement = insert(NotificationPreferences).values(**key, channels=dict(wanted))
    merged = NotificationPreferences.channels.op("||")(statement.excluded.channels)
    changed = {"channels": merged, "updated_at": database_now()}
    session.execute(statement.on_conflict_do_update(index_elements=list(key), set_=changed))
    session.expire_all()
    return preferences(session, user_id)


def send(mailer: Mailer, api_address: str, session: Session, notification_ids: Sequence[UUID]) -> None:
    """Sends the mails that are not sent yet. One that the server does not take stays, and `retry_mails` comes back.

    In no fixed order, so that no letter that is refused for good keeps the others behind it. A new incident's letter
    waits a moment for what will be suggested.
    """
    early = session.scalars(
        select(Notification.id).where(
            Notification.organization_id == organization_of(session), Notification.id.in_(notification_ids), _IS_EARLY
        )
    ).all()
    outbox.enqueue(session, "notify", telling.MAIL, early, after_seconds=_MOMENT_SECONDS)
    found = session.execute(
        select(Notification, User)
        .join(User, (User.organization_id == Notification.organization_id) & (User.id == Notification.user_id))
        .where(
            Notification.organization_id == organization_of(session),
            Notification.id.in_(notification_ids),
            Notification.sent_at.is_(None),
            Notification.id.not_in(early),
            User.status == "active",
        )
        .order_by(func.random())
        .with_for_update(of=Notification, skip_locked=True)
    )
    for notification, user in found.all():
        try:
            mailer.send(user.email, *_letter(notification, api_address))
        except (Unavailable, ValueError) as error:  # ValueError: the address cannot stand in a header
            log.warning("a notification was not mailed: %s", error)
            return
        notification.sent_at = now(session)


def retry_mails(session: Session) -> bool:
    """Leaves jobs for the mails of the last day that were not taken. False: time alone brings more."""
    age = database_now() - Notification.created_at
    unsent = session.scalars(
        select(Notification.id)
        .where(
            Notification.organization_id == organization_of(session),
            Notification.channel == telling.MAIL,
            Notification.sent_at.is_(None),
            age > func.make_interval(0, 0, 0, 0, 0, 0, _PATIENCE_SECONDS),
            age < func.make_interval(0, 0, 0, 0, KEEP_TRYING_HOURS),
        )
        .limit(_MOST_RETRIED)
    ).all()
    if unsent:
        outbox.enqueue(session, "notify", telling.MAIL, unsent)
    return False


def _letter(notification: Notification, api_address: str) -> tuple[str, str]:
    data = notification.data
    return rules.letter(
        notification.kind,
        title=data["title"],
        severity=data["severity"],
        service=data["service"],
        said=data.get("said", ""),
        address=f"{api_address}/incidents/inc_{notification.incident_id.hex}",
        suggestions=notification.suggestions,
    )
