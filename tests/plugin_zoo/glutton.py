"""Wants all memory."""

from hub.contracts import Config, Connector, Delivery, Event, State, hookimpl


class Glutton(Connector):
    name = "glutton"
    title = "glutton"

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        body = delivery.json().value
        event = Event(title="Fine", state=State.FIRING, dedup_key=body["key"])
        if body["boom"]:
            # bytes are not written before they are read: the limit is met at once, however slow the machine
            return [event] * len([bytes(1 << 26) for _ in range(64)])
        return [event]


@hookimpl
def overwatch_connectors() -> list[Connector]:
    return [Glutton()]
