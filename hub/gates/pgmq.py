"""The gate before pgmq: garbage would come back whenever it is visible again, so it is deleted."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from kombu.transport import pgmq

from hub import gates


class _Channel(pgmq.Channel):
    def _pgmq_messages_to_python(self, messages: Sequence[Any], queue: str) -> list[Any]:
        fit = []
        for each in messages:
            if gates.is_wake_up(partial(self.Message, each.message, channel=self), queue):
                fit.append(each)
            else:
                self.pgmq.delete(self._queue_name(queue), each.msg_id)
                gates.tell(queue, each.message)
        found: list[Any] = super()._pgmq_messages_to_python(fit, queue)
        return found


class Transport(pgmq.Transport):
    """kombu's, on that channel."""

    Channel = _Channel
