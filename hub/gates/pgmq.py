"""The gate before pgmq: garbage would come back whenever it is visible again, so it is deleted."""

from collections.abc import Sequence
from typing import Any

from kombu.transport import pgmq

from hub import gates


class _Channel(pgmq.Channel):
    def _pgmq_messages_to_python(self, messages: Sequence[Any], queue: str) -> list[Any]:
        fit = [each for each in messages if self._is_wake_up(each.message, queue)]
        for each in (each for each in messages if each not in fit):
            self.pgmq.delete(self._queue_name(queue), each.msg_id)
            gates.tell(queue, each.message)
        found: list[Any] = super()._pgmq_messages_to_python(fit, queue)
        return found

    def _is_wake_up(self, envelope: Any, queue: str) -> bool:
        try:
            return gates.is_wake_up(self.Message(envelope, channel=self), queue)
        except Exception:  # noqa: BLE001  # whatever garbage does to kombu's reading, it is garbage
            return False


class Transport(pgmq.Transport):
    """kombu's, on that channel."""

    Channel = _Channel
