"""Wants all memory."""

from hub.contracts import Config, Connector, Delivery, Event, State, hookimpl


class Glutton(Connector):
    name = "glutton"
    title = "glutton"

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        body = delivery.json().value
        event = Event(title="Fine", state=State.FIRING, dedup_key=body["key"])
        if body["boom"]:
            return [event] * len([bytearray(1 << 28) for _ in range(64)])
        return [event]


@hookimpl
def overwatch_connectors() -> list[Connector]:
    return [Glutton()]
