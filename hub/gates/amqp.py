"""The gate before RabbitMQ: garbage is acknowledged, or it would come again and again."""

from collections.abc import Callable
from typing import Any

from kombu.transport import pyamqp

from hub import gates


class _Channel(pyamqp.Channel):
    def basic_consume(self, queue: str = "", *args: Any, callback: Callable[[Any], None], **options: Any) -> Any:
        def pass_on(message: Any) -> None:
            if self._is_wake_up(message, queue):
                callback(message)
            else:
                self.basic_ack(message.delivery_tag)
                gates.tell(queue, message)

        return super().basic_consume(queue, *args, callback=pass_on, **options)

    def _is_wake_up(self, message: Any, queue: str) -> bool:
        try:
            return gates.is_wake_up(self.message_to_python(message), queue)
        except Exception:  # noqa: BLE001  # whatever garbage does to kombu's reading, it is garbage
            return False


class _Connection(pyamqp.Connection):
    Channel = _Channel


class Transport(pyamqp.Transport):
    """kombu's, on that channel."""

    Connection = _Connection


class SSLTransport(pyamqp.SSLTransport):
    """The same by TLS."""

    Connection = _Connection
