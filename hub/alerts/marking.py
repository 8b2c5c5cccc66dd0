"""Use case of marks: a person says that an alert is in hand, no longer in hand, or over."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from hub.alerts import ledger, models, rules
from hub.alerts.change import Change
from hub.alerts.models import Alert
from hub.alerts.rules import Mark
from hub.contracts.errors import Conflict, NotFound
from hub.contracts.event import State
from hub.database import new_id, now, organization_of

_WAIT = text("SELECT pg_advisory_xact_lock(hashtextextended('turn:' || CAST(:organization_id AS text), 0))")


def wait_for_turn(session: Session) -> None:
    """Until the transaction ends no worker folds this organization's events or correlates its alerts."""
    session.execute(_WAIT, {"organization_id": organization_of(session)})


def mark(session: Session, alert_id: UUID, actor: str, state: State) -> Change:
    """Folds the person's word onto the alert, as an event of its own; the caller lets incidents follow the change.

    Raises NotFound, or Conflict naming what can be said of the alert as it is.
    """
    wait_for_turn(session)
    found = ledger.known_alerts(session, (), [alert_id])
    if not found:
        raise NotFound
    (((integration_id, dedup_key), known),) = found.items()
    before = known.state
    if state not in rules.MARKS[before.status]:
        raise Conflict(_refusal(before.status))
    # what the person has seen came before, even if its platform's clock is ahead of ours
    word = Mark(new_id(), state, max(now(session), before.last_occurred_at))
    session.add(
        models.Mark(
            organization_id=organization_of(session),
            id=word.mark_id,
            alert_id=alert_id,
            state=state,
            actor=actor,
            at=word.at,
        )
    )
    after = rules.fold((), before, [word])
    written = ("status", "resolved_at", "acknowledged_at", "last_occurred_at")
    session.execute(
        update(Alert)
        .where(Alert.organization_id == organization_of(session), Alert.id == alert_id)
        .values({name: getattr(after, name) for name in written})
    )
    heard = replace(after, last_seen_at=word.at)
    return Change(alert_id, integration_id, known.platform, dedup_key, heard, before, known.incident_id)


def _refusal(status: State) -> str:
    allowed = sorted(rules.MARKS[status])
    if not allowed:
        return "It is resolved; that it fires again is for its platform to say."
    return f"An alert that is {status} can only become {' or '.join(allowed)}."
