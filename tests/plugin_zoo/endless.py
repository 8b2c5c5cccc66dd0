"""Never ends, in Python."""

from hub.contracts import Config, Connector, Delivery, Event, State, hookimpl


class Endless(Connector):
    name = "endless"
    title = "endless"

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        body = delivery.json().value
        event = Event(title="Fine", state=State.FIRING, dedup_key=body["key"])
        if body["boom"]:
            while True:
                pass
        return [event]


@hookimpl
def overwatch_connectors() -> list[Connector]:
    return [Endless()]
