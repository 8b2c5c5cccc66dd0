"""Wants to end the interpreter."""

import sys

from hub.contracts import Config, Connector, Delivery, Event, State, hookimpl


class Exits(Connector):
    name = "exits"
    title = "exits"

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        body = delivery.json().value
        event = Event(title="Fine", state=State.FIRING, dedup_key=body["key"])
        if body["boom"]:
            sys.exit(3)
        return [event]


@hookimpl
def overwatch_connectors() -> list[Connector]:
    return [Exits()]
