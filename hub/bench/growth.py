"""Whether an alert costs more the more are stored: the same loads on an organization that grows."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from hub.bench import stored
from hub.bench.ingest import Case, measure
from hub.bench.running import RunningHub, running_hub

_WEBHOOKS = 1_500
_ALERTS_PER_INCIDENT = 10
_CONNECTIONS = 32


def run(sizes: Sequence[int]) -> Iterator[str]:
    """Measures at each size on a hub of its own; gives a line as each figure is known."""
    with tempfile.TemporaryDirectory(prefix="overwatch-bench-") as folder, running_hub(Path(folder)) as hub:
        yield from grow(hub, sizes, _WEBHOOKS)


def grow(hub: RunningHub, sizes: Sequence[int], webhooks: int) -> Iterator[str]:
    """The same in a new organization of a hub that runs: CPU of all processes and Postgres, beside the first size's."""
    webhook = hub.owner().connect("alertmanager", "bench")
    first: dict[str, float] = {}
    for size in sizes:
        incidents = max(1, size // _ALERTS_PER_INCIDENT)
        stored.store(hub, stored.integration_of(webhook), size, incidents, kind=f"stored-{size}")
        measure(hub, webhook, Case("warming up", webhooks // 3, 1, _CONNECTIONS))  # and what stored them is gone then
        for kind, case in _cases(size, webhooks).items():
            spent = sum(measure(hub, webhook, case).cpu.values())
            cost = spent * 1000 / (case.webhooks * case.alerts_each)
            ratio = cost / first.setdefault(kind, cost)
            yield f"{case.name}: {cost:.2f} s of CPU per 1,000 alerts, {ratio:.2f} of the first"


def _cases(size: int, webhooks: int) -> dict[str, Case]:
    unique, repeated, batches = (
        f"{kind} beside {size:,} more" for kind in ("unique, single", "repeated, single", "unique, batches of 20")
    )
    return {
        "unique": Case(unique, webhooks, 1, _CONNECTIONS),
        "repeated": Case(repeated, webhooks, 1, _CONNECTIONS, repeats=unique),
        "batches": Case(batches, webhooks // 10, 20, _CONNECTIONS),
    }
