"""Multiplies."""

import os

from hub.contracts import Config, Connector, Delivery, Event, State, hookimpl


class Forker(Connector):
    name = "forker"
    title = "forker"

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        body = delivery.json().value
        event = Event(title="Fine", state=State.FIRING, dedup_key=body["key"])
        if body["boom"]:
            while True:
                os.fork()
        return [event]


@hookimpl
def overwatch_connectors() -> list[Connector]:
    return [Forker()]
