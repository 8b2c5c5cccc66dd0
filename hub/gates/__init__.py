"""Gates: what a broker hands a worker that is no wake-up of its lane is thrown away, and told as `task_rejected`.

Without them an envelope that kombu cannot open, or one that Celery does not expect, ends the whole worker. Each module
is kombu's transport for one broker with a gate before it; kombu loads them by the names in hub/broker.py.
"""

import logging
from collections.abc import Callable
from typing import Any

from celery.signals import task_rejected
from kombu.message import Message

from hub.broker import task_of

log = logging.getLogger(__name__)


def is_wake_up(read: Callable[[], Message], lane: str) -> bool:
    """Whether what `read` gives is the lane's task, to be done now, with nothing else said."""
    try:
        message = read()
        args, options, _ = message.payload
        is_asked = message.headers.get("task") == task_of(lane) and isinstance(message.properties, dict)
        return is_asked and not args and not options and not message.headers.get("eta")
    except Exception:  # noqa: BLE001  # whatever garbage does to kombu's reading, it is garbage
        return False


def tell(lane: str, message: Any) -> None:
    """That a message was thrown away; what stands in it may be anybody's secret and is not told."""
    log.warning("a message in lane %s is no wake-up: thrown away", lane)
    task_rejected.send(sender=lane, message=message, exc=None)
