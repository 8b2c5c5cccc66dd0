"""The floor beneath every figure: what plain Postgres commits on this machine in the same minute, by pgbench."""

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from urllib.parse import urlsplit

from hub import settings
from hub.bench.running import RunningHub
from hub.embedded import binaries

_SECONDS = 5
_MAKE = "CREATE TABLE IF NOT EXISTS bench_floor (id bigserial PRIMARY KEY, body bytea NOT NULL)"
_BODY = "decode(repeat('ab', {size}), 'hex')"
_SINGLE = f"INSERT INTO bench_floor (body) VALUES ({_BODY});"
_BATCH = f"INSERT INTO bench_floor (body) SELECT {_BODY} FROM generate_series(1, {{rows}});"
_RATE = re.compile(r"tps = ([\d.]+)")


@dataclass(frozen=True, slots=True)
class Floor:
    """Rows per second: prepared single-row INSERTs, and INSERTs of a hundred rows."""

    single: float
    batched: float


def measure(hub: RunningHub, size: int, connections: int) -> Floor:
    """Inserts of `size` bytes by so many connections, each committed."""
    hub.execute(_MAKE)
    single = _pgbench(hub, _SINGLE.format(size=size), connections)
    batched = 100 * _pgbench(hub, _BATCH.format(size=size, rows=100), connections)
    return Floor(single, batched)


def _pgbench(hub: RunningHub, statement: str, connections: int) -> float:
    url = urlsplit(settings.from_env(hub.data).owner_database_url)
    socket_folder = settings.socket_folder(hub.data)
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(statement)
        script.flush()
        load = f"-n -M prepared -T {_SECONDS} -j 1 -c {connections} -f {script.name}"
        done = subprocess.run(  # noqa: S603  # a program of our own
            [binaries.shipped() / "pgbench", *load.split(), "overwatch"],
            env={
                **os.environ,
                "PGHOST": str(socket_folder),
                "PGUSER": str(url.username),
                "PGPASSWORD": str(url.password),
            },
            capture_output=True,
            text=True,
            check=True,
        )
    found = _RATE.search(done.stdout)
    return float(found[1]) if found else 0.0
