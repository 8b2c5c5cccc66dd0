"""Reads what is not its own."""

from pathlib import Path

from hub.contracts import Config, Connector, Delivery, Event, State, hookimpl


class Reader(Connector):
    name = "reader"
    title = "reader"

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        body = delivery.json().value
        event = Event(title="Fine", state=State.FIRING, dedup_key=body["key"])
        if body["boom"]:
            Path("/etc/passwd").read_text()
        return [event]


@hookimpl
def overwatch_connectors() -> list[Connector]:
    return [Reader()]
