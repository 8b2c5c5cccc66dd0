"""The poll lane: asks platforms what happened since the cursor, and stores it as a delivery like any webhook's.

The answer and the new cursor are committed together, so nothing is lost and nothing is stored twice; what a webhook has
told already is known by its event key. Calls happen outside of any transaction.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from hub.contracts.connector import Connector, Http
from hub.contracts.delivery import Delivery
from hub.contracts.errors import Malformed, OverwatchError, Unsupported
from hub.contracts.event import Event
from hub.database import Database, new_id
from hub.integrations.service import whole_config
from hub.integrations.vault import Vault
from hub.plugin_manager import wire

log = logging.getLogger(__name__)

EVERY_SECONDS = 60
LONGEST_PAUSE_SECONDS = 900
_MOST = 2
_LEASE_SECONDS = 120

_CLAIM = text("SELECT * FROM claim_polls(:platforms, :token, :most, :lease)")
_STORE = text(
    "INSERT INTO deliveries (organization_id, id, integration_id, headers, query, body, origin)"
    " VALUES (:organization_id, :id, :integration_id, '{}', '{}', :body, 'poll')"
)
_ADVANCE = text(
    "UPDATE polls SET cursor = coalesce(CAST(:cursor AS jsonb), cursor), failure_count = :failures, problem = :problem,"
    " polled_at = overwatch_now(), lease_token = NULL,"
    " next_at = overwatch_now() + make_interval(secs => :seconds)"
    " WHERE organization_id = :organization_id AND integration_id = :integration_id AND lease_token = :token"
    " RETURNING integration_id"
)


@dataclass(frozen=True, slots=True)
class Poller:
    """What polling needs."""

    database: Database
    connectors: Mapping[str, Connector]
    vault: Vault
    http: Http

    def work_off(self) -> bool:
        """Asks the platforms that are due. False when none was."""
        platforms = [name for name, connector in self.connectors.items() if "poll" in connector.directions]
        token = uuid4()
        with self.database.statement() as connection:
            asked = {"platforms": platforms, "token": token, "most": _MOST, "lease": _LEASE_SECONDS}
            claimed = connection.execute(_CLAIM, asked).all()
        for row in claimed:
            self._finish(row, token, self._ask(row))
        return bool(claimed)

    def _ask(self, row: Any) -> dict[str, Any] | str:
        """What the platform said, or what the problem is; nothing at all for one that is only pushed to."""
        try:
            config = whole_config(row.config, row.secrets, self.vault, row.organization_id, row.integration_id)
            told: dict[str, Any] = wire.from_poll(self.connectors[row.platform].poll(config, row.cursor, self.http))
        except Unsupported:
            return {"events": [], "cursor": row.cursor}
        except OverwatchError as error:
            return str(error)[:500]
        except (Exception, SystemExit) as error:  # a connector's bug: told by its type, for a message may hold a secret
            log.exception("connector %s could not poll for %s", row.platform, row.integration_id)
            return f"the connector failed: {type(error).__name__}"
        return told

    def _finish(self, row: Any, token: UUID, found: dict[str, Any] | str) -> None:
        failures = row.failure_count + 1 if isinstance(found, str) else 0
        mine = {"organization_id": row.organization_id, "integration_id": row.integration_id}
        with self.database.transaction(row.organization_id) as session:
            advanced = session.execute(
                _ADVANCE,
                {
                    **mine,
                    "token": token,
                    "cursor": None if isinstance(found, str) else json.dumps(found["cursor"]),
                    "failures": failures,
                    "problem": found if isinstance(found, str) else "",
                    "seconds": min(EVERY_SECONDS * 2 ** min(failures, 6), LONGEST_PAUSE_SECONDS),
                },
            ).all()
            if advanced and not isinstance(found, str) and found["events"]:
                body = json.dumps(found["events"]).encode()
                session.execute(_STORE, {**mine, "id": new_id(), "body": body})


def normalise(delivery: Delivery) -> list[Event]:
    """The events of a delivery that a poll has left. Raises Malformed."""
    told = delivery.json().value
    if not isinstance(told, list):
        raise Malformed("body", "is not what a poll leaves")
    return wire.to_events(told)
