"""Returns None."""

from hub.contracts import Config, Connector, Delivery, Event, State, hookimpl


class Nothing(Connector):
    name = "nothing"
    title = "nothing"

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        body = delivery.json().value
        event = Event(title="Fine", state=State.FIRING, dedup_key=body["key"])
        if body["boom"]:
            return None  # type: ignore[return-value]
        return [event]


@hookimpl
def overwatch_connectors() -> list[Connector]:
    return [Nothing()]
