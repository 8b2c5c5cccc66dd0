"""How well runbooks are found: a folder of documents, queries and judgements, through the API of a hub of its own."""

import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

from hub.bench import processes
from hub.bench.running import RunningHub, running_hub, wait_for
from hub.bench.search_scores import Judgements, Scores, by_kind, score
from hub.client import Client

_BATCH_BYTES = 500_000
_INDEXING_SECONDS = 1_800.0
_WARM_UP = 20


@dataclass(frozen=True, slots=True)
class Dataset:
    """docs.jsonl {id, title, text, path?}, queries.jsonl {id, kind, text}, qrels.jsonl {query, doc, relevance}."""

    docs: Sequence[Mapping[str, Any]]
    queries: Sequence[Mapping[str, Any]]
    judged: Mapping[str, Judgements]

    @classmethod
    def read(cls, folder: Path) -> "Dataset":
        """Raises OSError, ValueError."""
        judged: dict[str, dict[str, int]] = defaultdict(dict)
        for line in _lines(folder / "qrels.jsonl"):
            judged[line["query"]][line["doc"]] = line.get("relevance", 1)
        return cls(_lines(folder / "docs.jsonl"), _lines(folder / "queries.jsonl"), judged)


def run(folder: Path) -> Iterator[str]:
    """Imports, waits for the index, asks every query, and says how good and how fast that was."""
    dataset = Dataset.read(folder)
    with tempfile.TemporaryDirectory(prefix="overwatch-bench-") as data, running_hub(Path(data)) as hub:
        yield from measure(hub, dataset)


def measure(hub: RunningHub, dataset: Dataset) -> Iterator[str]:
    """The same on a hub that runs, in a new organization."""
    client = hub.owner()
    began = time.perf_counter()
    places = _import(client, dataset.docs)
    imported = time.perf_counter()
    wait_until_indexed(hub)
    indexed = time.perf_counter()
    count = len(dataset.docs)
    yield f"{count} documents: imported {count / (imported - began):.1f}/s, found {count / (indexed - began):.1f}/s"
    scored, speed = _ask_all(hub, client, dataset, places)
    yield f"{'kind':<8} {'n':>5} recall@1 recall@5   MRR@10  nDCG@10"
    for kind, number, mean in by_kind(scored):
        figures = (mean.recall_1, mean.recall_5, mean.mrr_10, mean.ndcg_10)
        yield f"{kind:<8} {number:>5} " + " ".join(f"{figure:>8.4f}" for figure in figures)
    yield speed


def timed(hub: RunningHub, queries: Sequence[str], ask: Callable[[str], None]) -> str:
    """Asks all; median and 99th percentile of the latency, and the CPU that a query costs, in words.

    On a machine that does other things too the CPU tells more.
    """
    before = processes.cpu_seconds(hub.pid)
    seconds = []
    for query in queries:
        began = time.perf_counter()
        ask(query)
        seconds.append(time.perf_counter() - began)
    after = processes.cpu_seconds(hub.pid)
    percentiles = quantiles(seconds, n=100, method="inclusive")
    spent = {role: 1000 * (after[role] - before.get(role, 0.0)) / len(queries) for role in ("api", "postgres")}
    return (
        f"latency p50 {percentiles[49] * 1000:.1f} ms, p99 {percentiles[98] * 1000:.1f} ms"
        f" (CPU per query: API {spent['api']:.1f} ms, Postgres {spent['postgres']:.1f} ms)"
    )


def wait_until_indexed(hub: RunningHub) -> None:
    """Waits until the index lane has nothing left. Raises Unavailable."""
    wait_for(
        lambda: hub.query("SELECT count(*) FROM jobs WHERE lane = 'index' AND NOT is_dead") == [(0,)],
        _INDEXING_SECONDS,
        "The documents are not indexed",
    )


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _import(client: Client, docs: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Public id → the document's own."""
    places: dict[str, str] = {}
    for batch in _batches(docs):
        files = [{"path": f"{doc['id']}.md", "title": doc["title"], "content": doc["text"]} for doc in batch]
        for done in client.call("POST", "/procedures/import", {"files": files})["data"]:
            places[done["procedure_id"]] = done["path"].removesuffix(".md")
    return places


def _batches(docs: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    batch: list[Mapping[str, Any]] = []
    size = 0
    for doc in docs:
        batch.append(doc)
        size += len(doc["text"].encode())
        if size > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    yield batch


def _ask_all(
    hub: RunningHub, client: Client, dataset: Dataset, places: Mapping[str, str]
) -> tuple[list[tuple[str, Scores]], str]:
    asked = [query for query in dataset.queries if query["id"] in dataset.judged]
    for query in asked[:_WARM_UP]:
        _ask(client, query["text"])
    rankings: list[list[str]] = []
    speed = timed(hub, [query["text"] for query in asked], lambda text: rankings.append(_ask(client, text)))
    scored = [
        (str(query.get("kind", "")), score([places[each] for each in ranking], dataset.judged[query["id"]]))
        for query, ranking in zip(asked, rankings, strict=True)
    ]
    return scored, speed


def _ask(client: Client, text: str) -> list[str]:
    answer = client.call("POST", "/search/query", {"query": text, "content_types": ["procedures"], "limit": 10})
    return [hit["id"] for hit in answer["data"]]
