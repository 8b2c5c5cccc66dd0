"""Raises what no contract knows."""

from hub.contracts import Config, Connector, Delivery, Event, State, hookimpl


class Raises(Connector):
    name = "raises"
    title = "raises"

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        body = delivery.json().value
        event = Event(title="Fine", state=State.FIRING, dedup_key=body["key"])
        if body["boom"]:
            raise RuntimeError("a secret that must not be told")
        return [event]


@hookimpl
def overwatch_connectors() -> list[Connector]:
    return [Raises()]
