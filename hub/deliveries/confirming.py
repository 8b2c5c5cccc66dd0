"""Confirming: a platform that asks whether it may send here is told so by a worker, while it waits for nothing.

How it went stands in the delivery that asked; one that could not be confirmed ends dead, and its replay tries again.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub import outbox
from hub.contracts.connector import Connector, Http
from hub.contracts.errors import Misconfigured, Unavailable, Unsupported, Untrusted
from hub.database import Database, organization_of
from hub.deliveries import replay
from hub.deliveries.replay import Choice
from hub.deliveries.turns import Claimed, config_of
from hub.integrations.vault import Vault
from hub.outbox import Handler

log = logging.getLogger(__name__)

LANE, KIND = "poll", "confirm"
GIVES_UP_SECONDS = 600
_FIRST_PAUSE_SECONDS = 5.0

_TELL = text(
    "UPDATE deliveries SET status = CASE WHEN :is_dead THEN 'dead' ELSE 'ignored' END,"
    " reason = CASE WHEN :is_dead THEN '' ELSE split_part(reason, ':', 1) || ': ' END || CAST(:told AS text),"
    " stages = CASE WHEN :is_done THEN stages || jsonb_build_object('confirmed', overwatch_now()) ELSE stages END"
    " WHERE organization_id = :organization_id AND id = :id AND status <> 'pending'"
)
_AGE = text(
    "SELECT extract(epoch FROM overwatch_now() - finished_at)::float FROM deliveries"
    " WHERE organization_id = :organization_id AND id = :id AND status <> 'pending'"
)


@dataclass(frozen=True, slots=True)
class Said:
    """What came of one try; `is_over` unless another one may go better."""

    told: str
    is_done: bool = False
    is_over: bool = True


def ask_for(session: Session, delivery_ids: Collection[UUID]) -> None:
    """Leaves it to the lane that calls out."""
    if delivery_ids:
        outbox.enqueue(session, LANE, KIND, delivery_ids)


@dataclass(frozen=True, slots=True)
class Confirmer:
    """What confirming needs."""

    connectors: Mapping[str, Connector]
    vault: Vault
    http: Http

    def prepare(self, database: Database, organization_id: UUID, delivery_ids: Sequence[UUID]) -> Handler:
        """Calls the platforms, outside of any transaction. A delivery that is gone, or waits again, needs nothing."""
        with database.transaction(organization_id) as session:
            found = [each for one in delivery_ids for each, _ in replay.read(session, Choice(delivery_id=one), 1)]
        return partial(_write, {each.id: self._confirm(organization_id, each) for each in found})

    def _confirm(self, organization_id: UUID, asking: Claimed) -> Said:
        connector = self.connectors.get(asking.platform)
        if connector is None:
            return Said(f"connector_missing: {asking.platform} is not installed")
        try:
            receipt = connector.confirm(asking.delivery, config_of(asking, self.vault, organization_id), self.http)
        except Unavailable as error:
            return Said(str(error)[:500], is_over=False)
        except (Untrusted, Misconfigured, Unsupported) as error:
            return Said(f"{error.code}: {error}"[:500])
        except (Exception, SystemExit) as error:  # a connector's bug: told by its type, for a message may hold a secret
            log.exception("connector %s could not confirm delivery %s", asking.platform, asking.id)
            return Said(f"connector_failed: {type(error).__name__}")
        return Said(receipt.detail[:500] or "confirmed", is_done=True)


def _write(said: Mapping[UUID, Said], session: Session, _delivery_ids: Sequence[UUID]) -> None:
    for delivery_id, each in said.items():
        mine = {"organization_id": organization_of(session), "id": delivery_id}
        age = session.scalar(_AGE, mine)
        if age is None:
            continue
        told, is_over = each.told, each.is_over or age > GIVES_UP_SECONDS
        if not is_over:  # every pause is as long as all before it
            told = f"not confirmed yet: {told}"
            outbox.enqueue(session, LANE, KIND, [delivery_id], after_seconds=max(_FIRST_PAUSE_SECONDS, age))
        elif not each.is_over:
            told = f"unavailable: {told}"
        session.execute(_TELL, {**mine, "told": told, "is_done": each.is_done, "is_dead": is_over and not each.is_done})
