"""What a plugin may bring beside connectors: enrichers of events."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from hub.contracts.event import Event


class Enricher:
    """Adds labels to events before they are folded into alerts, so that rules, filters and search can use them."""

    name: ClassVar[str]

    def enrich(self, event: Event) -> Mapping[str, str]:
        """Labels to add; what the sender says itself stands. Pure, like `normalise`: a replay must find the same."""
        raise NotImplementedError

    def enrich_all(self, events: Sequence[Event]) -> list[Mapping[str, str]]:
        """The labels of each event, in their order."""
        return [self.enrich(event) for event in events]
