"""Use cases of silences: create, find, change, delete, and which of them hide an alert now."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from hub.alerts.matching import Facts, Matcher, facts_of
from hub.alerts.models import Alert
from hub.alerts.silencing import rules
from hub.alerts.silencing.models import SilenceRecord
from hub.alerts.silencing.rules import Silence
from hub.contracts.errors import Conflict, Invalid, NotFound
from hub.database import new_id, now, organization_of
from hub.listing import Listing, Page, among, containing, created

MOST_STANDING = 200  # every alert that is shown or correlated is held against each

LISTING = Listing(
    SilenceRecord,
    sorts={name: getattr(SilenceRecord, name) for name in ("created_at", "updated_at", "starts_at", "ends_at")},
    filters={
        "status": among(SilenceRecord.status),
        "q": containing(SilenceRecord.comment),
        **created(SilenceRecord),
    },
)

# every page of alerts asks for them
_STANDING = text(
    "SELECT id, matchers, starts_at, ends_at FROM silences WHERE organization_id = :organization_id"
    " AND starts_at <= coalesce(CAST(:at AS timestamptz), overwatch_now())"
    " AND ends_at > coalesce(CAST(:at AS timestamptz), overwatch_now())"
)

_CONTENT = ("title", "description", "service", "resource", "raw_severity", "labels")


def create(
    session: Session,
    created_by: UUID,
    *,
    matchers: list[dict[str, Any]],
    ends_at: datetime,
    starts_at: datetime | None = None,
    comment: str = "",
) -> SilenceRecord:
    """Without `starts_at` it begins now. Raises Invalid for what makes no sense, Conflict when too many stand."""
    record = SilenceRecord(
        organization_id=organization_of(session),
        id=new_id(),
        matchers=matchers,
        starts_at=starts_at or now(session),
        ends_at=ends_at,
        comment=comment,
        created_by=created_by,
    )
    _check(session, record)
    if len(standing(session)) >= MOST_STANDING:
        raise Conflict(f"{MOST_STANDING} silences are in force; end some, or join them into one by a pattern.")
    session.add(record)
    return _stored(session, record)


def get(session: Session, silence_id: UUID) -> SilenceRecord:
    """Raises NotFound."""
    found = session.get(SilenceRecord, (organization_of(session), silence_id))
    if found is None:
        raise NotFound
    return found


def find(session: Session, query: Mapping[str, Any]) -> Page:
    """One page of silences."""
    return LISTING.page(session, query)


def change(session: Session, silence_id: UUID, fields: Mapping[str, Any]) -> SilenceRecord:
    """Changes the given fields. Raises Invalid when the whole makes no sense any more."""
    record = get(session, silence_id)
    for name, value in fields.items():
        setattr(record, name, value)
    if fields.keys() & {"matchers", "starts_at", "ends_at"}:  # a comment may be added when all is over
        _check(session, record)
    return _stored(session, record)


def delete(session: Session, silence_id: UUID) -> None:
    """Its alerts return at once."""
    session.delete(get(session, silence_id))
    session.flush()


def standing(session: Session, at: datetime | None = None) -> tuple[Silence, ...]:
    """The silences in force at that time (without one: now), in one statement."""
    told = {"organization_id": organization_of(session), "at": at}
    return tuple(_silence(*row) for row in session.execute(_STANDING, told))


def since(session: Session, earliest: datetime) -> tuple[Silence, ...]:
    """The silences that end after `earliest`, also those to come, in one statement: for a batch and for a replay."""
    found = session.execute(
        select(SilenceRecord.id, SilenceRecord.matchers, SilenceRecord.starts_at, SilenceRecord.ends_at).where(
            SilenceRecord.organization_id == organization_of(session), SilenceRecord.ends_at > earliest
        )
    )
    return tuple(_silence(*row) for row in found)


def hidden_by(session: Session, alerts: Iterable[Alert]) -> dict[UUID, UUID]:
    """Which silence hides which of these alerts now (alert id → silence id), in one statement however many they are."""
    silences = standing(session)
    hiding = {alert.id: rules.hiding(_facts(alert), silences) for alert in alerts} if silences else {}
    return {alert_id: silence.silence_id for alert_id, silence in hiding.items() if silence is not None}


def _facts(alert: Alert) -> Facts:
    return facts_of(
        {name: getattr(alert, name) for name in _CONTENT},
        severity=alert.severity,
        platform=alert.platform,
        integration_id=alert.integration_id,
        dedup_key=alert.dedup_key,
    )


def _silence(silence_id: UUID, matchers: list[dict[str, Any]], starts_at: datetime, ends_at: datetime) -> Silence:
    return Silence(silence_id, tuple(map(_matcher, matchers)), starts_at, ends_at)


def _matcher(stored: Mapping[str, Any]) -> Matcher:
    return Matcher(stored["name"], (stored["value"],), stored["is_regex"], stored["is_equal"])


def _stored(session: Session, record: SilenceRecord) -> SilenceRecord:
    session.flush()
    session.refresh(record)  # whether it stands is the database's word
    return record


def _check(session: Session, record: SilenceRecord) -> None:
    problems = dict(rules.window_problems(record.starts_at, record.ends_at, now(session)))
    if rules.hides_everything(map(_matcher, record.matchers)):
        problems["matchers"] = ["These would hide every alert; name at least one value that an alert must have."]
    if problems:
        raise Invalid(problems)
