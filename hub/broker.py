"""The broker: one Celery app for whoever wakes lanes or works on them, on pgmq, Redis or RabbitMQ."""

from typing import Any, Final
from urllib.parse import unquote, urlsplit

from celery import Celery
from celery.signals import setup_logging
from kombu.entity import Queue
from kombu.transport import TRANSPORT_ALIASES

LANES: Final = ("ingest", "index", "notify", "poll", "bulk")
VISIBILITY_SECONDS: Final = 120
ANSWER_SECONDS: Final = 5
"""How long a broker that is there but does not answer may hold a wake-up."""

TRANSPORT_ALIASES.update(
    pgmq="hub.gates.pgmq:Transport",
    redis="hub.gates.redis:Transport",
    rediss="hub.gates.redis:Transport",
    amqp="hub.gates.amqp:Transport",
    amqps="hub.gates.amqp:SSLTransport",
)
"""kombu's transports, each behind a gate of ours."""

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
        # with 1, what comes while every process is busy lies with the pgmq transport until the next message, or for 2 s
        worker_prefetch_multiplier=4,
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
            "polling_interval": 2,  # a NOTIFY ends the wait
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
