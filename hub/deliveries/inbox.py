"""The door to the inbox, with all that proving and storing a webhook takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hub.contracts.connector import Connector
from hub.database import Database
from hub.deliveries import service
from hub.deliveries.gathering import Gatherer
from hub.deliveries.service import Accepted, Arrival
from hub.integrations.vault import Vault
from hub.outbox import Waker

MESSAGE = "Webhook received successfully"

Receipt = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Inbox:
    """One for each process of the API."""

    database: Database
    gatherer: Gatherer
    connectors: Mapping[str, Connector]
    vault: Vault
    waker: Waker

    def take(self, arrival: Arrival) -> Accepted:
        """Stores it, committed, and wakes the workers. Raises Untrusted, NotFound, BadRequest or Unavailable."""
        connector = self.connectors.get(arrival.platform)
        accepted = service.accept(self.database, self.gatherer, connector, self.vault, arrival)
        self.waker.wake(["ingest"])
        return accepted
