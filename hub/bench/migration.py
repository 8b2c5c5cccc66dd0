"""How long a migration holds up who writes meanwhile: a column, a foreign key and an index for a table of many rows."""

import secrets
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import Connection

from hub import migrations, settings
from hub.bench.latency import percentile
from hub.database import new_id
from hub.embedded.postgres import EmbeddedPostgres
from hub.settings import Settings

_PAUSE_SECONDS = 0.005
_UNDISTURBED_SECONDS = 1.0  # the writer is to be in its stride when the change comes
_TOLD_EVERY = 100_000

_SITE = (
    "INSERT INTO organizations (id, name, slug) VALUES (%(organization)s, 'Bench', %(slug)s)",
    "INSERT INTO integrations (organization_id, id, platform, name, token_hash)"
    " VALUES (%(organization)s, %(integration)s, 'alertmanager', 'Bench', '')",
)
_FILL = """
    INSERT INTO alerts (organization_id, id, integration_id, dedup_key, platform, title, description, status, severity,
        raw_severity, no_data, service, resource, labels, annotations, links, occurrence_count, episode_count,
        started_at, last_seen_at, last_occurred_at)
    SELECT %(organization)s, gen_random_uuid(), %(integration)s, 'key-' || n, 'alertmanager',
        'Disk ' || n %% 977 || ' is full', repeat('The filesystem has little space left. ', 6), 'firing', 'high',
        'critical', false, 'service-' || n %% 40, 'host-' || n %% 5000, jsonb_build_object('instance', 'host-' || n),
        '{}', '[]', 1, 1, now(), now(), now()
    FROM generate_series(%(first)s::integer, %(last)s) AS n
"""
_WRITE = (
    "UPDATE alerts SET last_seen_at = now(), occurrence_count = occurrence_count + 1"
    " WHERE organization_id = %(organization)s AND integration_id = %(integration)s AND dedup_key = %(key)s"
)

# as a step's two files would say it
_STEP = """
    ALTER TABLE alerts ADD COLUMN bench_person_id uuid, ADD COLUMN bench_rank integer NOT NULL DEFAULT 0;
    ALTER TABLE alerts ADD CONSTRAINT bench_person
        FOREIGN KEY (organization_id, bench_person_id) REFERENCES users (organization_id, id) NOT VALID
"""
_BESIDE = """
    CREATE INDEX CONCURRENTLY IF NOT EXISTS bench_alerts_person
        ON alerts (organization_id, bench_person_id, bench_rank);
    ALTER TABLE alerts VALIDATE CONSTRAINT bench_person
"""


def run(rows: int) -> Iterator[str]:
    """On a Postgres of its own, with so many alerts in one organization."""
    with tempfile.TemporaryDirectory(prefix="overwatch-bench-") as data:
        chosen = settings.from_env(Path(data))
        with EmbeddedPostgres(chosen):
            migrations.migrate(chosen)
            yield from measure(chosen, rows)


def measure(chosen: Settings, rows: int) -> Iterator[str]:
    """Fills the migrated database, changes it while somebody writes, and says for how long that one stood still."""
    site = {"organization": new_id(), "integration": new_id(), "slug": secrets.token_hex(6)}
    yield from _fill(chosen, site, rows)
    with _writing(chosen, site, rows) as waited:
        time.sleep(_UNDISTURBED_SECONDS)
        begun = time.monotonic()
        migrations.carry_out(chosen, _step)
        quick = time.monotonic() - begun
        migrations.do_beside(chosen, migrations.statements_of(_BESIDE))
        took = time.monotonic() - begun
    yield f"a column, a foreign key and an index for {rows} alerts: {took:.1f} s, of that {quick:.2f} s in the step"
    yield (
        f"somebody else's writes meanwhile: {len(waited)}, p99 {percentile(waited, 0.99) * 1000:.0f} ms,"
        f" the longest {max(waited) * 1000:.0f} ms"
    )


def _step(connection: Connection) -> None:
    for statement in migrations.statements_of(_STEP):
        connection.exec_driver_sql(statement)


def _fill(chosen: Settings, site: dict[str, object], rows: int) -> Iterator[str]:
    with _connection(chosen) as connection:
        for statement in _SITE:
            connection.execute(statement, site)
        connection.execute("ALTER TABLE alerts DISABLE TRIGGER USER")  # nobody reads of these in /stream
        for first in range(1, rows + 1, _TOLD_EVERY):
            last = min(first + _TOLD_EVERY - 1, rows)
            connection.execute(_FILL, site | {"first": first, "last": last})
            yield f"{last} alerts"
        connection.execute("ALTER TABLE alerts ENABLE TRIGGER USER")
        connection.execute("ANALYZE alerts")


@contextmanager
def _writing(chosen: Settings, site: dict[str, object], rows: int) -> Iterator[list[float]]:
    """Writes one alert after the other until the end; gives the seconds that each took."""
    waited: list[float] = []
    over = threading.Event()

    def write() -> None:
        with _connection(chosen) as connection:
            while not over.wait(_PAUSE_SECONDS):
                begun = time.monotonic()
                connection.execute(_WRITE, site | {"key": f"key-{len(waited) * 7919 % rows + 1}"})
                waited.append(time.monotonic() - begun)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield waited
    finally:
        over.set()
        thread.join()


def _connection(chosen: Settings) -> psycopg.Connection:
    return psycopg.connect(chosen.owner_database_url.replace("+psycopg", ""), autocommit=True)
