"""Stage 3: a connector's pure translation, guarded, so that one delivery's fault stays its own."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from hub.alerts import expiry
from hub.alerts.intake import MOST_EVENTS, Occurrence, occurrence
from hub.contracts.connector import Connector
from hub.contracts.errors import Malformed, Misconfigured, OverwatchError, Unsupported
from hub.deliveries.turns import MOST_ATTEMPTS, Claimed, Outcome, config_of
from hub.integrations.vault import Vault

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Normalised:
    """What a turn's deliveries say, and those whose end is known without any effect."""

    occurrences: Sequence[Occurrence]
    ended: Sequence[Outcome]


@dataclass(frozen=True, slots=True)
class Translators:
    """The connectors by platform, and the vault with the secrets of their configs."""

    connectors: Mapping[str, Connector]
    vault: Vault


def normalise(translators: Translators, organization_id: UUID, many: Sequence[Claimed]) -> Normalised:
    """The events of all the organization's deliveries, in their order."""
    occurrences: list[Occurrence] = []
    ended: list[Outcome] = []
    for claimed in many:
        found = _translate(translators, organization_id, claimed)
        if isinstance(found, Outcome):
            ended.append(found)
        else:
            occurrences += found
    return Normalised(occurrences, ended)


# how a delivery ends when its connector says no: status, and the reason before the connector's own words
_ENDS: Mapping[type[OverwatchError], tuple[str, str]] = {
    Unsupported: ("ignored", ""),
    Malformed: ("dead", "malformed: "),
    Misconfigured: ("dead", "misconfigured: "),
}


def _translate(translators: Translators, organization_id: UUID, claimed: Claimed) -> list[Occurrence] | Outcome:
    if claimed.attempts > MOST_ATTEMPTS:
        return Outcome(claimed.id, "dead", f"worker_died: {MOST_ATTEMPTS} attempts ended with their worker")
    if claimed.origin != "expiry" and claimed.platform not in translators.connectors:
        return Outcome(claimed.id, "dead", f"connector_missing: {claimed.platform} is not installed")
    try:
        return _occurrences(claimed, _events(translators, organization_id, claimed)) or Outcome(
            claimed.id, "ignored", "no_events"
        )
    except tuple(_ENDS) as error:
        status, prefix = _ENDS[type(error)]
        return Outcome(claimed.id, status, f"{prefix}{error}")
    except (Exception, SystemExit) as error:  # a connector's bug ends its own delivery, kept and replayable, no other
        log.exception("connector %s failed on delivery %s", claimed.platform, claimed.id)
        return Outcome(claimed.id, "dead", f"connector_failed: {type(error).__name__}")


def _events(translators: Translators, organization_id: UUID, claimed: Claimed) -> object:
    if claimed.origin == "expiry":
        return expiry.normalise(claimed.delivery)
    config = config_of(claimed, translators.vault, organization_id)
    return translators.connectors[claimed.platform].normalise(claimed.delivery, config)


def _occurrences(claimed: Claimed, events: object) -> list[Occurrence]:
    if not isinstance(events, list):
        raise Malformed("events", f"the connector returned {type(events).__name__}, not a list")
    if len(events) > MOST_EVENTS:
        raise Malformed("events", f"{len(events)} events in one delivery; the most are {MOST_EVENTS}")
    return [
        occurrence(
            event,
            delivery_id=claimed.id,
            item=item,
            integration_id=claimed.integration_id,
            platform=claimed.platform,
            received_at=claimed.delivery.received_at,
        )
        for item, event in enumerate(events)
    ]
