"""Stage 3: a connector's pure translation, guarded, so that one delivery's fault stays its own."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from hub.alerts import expiry
from hub.alerts.enriching import enriched
from hub.alerts.intake import MOST_EVENTS, Occurrence, occurrence
from hub.contracts.connector import Connector
from hub.contracts.delivery import Delivery
from hub.contracts.errors import Malformed, Misconfigured, Unavailable, Unconfirmed, Unsupported
from hub.contracts.event import Event
from hub.contracts.extensions import Enricher
from hub.deliveries import polling
from hub.deliveries.breaking import PARKED, Breaker, Breakers
from hub.deliveries.turns import MOST_ATTEMPTS, Claimed, Outcome, config_of
from hub.integrations.vault import Vault
from hub.plugin_manager.wire import ConnectorFailed

log = logging.getLogger(__name__)

SOFT_DEADLINE_SECONDS = 5  # our own connectors are not killed; one that takes so long counts as failing


@dataclass(frozen=True, slots=True)
class Normalised:
    """What a turn's deliveries say, and those whose end is known without any effect."""

    occurrences: Sequence[Occurrence]
    ended: Sequence[Outcome]


@dataclass(frozen=True, slots=True)
class Translators:
    """The connectors by platform, the vault with the secrets of their configs, and who adds labels."""

    connectors: Mapping[str, Connector]
    vault: Vault
    enrichers: Sequence[Enricher] = ()


def normalise(
    translators: Translators, organization_id: UUID, many: Sequence[Claimed], breakers: Breakers
) -> Normalised:
    """The events of all the organization's deliveries, in their order; the breakers learn how it went."""
    found = {
        claimed.id: _translate(translators, organization_id, claimed, breakers.of(claimed.integration_id))
        for claimed in _hopeful_first(many, breakers)
    }
    occurrences: list[Occurrence] = []
    ended: list[Outcome] = []
    for told in (found[claimed.id] for claimed in many):
        if isinstance(told, Outcome):
            ended.append(told)
        else:
            occurrences += told
    return Normalised(occurrences, ended)


def _hopeful_first(many: Sequence[Claimed], breakers: Breakers) -> list[Claimed]:
    """Behind a breaker that has opened, those that were tried least and came last are tried first."""
    suspect = [each for each in reversed(many) if breakers.of(each.integration_id).has_opened]
    others = [each for each in many if not breakers.of(each.integration_id).has_opened]
    return others + sorted(suspect, key=lambda each: each.attempts)


# what the hub has left for itself needs no connector
_OUR_OWN: Mapping[str, Callable[[Delivery], list[Event]]] = {"expiry": expiry.normalise, "poll": polling.normalise}

# how a delivery ends when its connector says no: status, and the reason before the connector's own words
_ENDS: Mapping[type[BaseException], tuple[str, str]] = {
    Unsupported: ("ignored", ""),
    Unconfirmed: ("ignored", ""),
    Malformed: ("dead", "malformed: "),
    Misconfigured: ("dead", "misconfigured: "),
}


def _translate(
    translators: Translators, organization_id: UUID, claimed: Claimed, breaker: Breaker
) -> list[Occurrence] | Outcome:
    if claimed.attempts > MOST_ATTEMPTS:
        return Outcome(claimed.id, "dead", f"worker_died: {MOST_ATTEMPTS} attempts ended with their worker")
    if claimed.origin not in _OUR_OWN and claimed.platform not in translators.connectors:
        return Outcome(claimed.id, "dead", f"connector_missing: {claimed.platform} is not installed")
    if breaker.is_open(claimed.claimed_at):
        return _parked(claimed, breaker, was_tried=False)
    started_at = time.monotonic()
    try:
        found = _occurrences(claimed, _events(translators, organization_id, claimed), translators.enrichers)
    except (Exception, SystemExit) as error:  # noqa: BLE001  # a connector's bug ends its own delivery, no other
        return _ended(claimed, breaker, error)
    if time.monotonic() - started_at > SOFT_DEADLINE_SECONDS:
        breaker.fail(claimed.claimed_at, f"took longer than {SOFT_DEADLINE_SECONDS} s")
    else:
        breaker.succeed()
    return found or Outcome(claimed.id, "ignored", "no_events")


def _ended(claimed: Claimed, breaker: Breaker, error: BaseException) -> Outcome:
    if isinstance(error, Unavailable):
        return _sent_back(claimed, error)
    if type(error) in _ENDS:
        breaker.succeed()
        status, prefix = _ENDS[type(error)]
        return Outcome(claimed.id, status, f"{prefix}{error}", is_unconfirmed=isinstance(error, Unconfirmed))
    log.error("connector %s failed on delivery %s", claimed.platform, claimed.id, exc_info=error)
    told = str(error) if isinstance(error, ConnectorFailed) else type(error).__name__
    breaker.fail(claimed.claimed_at, told)
    if breaker.has_opened and claimed.attempts < MOST_ATTEMPTS:
        return _parked(claimed, breaker, was_tried=True)
    return Outcome(claimed.id, "dead", f"connector_failed: {told}")


def _sent_back(claimed: Claimed, error: Unavailable) -> Outcome:
    if claimed.attempts >= MOST_ATTEMPTS:
        return Outcome(claimed.id, "dead", f"unavailable: {error}")
    next_at = claimed.claimed_at + timedelta(seconds=error.retry_after_seconds)
    return Outcome(claimed.id, "pending", f"{PARKED}{error}", next_at=next_at)


def _parked(claimed: Claimed, breaker: Breaker, *, was_tried: bool) -> Outcome:
    reason = f"{PARKED}{claimed.platform} failed {breaker.failure_count} times in a row, last: {breaker.reason}"
    next_at = breaker.next_try_at(claimed.claimed_at)
    return Outcome(claimed.id, "pending", reason, next_at=next_at, was_tried=was_tried)


def _events(translators: Translators, organization_id: UUID, claimed: Claimed) -> object:
    if claimed.origin in _OUR_OWN:
        return _OUR_OWN[claimed.origin](claimed.delivery)
    config = config_of(claimed, translators.vault, organization_id)
    return translators.connectors[claimed.platform].normalise(claimed.delivery, config)


def _occurrences(claimed: Claimed, events: object, enrichers: Sequence[Enricher]) -> list[Occurrence]:
    if not isinstance(events, list):
        raise Malformed("events", f"the connector returned {type(events).__name__}, not a list")
    if len(events) > MOST_EVENTS:
        raise Malformed("events", f"{len(events)} events in one delivery; the most are {MOST_EVENTS}")
    if enrichers and claimed.origin != "expiry" and all(isinstance(event, Event) for event in events):
        events = enriched(enrichers, events)
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
