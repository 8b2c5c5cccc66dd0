"""What two API and two worker processes gain over one of each, on this machine."""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from hub.bench import floor, ingest
from hub.bench.ingest import Case, Measured
from hub.bench.running import running_hub

_COUNTS = (1, 2)
_ROUNDS = 3
_CASES = (Case("single", 5_000, 1, 32), Case("batches of 20", 400, 20, 16))
_FLOOR_BYTES = 1_000


def run() -> Iterator[str]:
    """Each case some times on a hub of its own; the best counts, as others on the machine can only take away."""
    best: dict[tuple[str, int], Measured] = {}
    for count in _COUNTS:
        with (
            tempfile.TemporaryDirectory(prefix="overwatch-bench-") as folder,
            running_hub(Path(folder), "--api", str(count), "--workers", str(count)) as hub,
        ):
            found = floor.measure(hub, _FLOOR_BYTES, 32)
            yield f"{count} + {count} processes: floor {found.single:,.0f} single-row INSERTs/s"
            webhook = hub.owner().connect("alertmanager", "bench")
            ingest.measure(hub, webhook, Case("warming up", 500, 1, 32))
            for case in _CASES:
                measured = [ingest.measure(hub, webhook, _fresh(case, turn)) for turn in range(_ROUNDS)]
                chosen = max(measured, key=lambda each: each.accepted.per_second)
                best[case.name, count] = chosen
                yield f"  {chosen.line()}"
    yield from _gains(best)


def _gains(best: dict[tuple[str, int], Measured]) -> Iterator[str]:
    for case in _CASES:
        one, two = (best[case.name, count] for count in _COUNTS)
        gain = two.accepted.per_second / one.accepted.per_second
        busy = two.cpu["api"] / two.accepted.seconds
        yield (
            f"{case.name}: two accept {gain:.2f} times what one accepts, and work off"
            f" {one.seconds / two.seconds:.2f} times as fast; of {os.cpu_count()} cores the API had"
            f" {busy:.2f} meanwhile, Postgres and who sends the rest"
        )


def _fresh(case: Case, turn: int) -> Case:
    return replace(case, name=f"{case.name}, round {turn + 1}")
