"""Wake-ups through the real broker: publishers never listen, many webhooks cost few messages, garbage costs none."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from celery.signals import task_rejected

from hub.broker import make_celery
from hub.embedded.postgres import EmbeddedPostgres
from hub.outbox import Waker
from hub.settings import Settings
from tests.system import eventually


def listeners(server: EmbeddedPostgres) -> int:
    """How many connections to the broker's database have ever said LISTEN last."""
    with server.connect() as admin:
        asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'overwatch_broker' AND query LIKE 'LISTEN%'"
        return admin.execute(asked).fetchone()[0]


def waiting(settings: Settings, lane: str) -> int:
    """How many messages wait in the lane's queue."""
    with connected(settings) as broker:
        return broker.execute(f"SELECT count(*) FROM pgmq.q_{lane}").fetchone()[0]


def connected(settings: Settings) -> psycopg.Connection:
    url = f"host={settings.socket_folder} port=5432 dbname=overwatch_broker user=overwatch_broker"
    return psycopg.connect(f"{url} password={settings.secrets.broker_password}", autocommit=True)


def test_publisher_wakes_without_listening(server: EmbeddedPostgres, session_settings: Settings):
    waker = Waker(make_celery(session_settings.broker_url))
    before = listeners(server)
    waker.wake(["bulk"])
    eventually(lambda: _has_queue(session_settings) and waiting(session_settings, "bulk") > 0)
    assert listeners(server) == before


def test_thousand_wishes_cost_few_messages(session_settings: Settings):
    waker = Waker(make_celery(session_settings.broker_url))
    waker.wake(["bulk"])
    eventually(lambda: _has_queue(session_settings))
    before = waiting(session_settings, "bulk")
    for _ in range(1_000):
        waker.wake(["bulk"])
    assert waiting(session_settings, "bulk") - before < 100


def envelope(body: str = "W1tdLCB7fSwge31d", task: str = "overwatch.poll", **more: Any) -> dict[str, Any]:
    """A wake-up as kombu writes it: the body is `[[], {}, {}]` in base64."""
    headers = {"task": task, "id": "1", "lang": "py"}
    properties = {"delivery_tag": "1", "delivery_info": {}, "body_encoding": "base64"}
    kind = {"content-type": "application/json", "content-encoding": "utf-8"}
    return {"body": body, "headers": headers, "properties": properties} | kind | more


GARBAGE = {
    "no object": [1, 2],
    "nothing": None,
    "an empty object": {},
    "no properties": envelope(properties=5),
    "no tag": envelope(properties={}),
    "a body that is no base64": envelope("%"),
    "a body that is no JSON": envelope("e30"),
    "a pickle": envelope(**{"content-type": "application/x-python-serialize"}),
    "another lane's task": envelope(task="overwatch.ingest"),
    "a task of nobody": envelope(task="os.system"),
    "arguments": envelope("W1sxXSwge30sIHt9XQ=="),
    "a time far away": envelope(headers={"task": "overwatch.poll", "id": "1", "eta": "2999-01-01T00:00:00Z"}),
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_thrown_away_and_told_and_what_follows_is_delivered(session_settings: Settings, garbage: Any):
    with make_celery(session_settings.broker_url).connection_for_read() as connection, rejections() as rejected:
        queue = connection.SimpleQueue("poll")
        for message in (garbage, envelope()):
            put(session_settings, message)
        delivered: list[Any] = []
        queue.consumer.register_callback(lambda _, message: delivered.append(message.ack()))
        queue.consumer.consume()
        eventually(lambda: connection.drain_events(timeout=5) or delivered)
    assert (rejected, len(delivered)) == ([garbage], 1)


def put(settings: Settings, message: Any) -> None:
    with connected(settings) as broker:
        broker.execute("INSERT INTO pgmq.q_poll (vt, message) VALUES (now(), %s)", [json.dumps(message)])


@contextmanager
def rejections() -> Iterator[list[Any]]:
    found: list[Any] = []

    def note(message: Any, **_: Any) -> None:
        found.append(message)

    task_rejected.connect(note)
    yield found
    task_rejected.disconnect(note)


def _has_queue(settings: Settings) -> bool:
    try:
        return waiting(settings, "bulk") >= 0
    except psycopg.errors.UndefinedTable:
        return False
