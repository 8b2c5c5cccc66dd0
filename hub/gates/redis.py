"""The gate before Redis and Valkey: whoever takes a message from a list has removed it already."""

from queue import Empty
from typing import Any

from kombu.transport import redis

from hub import gates


class _Channel(redis.Channel):
    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)
        except ValueError:  # no JSON, or no text
            gates.tell("", None)
            raise Empty from None


class Transport(redis.Transport):
    """kombu's, with a look at each envelope."""

    Channel = _Channel

    def _deliver(self, message: Any, queue: str) -> None:
        if self._is_wake_up(message, queue):
            super()._deliver(message, queue)
        else:
            gates.tell(queue, message)

    def _is_wake_up(self, envelope: Any, queue: str) -> bool:
        try:
            return gates.is_wake_up(self.Channel.Message(envelope, channel=self.channels[0]), queue)
        except Exception:  # noqa: BLE001  # whatever garbage does to kombu's reading, it is garbage
            return False
