"""Returns a million events."""

from hub.contracts import Config, Connector, Delivery, Event, State, hookimpl


class Million(Connector):
    name = "million"
    title = "million"

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        body = delivery.json().value
        event = Event(title="Fine", state=State.FIRING, dedup_key=body["key"])
        if body["boom"]:
            return [event] * 1_000_000
        return [event]


@hookimpl
def overwatch_connectors() -> list[Connector]:
    return [Million()]
