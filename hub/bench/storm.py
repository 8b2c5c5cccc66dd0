"""A flood of one organization, of few alerts again and again or of many unique ones, and what another notices of it."""

import itertools
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import urllib3

from hub.bench import latency, processes, stored
from hub.bench.blaster import Blast, blast
from hub.bench.chaos import audit
from hub.bench.latency import Waited
from hub.bench.running import RunningHub, running_hub, wait_for
from hub.bench.sender import alert_body

_LONGEST_SECONDS = 600.0
_NEIGHBOURS = 4  # whoever still waits for one webhook does not keep the next from being sent
_NEIGHBOUR_PAUSE_SECONDS = 0.3
_NEIGHBOUR_SECONDS = 5.0  # what it may wait at most, by p99
_BEGAN = datetime(2026, 1, 2, 3, tzinfo=UTC)

_PENDING = "SELECT count(*) FROM deliveries WHERE status = 'pending' AND integration_id = CAST(%(id)s AS uuid)"
_ALERTS = (
    "SELECT count(*), coalesce(sum(occurrence_count), 0), count(incident_id), count(DISTINCT incident_id)"
    " FROM alerts WHERE integration_id = CAST(%(id)s AS uuid)"
)
_TEXTS = (
    "SELECT count(*), count(DISTINCT text_hash) FROM chunks"
    " WHERE organization_id = (SELECT organization_id FROM integrations WHERE id = CAST(%(id)s AS uuid))"
)
_UNINDEXED = "SELECT count(*) FROM jobs WHERE lane = 'index' AND NOT is_dead"


@dataclass(frozen=True, slots=True)
class Flood:
    """So many webhooks of so many alerts; more webhooks than alerts let each fire again and again."""

    name: str
    webhooks: int
    alerts: int

    def bodies(self) -> list[bytes]:
        """One alert each; every firing began at a time of its own, so that each is an occurrence."""
        return [self._body(number) for number in range(self.webhooks)]

    def _body(self, number: int) -> bytes:
        key = number % self.alerts
        began = _BEGAN + timedelta(seconds=number // self.alerts)
        body = alert_body(range(key, key + 1), self.name)
        return body.replace(_BEGAN.strftime("%FT%TZ").encode(), began.strftime("%FT%TZ").encode())


@dataclass(frozen=True, slots=True)
class Report:
    """`seconds` from the first webhook until the last was terminal; `neighbour` is what another organization waited."""

    flood: Flood
    accepted: Blast
    seconds: float
    counted: tuple[int, int, int, int]
    texts: tuple[int, int]
    index_cpu: float
    neighbour: Sequence[Waited]

    def lines(self) -> Iterator[str]:
        """For people."""
        alerts, occurrences, placed, incidents = self.counted
        yield (
            f"{self.flood.name}: {self.flood.webhooks} webhooks of {self.flood.alerts} alerts, accepted in"
            f" {self.accepted.seconds:.1f} s (p99 {self.accepted.milliseconds(0.99):.0f} ms), all terminal"
            f" {self.seconds:.1f} s after the first; {dict(self.accepted.statuses)}"
        )
        yield f"  {alerts} alerts of {occurrences} occurrences, {placed} of them in {incidents} incidents"
        yield (
            f"  {self.texts[0]} pieces of text indexed, {self.texts[1]} distinct; the embedding worker used"
            f" {self.index_cpu:.1f} s of CPU"
        )
        yield f"  {latency.line('neighbour, webhook to answer', [each.accepted for each in self.neighbour])}"
        yield f"  {latency.line('neighbour, webhook to visible incident', self._waited)}"

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost or doubled, and the neighbour was served in time."""
        expected = (self.flood.alerts, self.flood.webhooks, self.flood.alerts)
        return self.counted[:3] == expected and latency.percentile(self._waited, 0.99) <= _NEIGHBOUR_SECONDS

    @property
    def _waited(self) -> list[float]:
        return [each.visible for each in self.neighbour]


def run(webhooks: int, keys: int, connections: int, say: Callable[[str], object]) -> bool:
    """A storm of so many keys, then a herd, each of an organization of a new hub; whether all is well."""
    with tempfile.TemporaryDirectory(prefix="overwatch-bench-") as folder, running_hub(Path(folder)) as hub:
        return strain(hub, webhooks, keys, connections, say)


def strain(hub: RunningHub, webhooks: int, keys: int, connections: int, say: Callable[[str], object]) -> bool:
    """The same on a hub that runs."""
    neighbour = hub.owner().connect("alertmanager", "neighbour")
    latency.measure(hub, neighbour, 20)
    is_good = True
    for flood in (Flood("storm", webhooks, keys), Flood("herd", webhooks, webhooks)):
        report = _let_in(hub, flood, neighbour, connections)
        for line in report.lines():
            say(line)
        is_good &= report.is_good
    violations = audit(hub)
    for line in violations or ["the auditor finds nothing"]:
        say(line)
    return is_good and not violations


def _let_in(hub: RunningHub, flood: Flood, neighbour: str, connections: int) -> Report:
    webhook = hub.owner().connect("alertmanager", flood.name)
    integration = str(stored.integration_of(webhook))
    bodies = flood.bodies()
    before = processes.cpu_seconds(hub.pid)
    waited: list[Waited] = []
    with _living_beside(hub, neighbour, waited):
        begun = time.monotonic()
        accepted = blast(webhook, bodies, connections)
        wait_for(lambda: hub.query(_PENDING, id=integration) == [(0,)], _LONGEST_SECONDS, "Deliveries are pending")
        seconds = time.monotonic() - begun
    wait_for(lambda: hub.query(_UNINDEXED) == [(0,)], _LONGEST_SECONDS, "Incidents are not indexed")
    index_cpu = processes.cpu_seconds(hub.pid)["worker-index"] - before["worker-index"]
    (counted,), (texts,) = hub.query(_ALERTS, id=integration), hub.query(_TEXTS, id=integration)
    return Report(flood, accepted, seconds, counted, texts, index_cpu, waited)


@contextmanager
def _living_beside(hub: RunningHub, webhook: str, waited: list[Waited]) -> Iterator[None]:
    """Meanwhile the neighbour pushes an alert now and then, and looks when it is in an incident."""
    over, numbers, name = threading.Event(), itertools.count(), secrets.token_hex(6)

    def live() -> None:
        with hub.connection() as connection, urllib3.PoolManager(maxsize=1, retries=False) as sender:
            while not over.wait(_NEIGHBOUR_PAUSE_SECONDS):
                waited.append(latency.push_and_see(connection, sender, webhook, name, next(numbers)))

    with ThreadPoolExecutor(_NEIGHBOURS) as pool:
        lives: list[Future[None]] = [pool.submit(live) for _ in range(_NEIGHBOURS)]
        try:
            yield
        finally:
            over.set()
    for each in lives:
        each.result()
