"""The gate before RabbitMQ: garbage is acknowledged, or it would come again and again."""

from collections.abc import Callable
from typing import Any

from kombu.transport import pyamqp

from hub import gates


class _Channel(pyamqp.Channel):
    def basic_consume(self, queue: str = "", *args: Any, callback: Callable[[Any], None], **options: Any) -> Any:
        def pass_on(message: Any) -> None:
            if gates.is_wake_up(lambda: self.message_to_python(message), queue):
                callback(message)
            else:
                self.basic_ack(message.delivery_tag)
                gates.tell(queue, message)

        return super().basic_consume(queue, *args, callback=pass_on, **options)


class _Connection(pyamqp.Connection):
    Channel = _Channel


class Transport(pyamqp.Transport):
    """kombu's, on that channel."""

    Connection = _Connection


class SSLTransport(pyamqp.SSLTransport):
    """The same by TLS."""

    Connection = _Connection
