"""Chaos: a sender that retries until 2xx, while processes that are busy are killed; then nothing is lost or doubled."""

import os
import random
import signal
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from hub import auditor, settings
from hub.bench import processes
from hub.bench.running import RunningHub, running_hub, wait_for
from hub.bench.sender import Sender, Sent, alert_body
from hub.database import Database
from hub.egress import Egress
from hub.search import auditing
from hub.search.embedding.loaded import embedders

VICTIMS = ("worker-ingest", "api", "postgres", "worker-ingest", "api", "worker-index", "postgres", "scheduler")
SETTLE_SECONDS = 60.0

_ACCEPTED = "SELECT count(*) FROM deliveries WHERE id = ANY(%(ids)s)"
_PENDING = "SELECT count(*) FROM deliveries WHERE status = 'pending'"
_ALERTS = (
    "SELECT count(*), count(*) FILTER (WHERE occurrence_count <> 1 OR episode_count <> 1), count(incident_id)"
    " FROM alerts WHERE dedup_key LIKE %(run)s"
)
_STATUSES = "SELECT status, count(*) FROM deliveries GROUP BY 1"


@dataclass(frozen=True, slots=True)
class Report:
    """What the load met and what came of it. `lost` counts webhooks without receipt or alert, `doubled` effects."""

    sent: Sent
    kills: Counter[str]
    settled_seconds: float
    lost: int
    doubled: int
    unplaced: int
    outcomes: dict[str, int]
    violations: Sequence[str]

    def lines(self) -> list[str]:
        """The report for people."""
        killed = ", ".join(f"{count} × {role}" for role, count in self.kills.most_common())
        return [
            f"{len(self.sent.receipts)} webhooks accepted in {self.sent.seconds:.0f} s; answers by status: "
            f"{dict(sorted(self.sent.statuses.items()))} (0: no answer)",
            f"{self.kills.total()} kills: {killed}",
            f"all terminal {self.settled_seconds:.1f} s after the load: {self.outcomes}",
            f"lost {self.lost}, doubled {self.doubled}, without incident {self.unplaced}",
            *(self.violations or ["the auditor finds nothing"]),
        ]

    @property
    def is_good(self) -> bool:
        """Whether the promise was held."""
        return not (self.lost or self.doubled or self.unplaced or self.violations)


@dataclass(slots=True)
class Killer:
    """Kills one busy process after the other, at random moments, until it is told to stop."""

    hub: RunningHub
    seconds_between: float
    most: int
    chance: random.Random
    victims: Sequence[str] = VICTIMS

    def run(self, is_over: Callable[[], bool]) -> Counter[str]:
        """Gives the kills by role."""
        kills: Counter[str] = Counter()
        pause = threading.Event()
        while not is_over() and kills.total() < self.most:
            pause.wait(self.seconds_between * self.chance.uniform(0.3, 1.7))
            role = self.victims[kills.total() % len(self.victims)]
            victim = processes.busiest(self.hub.pid, role)
            if victim is not None:
                os.kill(victim.pid, signal.SIGKILL)
                kills[role] += 1
        return kills


def run(count: int, kills: int, seed: int, rate: float, connections: int = 16) -> Report:
    """A hub of its own, `count` webhooks at `rate` per second, kills spread over that time."""
    with tempfile.TemporaryDirectory(prefix="overwatch-chaos-") as folder, running_hub(Path(folder)) as hub:
        return strain(hub, count, kills, seed, rate, connections)


def strain(hub: RunningHub, count: int, kills: int, seed: int, rate: float, connections: int = 16) -> Report:
    """The same on a hub that runs."""
    name = f"chaos-{seed}"
    webhook = hub.owner().connect("alertmanager", name)
    sender = Sender(webhook, lambda n: alert_body(range(n, n + 1), name), count, connections, rate)
    killer = Killer(hub, count / rate / max(1, kills), kills, random.Random(seed))  # noqa: S311  # repeatable on purpose
    sender.start()
    killed = killer.run(lambda: False)
    sent = sender.join()
    hub.wait_until_ready()  # who was killed last may be on its way back
    return examine(hub, name, count, sent, killed)


def examine(hub: RunningHub, run_name: str, count: int, sent: Sent, kills: Counter[str]) -> Report:
    """Waits until all is terminal, and looks at what is there."""
    settled = wait_for(lambda: _pending(hub) == 0, SETTLE_SECONDS, "Deliveries are still pending")
    receipts = [f"{receipt.removeprefix('dlv_')}" for receipt in sent.receipts.values()]
    ((stored,),) = hub.query(_ACCEPTED, ids=receipts)
    ((alerts, odd, placed),) = hub.query(_ALERTS, run=f"{run_name}-%")
    return Report(
        sent,
        kills,
        settled,
        lost=(count - len(receipts)) + (len(set(receipts)) - stored) + max(0, count - alerts),
        doubled=odd + max(0, alerts - count),
        unplaced=alerts - placed,
        outcomes=dict(hub.query(_STATUSES)),
        violations=audit(hub),
    )


def audit(hub: RunningHub) -> list[str]:
    """What the auditor finds, for people."""
    chosen = settings.from_env(hub.data)
    database = Database(chosen.database_url)
    model_id = embedders(chosen, {}, Egress(())).current_id
    try:
        found = (*auditor.audit(database), *auditing.audit(database, model_id))
        return [f"{each.promise}: {each.count} × {each.examples[:2]}" for each in found]
    finally:
        database.dispose()


def _pending(hub: RunningHub) -> int:
    try:
        ((pending,),) = hub.query(_PENDING)
    except psycopg.OperationalError:  # Postgres is just coming back
        return -1
    return int(pending)
