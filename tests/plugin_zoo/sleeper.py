"""Sleeps for an hour."""

import time

from hub.contracts import Config, Connector, Delivery, Event, State, hookimpl


class Sleeper(Connector):
    name = "sleeper"
    title = "sleeper"

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        body = delivery.json().value
        event = Event(title="Fine", state=State.FIRING, dedup_key=body["key"])
        if body["boom"]:
            time.sleep(3600)
        return [event]


@hookimpl
def overwatch_connectors() -> list[Connector]:
    return [Sleeper()]
