"""Never ends, in the regex engine, which no exception interrupts."""

import re

from hub.contracts import Config, Connector, Delivery, Event, State, hookimpl


class Regex(Connector):
    name = "regex"
    title = "regex"

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        body = delivery.json().value
        event = Event(title="Fine", state=State.FIRING, dedup_key=body["key"])
        if body["boom"]:
            re.match(r"(a+)+$", "a" * 64 + "b")
        return [event]


@hookimpl
def overwatch_connectors() -> list[Connector]:
    return [Regex()]
