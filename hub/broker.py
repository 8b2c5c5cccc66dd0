"""The broker: one Celery app for whoever wakes lanes or works on them, on pgmq, Redis or RabbitMQ."""

import logging
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from celery import Celery
from celery.signals import setup_logging, task_rejected
from kombu.entity import Queue
from kombu.transport import TRANSPORT_ALIASES, pgmq

log = logging.getLogger(__name__)

LANES: Final = ("ingest", "index", "notify", "poll", "bulk")
VISIBILITY_SECONDS: Final = 120
ANSWER_SECONDS: Final = 5
"""How long a broker that is there but does not answer may hold a wake-up."""


class _Channel(pgmq.Channel):
    """kombu's, with a gate: a message that is no wake-up of its lane is thrown away, and told as `task_rejected`.

    Without it an envelope that kombu cannot open ends the whole worker, and comes back when it is visible again.
    """

    def _pgmq_messages_to_python(self, messages: Sequence[Any], queue: str) -> list[Any]:
        fit = [each for each in messages if self._is_wake_up(each.message, queue)]
        for each in (each for each in messages if each not in fit):
            log.warning("message %d in lane %s is no wake-up: thrown away", each.msg_id, queue)
            self.pgmq.delete(self._queue_name(queue), each.msg_id)
            task_rejected.send(sender=queue, message=each.message, exc=None)
        found: list[Any] = super()._pgmq_messages_to_python(fit, queue)
        return found

    def _is_wake_up(self, envelope: Any, queue: str) -> bool:
        try:
            message = self.Message(envelope, channel=self)
            args, options, _ = message.payload
        except Exception:  # noqa: BLE001  # whatever garbage does to kombu's reading, it is garbage
            return False
        is_asked = message.headers.get("task") == task_of(queue) and isinstance(envelope["properties"], dict)
        return is_asked and not args and not options and not message.headers.get("eta")


class Transport(pgmq.Transport):
    """kombu's transport, on that channel."""

    Channel = _Channel


TRANSPORT_ALIASES["pgmq"] = f"{__name__}:Transport"

# Celery would put its own log handlers in place of ours, were nobody to answer this signal
setup_logging.connect(lambda **_: None, weak=False)


def task_of(lane: str) -> str:
    """The name of the task that wakes a lane."""
    return f"overwatch.{lane}"


def make_celery(broker_url: str, *, listens: bool = False) -> Celery:
    """The Celery app of every process: JSON only, one queue per lane, at-least-once, no result store.

    Only a worker's consumer `listens`. kombu's pgmq transport opens its LISTEN connection for publishers too, where
    nobody reads it: after some thousand wake-ups its socket is full, and the server's backend hangs in mid-send.
    """
    celery = Celery("overwatch", set_as_current=False)
    url, options = _transport(broker_url, listens=listens)
    # replicated where RabbitMQ has several nodes; another broker does not know the argument
    arguments = {"x-queue-type": "quorum"} if url.startswith("amqp") else None
    celery.conf.update(
        broker_url=url,
        broker_transport_options=options,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # the sweeper works meanwhile; a worker that gives up would not
        broker_connection_timeout=ANSWER_SECONDS,
        broker_native_delayed_delivery_queue_type="classic",  # Celery makes some beside quorum queues; we delay nothing
        task_queues=[Queue(lane, queue_arguments=arguments) for lane in LANES],
        task_default_queue="bulk",
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_acks_late=True,
        task_reject_on_worker_lost=False,  # the rows say what is left to do; a wake-up need not come twice
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,  # its reply queues leak in the pgmq transport
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        event_queue_exclusive=True,
        timezone="UTC",
    )
    return celery


def _transport(broker_url: str, *, listens: bool) -> tuple[str, dict[str, Any]]:
    parts = urlsplit(broker_url)
    if parts.scheme == "pgmq":
        # kombu's pgmq ignores a URL's query and cannot name a socket folder: the key=value form can
        options = {
            "conn_string": (
                f"host={unquote(parts.hostname or '')} port={parts.port or 5432} dbname={parts.path.lstrip('/')}"
                f" user={parts.username} password={parts.password} connect_timeout=3"
            ),
            "init_extension": False,
            "use_notify": listens,
            "notify_throttle_interval_ms": 0,
            "wait_time_seconds": 0,
            "visibility_timeout": VISIBILITY_SECONDS,
            "pool_size": 4,
            "pool_timeout": 5,
        }
        return "pgmq://", options
    if parts.scheme.startswith("amqp"):
        return broker_url, {"confirm_publish": True, "write_timeout": ANSWER_SECONDS}
    return broker_url, {"visibility_timeout": VISIBILITY_SECONDS, "socket_timeout": ANSWER_SECONDS}


def complaint(broker_url: str) -> str:
    """What is wrong with the broker, in words; "" when it answers and keeps what it is given."""
    connection = make_celery(broker_url).connection_for_write()
    try:
        connection.ensure_connection(max_retries=1, timeout=ANSWER_SECONDS)
        client = getattr(connection.default_channel, "client", None) if _is_redis(broker_url) else None
        return _eviction(client) if client else ""
    except Exception as error:  # noqa: BLE001  # each transport has exceptions of its own
        return f"it does not answer ({type(error).__name__}): wake-ups are late by a second or two until it does"
    finally:
        connection.release()


def _is_redis(broker_url: str) -> bool:
    return broker_url.startswith(("redis", "valkey"))


def _eviction(client: Any) -> str:
    try:
        policy = client.config_get("maxmemory-policy").get("maxmemory-policy", "noeviction")
    except Exception:  # noqa: BLE001  # a hosted Redis may forbid to ask
        return ""
    return "" if policy == "noeviction" else f"its maxmemory-policy is {policy}: set noeviction, or it drops messages"
