"""Ends its process without a word."""

import os

from hub.contracts import Config, Connector, Delivery, Event, State, hookimpl


class Quitter(Connector):
    name = "quitter"
    title = "quitter"

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        body = delivery.json().value
        event = Event(title="Fine", state=State.FIRING, dedup_key=body["key"])
        if body["boom"]:
            os._exit(0)
        return [event]


@hookimpl
def overwatch_connectors() -> list[Connector]:
    return [Quitter()]
