"""What accepting and processing webhooks costs and bears, beside the floor of the same run."""

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hub.bench import floor, processes
from hub.bench.blaster import Blast, blast
from hub.bench.running import RunningHub, running_hub, wait_for
from hub.bench.sender import alert_body

_WORKER = "worker-ingest"
_DRAIN_SECONDS = 300.0
_PENDING = "SELECT count(*) FROM deliveries WHERE status = 'pending'"
_FLOOR_BYTES = 1_000


@dataclass(frozen=True, slots=True)
class Case:
    """One load: so many webhooks of so many alerts; `repeats` says the alerts of a case before once more."""

    name: str
    webhooks: int
    alerts_each: int
    connections: int
    repeats: str = ""


CASES = (
    Case("unique, single, 32 connections", 4_000, 1, 32),
    Case("repeated, single, 32 connections", 4_000, 1, 32, "unique, single, 32 connections"),
    Case("unique, batches of 20, 16 connections", 500, 20, 16),
    Case("repeated, batches of 20, 16 connections", 500, 20, 16, "unique, batches of 20, 16 connections"),
    Case("unique, single, 64 connections", 4_000, 1, 64),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """`cpu` is seconds by role and 1,000 alerts, accept and work together, without indexing."""

    case: Case
    accepted: Blast
    drain_seconds: float
    cpu: dict[str, float]

    def line(self) -> str:
        """For people."""
        alerts = self.case.webhooks * self.case.alerts_each
        spent = {role: round(seconds * 1000 / alerts, 2) for role, seconds in self.cpu.items()}
        return (
            f"{self.case.name}: accepted {self.accepted.per_second:,.0f} webhooks/s (p50"
            f" {self.accepted.milliseconds(0.5):.1f} ms, p99 {self.accepted.milliseconds(0.99):.1f} ms), then worked"
            f" off {alerts / self.drain_seconds:,.0f} alerts/s; CPU {sum(spent.values()):.2f} ms per alert {spent};"
            f" {dict(self.accepted.statuses)}"
        )


def run() -> Iterator[str]:
    """Measures on a hub of its own; gives a line as each figure is known."""
    with tempfile.TemporaryDirectory(prefix="overwatch-bench-") as folder, running_hub(Path(folder)) as hub:
        with _standing_still(hub, _WORKER):
            found = floor.measure(hub, _FLOOR_BYTES, 32)
        yield f"floor: {found.single:,.0f} single-row INSERTs/s, {found.batched:,.0f} rows/s by hundreds"
        webhook = hub.owner().connect("alertmanager", "bench")
        measure(hub, webhook, Case("warming up", 500, 1, 32))
        for case in CASES:
            measured = measure(hub, webhook, case)
            yield measured.line()
            if case is CASES[0]:
                yield f"  = {100 * measured.accepted.per_second / found.single:.0f} % of the single-row floor"


def measure(hub: RunningHub, webhook: str, case: Case) -> Measured:
    """Accepts with the workers standing still, then lets them work off what has gathered."""
    name = (case.repeats or case.name).replace(" ", "-")
    ranges = [range(n * case.alerts_each, (n + 1) * case.alerts_each) for n in range(case.webhooks)]
    bodies = [alert_body(numbers, name) for numbers in ranges]
    before = processes.cpu_seconds(hub.pid)
    with _standing_still(hub, _WORKER), _standing_still(hub, "worker-index"):
        accepted = blast(webhook, bodies, case.connections)
    with _standing_still(hub, "worker-index"):
        start = time.monotonic()
        wait_for(lambda: hub.query(_PENDING) == [(0,)], _DRAIN_SECONDS, "Deliveries are still pending")
        drained = time.monotonic() - start
        after = processes.cpu_seconds(hub.pid)
    return Measured(case, accepted, drained, {role: spent - before.get(role, 0.0) for role, spent in after.items()})


@contextmanager
def _standing_still(hub: RunningHub, role: str) -> Iterator[None]:
    """Stops the processes of a role for a while."""
    chosen = [each.pid for each in processes.below(hub.pid) if each.role == role]
    for pid in chosen:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in chosen:
            os.kill(pid, signal.SIGCONT)
