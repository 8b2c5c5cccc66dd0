"""From webhook to visible incident on an idle hub of its own: what somebody waits who stands beside it."""

import secrets
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
import urllib3

from hub.bench.running import RunningHub, running_hub
from hub.bench.sender import alert_body
from hub.contracts.errors import Unavailable

_WARM_UP = 20
_LOOK_SECONDS = 0.002
_PAUSE_SECONDS = 0.05
_LONGEST_SECONDS = 60.0
_PLACED = "SELECT FROM alerts WHERE dedup_key = %(key)s AND incident_id IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Waited:
    """Seconds since the sender began to send: until the answer, and until others can see the alert in its incident."""

    accepted: float
    visible: float


def run(count: int) -> Iterator[str]:
    """One webhook after the other, each of an alert of its own; gives a line per figure. Raises Unavailable."""
    with tempfile.TemporaryDirectory(prefix="overwatch-bench-") as folder, running_hub(Path(folder)) as hub:
        webhook = hub.owner().connect("alertmanager", "latency")
        measure(hub, webhook, _WARM_UP)
        waited = measure(hub, webhook, count)
    yield line("webhook to answer", [each.accepted for each in waited])
    yield line("webhook to visible incident", [each.visible for each in waited])


def measure(hub: RunningHub, webhook: str, count: int) -> list[Waited]:
    """Pushes `count` webhooks, the next only when the one before is seen and a moment has passed."""
    name = secrets.token_hex(6)
    found = []
    with hub.connection() as connection, urllib3.PoolManager(maxsize=1, retries=False) as sender:
        for number in range(count):
            found.append(push_and_see(connection, sender, webhook, name, number))
            time.sleep(_PAUSE_SECONDS)
    return found


def push_and_see(
    connection: psycopg.Connection, sender: urllib3.PoolManager, webhook: str, run_name: str, number: int
) -> Waited:
    """One webhook of an alert of its own, waited for. Raises Unavailable when it is refused or never seen."""
    body = alert_body(range(number, number + 1), run_name)
    begun = time.monotonic()
    answer = sender.request("POST", webhook, body=body, headers={"Content-Type": "application/json"})
    accepted = time.monotonic() - begun
    if answer.status != 200:
        raise Unavailable(f"The hub answered {answer.status} to a webhook.")
    return Waited(accepted, _seen(connection, f"{run_name}-{number}", begun))


def _seen(connection: psycopg.Connection, key: str, begun: float) -> float:
    while connection.execute(_PLACED, {"key": key}).fetchone() is None:
        if time.monotonic() - begun > _LONGEST_SECONDS:
            raise Unavailable(f"No incident is visible {_LONGEST_SECONDS:.0f} s after its webhook.")
        time.sleep(_LOOK_SECONDS)
    return time.monotonic() - begun


def percentile(waited: Sequence[float], share: float) -> float:
    """Within which this share ended; of at least one."""
    ordered = sorted(waited)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def line(name: str, waited: Sequence[float]) -> str:
    """For people: the share of waits, in milliseconds."""
    p50, p99 = (1000 * percentile(waited, share) for share in (0.5, 0.99))
    return f"{name}: p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {1000 * max(waited):.1f} ms, of {len(waited)}"
