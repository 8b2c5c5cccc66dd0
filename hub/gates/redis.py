"""The gate before Redis and Valkey: whoever takes a message from a list has removed it already."""

from functools import partial
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
        if gates.is_wake_up(partial(self.Channel.Message, message, channel=self.channels[0]), queue):
            super()._deliver(message, queue)
        else:
            gates.tell(queue, message)
