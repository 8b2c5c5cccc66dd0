"""Use cases of alerts: record what deliveries said, find."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_
from sqlalchemy.orm import Session

from hub.alerts import ledger, rules
from hub.alerts.intake import Occurrence
from hub.alerts.ledger import AlertKey
from hub.alerts.models import Alert
from hub.alerts.rules import AlertState, Change
from hub.contracts.errors import NotFound
from hub.contracts.event import Severity, State
from hub.database import new_id, organization_of
from hub.listing import Listing, Page, among, containing, created, ranked


def _labelled(labels: Sequence[Mapping[str, str]]) -> ColumnElement[bool]:
    return or_(*(Alert.labels.contains(label) for label in labels))


LISTING = Listing(
    Alert,
    sorts={
        "created_at": Alert.created_at,
        "started_at": Alert.started_at,
        "last_seen_at": Alert.last_seen_at,
        "title": Alert.title,
        "status": Alert.status,
        "severity": ranked(Alert.severity, [*Severity]),
        "occurrence_count": Alert.occurrence_count,
    },
    filters={
        "status": among(Alert.status),
        "severity": among(Alert.severity),
        "service": among(Alert.service),
        "platform": among(Alert.platform),
        "integration_id": among(Alert.integration_id),
        "label": _labelled,
        "q": containing(Alert.title, Alert.description, Alert.service, Alert.resource),
        **created(Alert),
    },
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a batch of events did: the alerts it changed, and the deliveries that said anything new."""

    changes: Sequence[Change]
    news_of: frozenset[UUID]


def record(session: Session, occurrences: Sequence[Occurrence]) -> Recorded:
    """Folds the events into their alerts, in a few statements however many they are.

    The caller holds the organization's turn, so nobody else writes these alerts meanwhile. A known event only moves
    `last_seen_at`.
    """
    fresh, repeated = _apart(session, occurrences)
    by_alert: dict[AlertKey, list[Occurrence]] = defaultdict(list)
    for each in fresh:
        by_alert[each.integration_id, each.dedup_key].append(each)
    known = ledger.known_alerts(session, by_alert)
    alert_ids = {key: known[key].id if key in known else new_id() for key in by_alert}
    late = [key for key, alert in known.items() if any(rules.is_late(e, ledger.state_of(alert)) for e in by_alert[key])]
    histories = ledger.histories(session, [known[key].id for key in late])
    marks = ledger.marks(session, [known[key].id for key in late])
    changes = []
    for key, events in by_alert.items():
        before = known.get(key)
        if key in histories:
            state = rules.fold([*histories[key], *events], marks=marks.get(alert_ids[key], ()))
        else:
            state = rules.fold(events, ledger.state_of(before) if before else None)
        changes.append(_change(alert_ids[key], key, state, before))
    ledger.write(session, changes, by_alert)
    ledger.touch(session, repeated)
    return Recorded(changes, frozenset(each.delivery_id for each in fresh))


def get(session: Session, alert_id: UUID) -> Alert:
    """Raises NotFound."""
    found = session.get(Alert, (organization_of(session), alert_id))
    if found is None:
        raise NotFound
    return found


def find(session: Session, query: Mapping[str, Any]) -> Page:
    """One page of alerts."""
    return LISTING.page(session, query)


def _apart(session: Session, occurrences: Sequence[Occurrence]) -> tuple[list[Occurrence], list[Occurrence]]:
    """Events never seen before, and repeats; within the batch the first of a key counts."""
    known = ledger.known_event_keys(session, occurrences)
    fresh: list[Occurrence] = []
    repeated: list[Occurrence] = []
    for each in occurrences:
        key = (each.integration_id, each.event_key)
        (repeated if key in known else fresh).append(each)
        known.add(key)
    return fresh, repeated


def _change(alert_id: UUID, key: AlertKey, state: AlertState, before: Alert | None) -> Change:
    known_episodes = before.episode_count if before else 0
    return Change(
        alert_id=alert_id,
        integration_id=key[0],
        state=replace(state, last_seen_at=max(state.last_seen_at, before.last_seen_at)) if before else state,
        was=State(before.status) if before else None,
        new_episodes=tuple(episode for episode in state.episodes if episode.number > known_episodes),
        incident_id=before.incident_id if before else None,
    )
