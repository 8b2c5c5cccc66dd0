"""What a page of a long list takes over HTTP: by filters, words, orders and late pages, the first time and again."""

import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlencode

from hub.bench import stored
from hub.bench.running import RunningHub, running_hub
from hub.client import Client

_ROUNDS = 9

Query = Mapping[str, str]

_COMMON: Sequence[Query] = (
    {},
    {"page": "2"},
    {"page": "3000"},
    {"severity": "critical"},
    {"severity": "critical,high", "status": "resolved"},
    {"status": "resolved"},
    {"service": "service-7"},
    {"service": "there-is-none"},
    {"created_after": "2020-01-01T00:00:00Z"},
    {"created_before": "2020-01-01T00:00:00Z"},
    {"q": stored.RARE_WORD},
    {"q": "host-123"},
    {"q": "rate 7"},
    {"q": "error"},
    {"q": "error", "severity": "critical"},
    {"q": "there-is-none"},
    {"sort": "title"},
    {"sort": "-severity,-created_at"},
)
_QUERIES: Mapping[str, Sequence[Query]] = {
    "/users/me": ({},),
    "/alerts": (
        *_COMMON,
        {"status": "firing"},
        {"platform": "alertmanager"},
        {"label": "team:team-3"},
        {"label": "instance:host-777"},
        {"label": "team:team-3", "status": "firing"},
        {"sort": "-last_seen_at"},
        {"sort": "-occurrence_count"},
    ),
    "/incidents": (
        *_COMMON,
        {"status": "open"},
        {"assignee": "none"},
        {"source": "manual"},
        {"tag": "team-3"},
        {"tag": "there-is-none"},
        {"sort": "-updated_at"},
        {"sort": "-alert_count"},
    ),
}


def run(rows: int) -> Iterator[str]:
    """So many alerts and as many incidents in a hub of its own; gives a line per query."""
    with tempfile.TemporaryDirectory(prefix="overwatch-bench-") as folder, running_hub(Path(folder)) as hub:
        yield from measure(hub, rows)


def measure(hub: RunningHub, rows: int) -> Iterator[str]:
    """The same in a new organization of a hub that runs."""
    owner = hub.owner()
    stored.store(hub, stored.integration_of(owner.connect("alertmanager", "stored")), rows, rows)
    yield f"{rows} alerts, {rows} incidents; pages of 25; the first line is what any request takes"
    for path, queries in _QUERIES.items():
        yield from (_line(path, query, _measure(owner, path, query)) for query in queries)


def _measure(person: Client, path: str, query: Query) -> list[float]:
    """Milliseconds of each request; two processes answer, so each may have to look for itself once."""
    taken = []
    for _ in range(_ROUNDS):
        begun = time.monotonic()
        person.call("GET", f"{path}?{urlencode(query)}")
        taken.append(1000 * (time.monotonic() - begun))
    return taken


def _line(path: str, query: Query, taken: Sequence[float]) -> str:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    return f"p50 {statistics.median(taken):6.1f} ms, first {taken[0]:7.1f} ms  {path}?{asked}"
