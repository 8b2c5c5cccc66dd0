"""Looks for secrets in its environment."""

import os

from hub.contracts import Config, Connector, Delivery, Event, State, hookimpl


class Spy(Connector):
    name = "spy"
    title = "spy"

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        body = delivery.json().value
        event = Event(title="Fine", state=State.FIRING, dedup_key=body["key"])
        if body["boom"]:
            return [Event(title=str(sorted(os.environ)), state=State.FIRING, dedup_key=body["key"])]
        return [event]


@hookimpl
def overwatch_connectors() -> list[Connector]:
    return [Spy()]
