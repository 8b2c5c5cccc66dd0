"""Labels that plugins add to events; a sender's own word stands, and an enricher that fails adds nothing."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from hub.contracts.event import Event
from hub.contracts.extensions import Enricher

log = logging.getLogger(__name__)

_MOST_LABELS = 50
_LONGEST = 500


def enriched(enrichers: Sequence[Enricher], events: list[Event]) -> list[Event]:
    """The events with all labels, in their order."""
    for enricher in enrichers:
        try:
            found = enricher.enrich_all(events)
            events = [_with(event, labels) for event, labels in zip(events, found, strict=True)]
        except (Exception, SystemExit) as error:  # noqa: BLE001  # told by its type, for a message may hold a secret
            log.warning("enricher %s failed: %s", enricher.name, type(error).__name__)
    return events


def _with(event: Event, labels: Mapping[str, str]) -> Event:
    added = {str(name)[:_LONGEST]: str(value)[:_LONGEST] for name, value in list(labels.items())[:_MOST_LABELS]}
    return replace(event, labels={**added, **event.labels}) if added else event
