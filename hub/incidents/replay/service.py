"""Use cases of replay: replay, or try and say what would change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from hub.alerts import recording
from hub.alerts.change import Change
from hub.alerts.normalising import Translators, normalise
from hub.alerts.recording import Folded
from hub.alerts.rules import AlertState
from hub.database import organization_of
from hub.deliveries import replay
from hub.deliveries import service as deliveries
from hub.deliveries.breaking import Breakers
from hub.deliveries.replay import Choice
from hub.deliveries.turns import take_turn
from hub.incidents import correlation

MOST_TRIED = 1_000
_COMPARED = ("status", "severity", "occurrence_count", "episode_count", "started_at", "resolved_at")


@dataclass(frozen=True, slots=True)
class Report:
    """What a replay does, or would do.

    `deliveries` have the status they had and would get, `alerts` the fields that would differ; both only list what
    changes, of the first `MOST_TRIED` deliveries. A real replay is done by the workers, so it only knows the count.
    """

    dry_run: bool
    delivery_count: int
    tried_count: int = 0
    deliveries: Sequence[Mapping[str, Any]] = ()
    alerts: Sequence[Mapping[str, Any]] = ()


def start(session: Session, choice: Choice) -> Report:
    """Gives the deliveries to the workers. Raises NotFound for a single one that is not there."""
    if choice.delivery_id:
        deliveries.get(session, choice.delivery_id)
    return Report(dry_run=False, delivery_count=replay.send_back(session, choice))


def rehearse(session: Session, translators: Translators, choice: Choice) -> Report:
    """Does all of it in the organization's turn and takes it back: what it tells is what would be. Raises NotFound."""
    if choice.delivery_id:
        deliveries.get(session, choice.delivery_id)
    organization_id = organization_of(session)
    take_turn(session)
    count = replay.count(session, choice)
    read = replay.read(session, choice, MOST_TRIED)
    normalised = normalise(translators, organization_id, [claimed for claimed, _ in read], Breakers())
    dead = {each.delivery_id for each in normalised.ended if each.status == "dead"}
    with session.begin_nested() as attempt:
        ids = [claimed.id for claimed, _ in read if claimed.id not in dead]
        folded = recording.fold(session, normalised.occurrences, ids)
        batch = correlation.place(session, folded.changes)
        recording.write(session, folded, batch.places)
        correlation.settle(session, folded.changes, batch, folded.left)
        attempt.rollback()
    ended = {each.delivery_id: each.status for each in normalised.ended}
    statuses = {claimed.id: (before, _after(claimed.id, ended, folded)) for claimed, before in read}
    return Report(
        dry_run=True,
        delivery_count=count,
        tried_count=len(read),
        deliveries=[
            {"delivery_id": delivery_id, "before": before, "after": after}
            for delivery_id, (before, after) in statuses.items()
            if before != after
        ],
        alerts=[difference for change in folded.changes if (difference := _difference(change))],
    )


def _after(delivery_id: UUID, ended: Mapping[UUID, str], folded: Folded) -> str:
    return ended.get(delivery_id) or ("processed" if delivery_id in folded.news_of else "duplicate")


def _difference(change: Change) -> dict[str, Any] | None:
    before, after = _shown(change.before), _shown(change.state)
    differing = [name for name in after if before.get(name) != after[name]]
    if not differing:
        return None
    return {
        "alert_id": change.alert_id if change.before else None,
        "dedup_key": change.dedup_key,
        "before": {name: before[name] for name in differing} if change.before else None,
        "after": {name: after[name] for name in differing},
    }


def _shown(state: AlertState | None) -> dict[str, str]:
    if state is None:
        return {}
    return {name: str(getattr(state, name)) for name in _COMPARED} | {
        name: str(state.content[name]) for name in ("title", "service", "description")
    }
