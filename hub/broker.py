"""The broker: one Celery app for whoever wakes lanes or works on them, on pgmq, Redis or RabbitMQ."""

from typing import Any, Final
from urllib.parse import unquote, urlsplit

from celery import Celery
from kombu.entity import Queue

LANES: Final = ("ingest", "index", "notify", "poll", "bulk")
VISIBILITY_SECONDS: Final = 120
ANSWER_SECONDS: Final = 5
"""How long a broker that is there but does not answer may hold a wake-up."""


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
