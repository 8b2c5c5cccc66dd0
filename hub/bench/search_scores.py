"""Scores of rankings against judgements: recall, reciprocal rank, discounted cumulative gain.

Järvelin and Kekäläinen, 2002, https://doi.org/10.1145/582415.582418, with gains of 2^relevance - 1.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

_CUT = 10

Judgements = Mapping[str, int]  # document → relevance; what is missing has none


@dataclass(frozen=True, slots=True)
class Scores:
    """Of one query, or the means of many; each 0 to 1."""

    recall_1: float
    recall_5: float
    mrr_10: float
    ndcg_10: float


def score(ranking: Sequence[str], judged: Judgements) -> Scores:
    """Of one ranking, best first; a document counts where it comes first."""
    found = list(dict.fromkeys(ranking))
    relevant = {document for document, relevance in judged.items() if relevance > 0}
    first = next((place for place, document in enumerate(found[:_CUT], start=1) if document in relevant), None)
    return Scores(
        recall_1=len(relevant.intersection(found[:1])) / len(relevant),
        recall_5=len(relevant.intersection(found[:5])) / len(relevant),
        mrr_10=1 / first if first else 0.0,
        ndcg_10=_gain(judged.get(each, 0) for each in found) / _gain(iter(sorted(judged.values(), reverse=True))),
    )


def by_kind(scored: Sequence[tuple[str, Scores]]) -> Iterator[tuple[str, int, Scores]]:
    """The mean of each kind of query with their number, and of all."""
    groups: dict[str, list[Scores]] = defaultdict(list)
    for kind, scores in scored:
        groups[kind].append(scores)
        groups["all"].append(scores)
    for kind in sorted(groups, key=lambda kind: (kind == "all", kind)):
        yield kind, len(groups[kind]), _mean(groups[kind])


def _gain(relevances: Iterator[int]) -> float:
    places = range(2, _CUT + 2)
    return math.fsum((2.0**each - 1) / math.log2(place) for place, each in zip(places, relevances, strict=False))


def _mean(scores: Sequence[Scores]) -> Scores:
    return Scores(*(sum(getattr(each, field.name) for each in scores) / len(scores) for field in fields(Scores)))
