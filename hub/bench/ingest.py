"""What accepting and processing webhooks costs and bears, beside the floor of the same run."""

import os
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hub.bench import floor, processes
from hub.bench.blaster import Blast, blast
from hub.bench.running import RunningHub, running_hub, wait_for
from hub.bench.sender import alert_body

_WORKER = "worker-ingest"
_DRAIN_SECONDS = 300.0
_IS_PENDING = b"SELECT EXISTS (SELECT FROM deliveries WHERE status = 'pending')"
_FLOOR_BYTES = 1_000


# what a worker notes when the incidents of a delivery are decided; only its commit comes after
_WAITED = (
    "SELECT percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY"
    " 1000 * extract(epoch FROM CAST(stages ->> 'correlated' AS timestamptz) - received_at))"
    " FROM deliveries WHERE received_at >= %(since)s AND status = 'processed'"
)


@dataclass(frozen=True, slots=True)
class Case:
    """One load: so many webhooks of so many alerts; `repeats` says the alerts of a case before once more.

    With a `rate` of webhooks per second the workers work meanwhile; without one they work off what has gathered.
    """

    name: str
    webhooks: int
    alerts_each: int
    connections: int
    repeats: str = ""
    rate: float = 0.0


def _cases() -> Iterator[Case]:
    """The first is the one that is compared with the floor."""
    yield Case("unique, single, 32 connections", 4_000, 1, 32)
    for kind, webhooks, each in (("single", 2_000, 1), ("batches of 20", 250, 20)):
        for connections in (16, 64):
            unique = f"unique, {kind}, {connections} connections"
            yield Case(unique, webhooks, each, connections)
            yield Case(f"repeated, {kind}, {connections} connections", webhooks, each, connections, repeats=unique)
    for rate in (200, 400, 800):
        yield Case(f"steady, unique, single, {rate}/s", 10 * rate, 1, 16, rate=rate)
    for rate in (50, 100, 200):
        yield Case(f"steady, unique, batches of 20, {rate}/s", 5 * rate, 20, 16, rate=rate)


@dataclass(frozen=True, slots=True)
class Measured:
    """`cpu` is seconds by role, accept and work together, without indexing and without the load generator.

    `seconds` is what working off took; at a steady rate, from the first webhook until everything was done. `waited` is
    the milliseconds from webhook to incident, p50 and p99; empty where the workers had stood still.
    """

    case: Case
    accepted: Blast
    seconds: float
    cpu: dict[str, float]
    waited: Sequence[float] = ()

    def line(self) -> str:
        """For people."""
        alerts = self.case.webhooks * self.case.alerts_each
        spent = {role: round(seconds * 1000 / alerts, 2) for role, seconds in self.cpu.items()}
        generator = self.accepted.cpu_seconds * 1000 / self.case.webhooks
        return (
            f"{self.case.name}: accepted {self.accepted.per_second:,.0f} webhooks/s (p50"
            f" {self.accepted.milliseconds(0.5):.1f} ms, p99 {self.accepted.milliseconds(0.99):.1f} ms), {self._work()}"
            f" {alerts / self.seconds:,.0f} alerts/s; CPU {sum(spent.values()):.2f} s per 1,000 alerts {spent};"
            f" load generator {generator:.2f} s per 1,000 webhooks; {dict(self.accepted.statuses)}"
        )

    def _work(self) -> str:
        if not self.waited:
            return "then worked off"
        return f"webhook to incident p50 {self.waited[0]:.0f} ms, p99 {self.waited[1]:.0f} ms, to the end"


def run() -> Iterator[str]:
    """Measures on a hub of its own; gives a line as each figure is known."""
    with tempfile.TemporaryDirectory(prefix="overwatch-bench-") as folder, running_hub(Path(folder)) as hub:
        with _standing_still(hub, _WORKER):
            found = floor.measure(hub, _FLOOR_BYTES, 32)
        yield f"floor: {found.single:,.0f} single-row INSERTs/s, {found.batched:,.0f} rows/s by hundreds"
        webhook = hub.owner().connect("alertmanager", "bench")
        measure(hub, webhook, Case("warming up", 500, 1, 32))
        for number, case in enumerate(_cases()):
            measured = measure_steady(hub, webhook, case) if case.rate else measure(hub, webhook, case)
            yield measured.line()
            if number == 0:
                yield f"  = {100 * measured.accepted.per_second / found.single:.0f} % of the single-row floor"


def measure(hub: RunningHub, webhook: str, case: Case) -> Measured:
    """Accepts with the workers standing still, then lets them work off what has gathered."""
    before = processes.cpu_seconds(hub.pid)
    with _standing_still(hub, "worker-index"):
        with _standing_still(hub, _WORKER):
            accepted = blast(webhook, _bodies(case), case.connections)
        seconds = _drained(hub)
        return Measured(case, accepted, seconds, _spent_since(hub, before))


def measure_steady(hub: RunningHub, webhook: str, case: Case) -> Measured:
    """Accepts at the case's rate while the workers work."""
    ((since,),) = hub.query("SELECT now()")
    before = processes.cpu_seconds(hub.pid)
    with _standing_still(hub, "worker-index"):
        begun = time.monotonic()
        accepted = blast(webhook, _bodies(case), case.connections, case.rate)
        _drained(hub)
        seconds, cpu = time.monotonic() - begun, _spent_since(hub, before)
    ((waited,),) = hub.query(_WAITED, since=since)
    return Measured(case, accepted, seconds, cpu, waited)


def _bodies(case: Case) -> list[bytes]:
    name = (case.repeats or case.name).replace(" ", "-")
    starts = range(0, case.webhooks * case.alerts_each, case.alerts_each)
    return [alert_body(range(start, start + case.alerts_each), name) for start in starts]


def _drained(hub: RunningHub) -> float:
    with hub.connection() as outside:  # one, because to open one for each look costs as much as many alerts
        return wait_for(
            lambda: outside.execute(_IS_PENDING).fetchone() == (False,), _DRAIN_SECONDS, "Deliveries are still pending"
        )


def _spent_since(hub: RunningHub, before: Mapping[str, float]) -> dict[str, float]:
    return {role: spent - before.get(role, 0.0) for role, spent in processes.cpu_seconds(hub.pid).items()}


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
