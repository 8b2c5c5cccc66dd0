"""Use cases of the stream: what is new for a listener, and what may be forgotten."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.database import organization_of
from hub.stream.rules import Cursor

MOST_AT_ONCE = 500
KEPT_HOURS = 24
_MOST_FORGOTTEN_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Listener:
    """Who listens, and by which credential."""

    user_id: UUID
    session_id: UUID | None = None
    api_key_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class News:
    """What a listener has not been told. After `is_reset` changes are missing: everything is to be read anew."""

    changes: Sequence[Any]
    cursor: Cursor
    is_reset: bool = False

    @property
    def is_full(self) -> bool:
        """Whether there may be more at once."""
        return len(self.changes) == MOST_AT_ONCE


_HORIZON = text(
    "SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint) AS xmin,"
    " (SELECT CAST(CAST(f.up_to AS text) AS bigint) FROM changes_forgotten f"
    "   WHERE f.organization_id = :organization_id) AS forgotten"
)
_NEWS = text(
    "SELECT CAST(CAST(c.xid AS text) AS bigint) AS xid, c.subject_id AS id, c.kind, c.change, c.at,"
    " coalesce(i.title, a.title, n.data ->> 'title') AS title, coalesce(i.status, a.status) AS status,"
    " coalesce(i.severity, a.severity) AS severity, coalesce(i.service, a.service) AS service,"
    " coalesce(a.incident_id, n.incident_id) AS incident_id, i.assignee_id, i.alert_count, a.occurrence_count,"
    " n.kind AS notification_kind, coalesce(i.id, a.id, n.id) IS NULL AS is_gone"
    " FROM changes c"
    " LEFT JOIN incidents i ON c.kind = 'incident' AND i.organization_id = c.organization_id AND i.id = c.subject_id"
    " LEFT JOIN alerts a ON c.kind = 'alert' AND a.organization_id = c.organization_id AND a.id = c.subject_id"
    " LEFT JOIN notifications n"
    "   ON c.kind = 'notification' AND n.organization_id = c.organization_id AND n.id = c.subject_id"
    " WHERE c.organization_id = :organization_id AND (c.user_id IS NULL OR c.user_id = :user_id)"
    " AND (c.xid, c.subject_id) > (CAST(:xid AS xid8), :subject) AND c.xid < CAST(:horizon AS xid8)"
    " ORDER BY c.xid, c.subject_id LIMIT :most"
)
_IS_GOOD = text(
    "SELECT EXISTS (SELECT FROM users WHERE organization_id = :organization_id AND id = :user_id AND status = 'active')"
    " AND NOT EXISTS (SELECT FROM sessions WHERE organization_id = :organization_id AND id = :session_id"
    "   AND (revoked_at IS NOT NULL OR expires_at <= overwatch_now()))"
    " AND NOT EXISTS (SELECT FROM api_keys WHERE organization_id = :organization_id AND id = :api_key_id"
    "   AND (revoked_at IS NOT NULL OR expires_at <= overwatch_now()))"
)
_FORGET = text(
    "WITH old AS (SELECT xid, subject_id FROM changes WHERE organization_id = :organization_id"
    "   AND at < overwatch_now() - make_interval(hours => :hours) ORDER BY at LIMIT :most),"
    " gone AS (DELETE FROM changes c USING old WHERE c.organization_id = :organization_id"
    "   AND c.xid = old.xid AND c.subject_id = old.subject_id RETURNING c.xid),"
    " last AS (SELECT xid FROM gone ORDER BY xid DESC LIMIT 1)"
    " INSERT INTO changes_forgotten AS f (organization_id, up_to) SELECT :organization_id, xid FROM last"
    " ON CONFLICT (organization_id) DO UPDATE SET up_to = greatest(f.up_to, excluded.up_to)"
    " RETURNING (SELECT count(*) FROM gone) = :most"
)


def news(session: Session, listener: Listener, cursor: Cursor | None) -> News:
    """What has changed since the cursor; without one, nothing yet.

    Only transactions below the horizon are told, because those above it may still be joined by one that began before.
    A cursor from beyond the horizon or from before what is kept is no place in this database: a reset.
    """
    told = {"organization_id": organization_of(session), "user_id": listener.user_id}
    row = session.execute(_HORIZON, told).one()
    horizon = Cursor(row.xmin)
    if cursor is None:
        return News((), horizon)
    if cursor.xid > horizon.xid or cursor.xid <= (row.forgotten or 0):
        return News((), horizon, is_reset=True)
    place = {"xid": str(cursor.xid), "subject": cursor.subject, "horizon": str(horizon.xid), "most": MOST_AT_ONCE}
    changes = session.execute(_NEWS, told | place).all()
    is_full = len(changes) == MOST_AT_ONCE
    return News(changes, Cursor(changes[-1].xid, changes[-1].id) if is_full else horizon)


def is_good(session: Session, listener: Listener) -> bool:
    """Whether the listener's account and credential still stand: a stream outlives the request's own check."""
    who = {
        "organization_id": organization_of(session),
        "user_id": listener.user_id,
        "session_id": listener.session_id,
        "api_key_id": listener.api_key_id,
    }
    return bool(session.execute(_IS_GOOD, who).scalar_one())


def forget_old(session: Session) -> bool:
    """Forgets changes older than a day; whether there is more to forget. For the chores, one organization at a time."""
    told = {"organization_id": organization_of(session), "hours": KEPT_HOURS, "most": _MOST_FORGOTTEN_AT_ONCE}
    return bool(session.execute(_FORGET, told).scalar())
