"""Wake-ups through the real broker: publishers never listen, and a thousand webhooks cost few messages."""

import psycopg

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
    url = f"host={settings.socket_folder} port=5432 dbname=overwatch_broker user=overwatch_broker"
    with psycopg.connect(f"{url} password={settings.secrets.broker_password}") as broker:
        return broker.execute(f"SELECT count(*) FROM pgmq.q_{lane}").fetchone()[0]


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


def _has_queue(settings: Settings) -> bool:
    try:
        return waiting(settings, "bulk") >= 0
    except psycopg.errors.UndefinedTable:
        return False
