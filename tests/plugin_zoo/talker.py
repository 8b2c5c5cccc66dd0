"""Opens a connection."""

import socket

from hub.contracts import Config, Connector, Delivery, Event, State, hookimpl


class Talker(Connector):
    name = "talker"
    title = "talker"

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        body = delivery.json().value
        event = Event(title="Fine", state=State.FIRING, dedup_key=body["key"])
        if body["boom"]:
            socket.create_connection(("127.0.0.1", 9))
        return [event]


@hookimpl
def overwatch_connectors() -> list[Connector]:
    return [Talker()]
