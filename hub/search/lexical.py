"""How well the words of a query match a chunk: BM25 over the candidates at hand, which needs no statistics kept.

Robertson and Zaragoza, 2009, https://doi.org/10.1561/1500000019. A word's rarity is counted among the candidates: on
two public sets of runbooks and on log lines that ranks as well as rarity over the whole index, and square-rooted it
ranks better (the candidates are alike, so their common words still say something).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from uuid import UUID

_SATURATION = 1.2
_LENGTH = 0.6
_MOST_COMMON = 12  # that are paired: 66 pairs

ChunkId = tuple[UUID, int]  # the document, and the chunk's ordinal in it


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that one of the indexes found.

    `frequencies` counts each of the query's lexemes in the chunk, in the query's order; `length` counts the chunk's
    distinct lexemes. `subject_id` is what its document is about: an incident and its solution are about one.
    """

    chunk_id: ChunkId
    document_id: UUID
    cosine: float
    frequencies: Sequence[int]
    length: int
    subject_id: UUID | None = None


def worth_asking(lexemes: Sequence[str], common: Mapping[str, float], most: float) -> list[tuple[str, ...]]:
    """What to ask the index for: chunks with one of these lexemes, or with both of a pair.

    The rarest lexemes, and pairs of those that are too common alone, while their shares of all chunks add up to `most`;
    at least one. `common` has the share, 0 to 1, of every lexeme that is not rare. Common words change the order of
    what is found, where they are all counted, but alone they would bring in a large part of the index.
    """
    share = {lexeme: common.get(lexeme, 0.0) for lexeme in lexemes}
    by_rarity = sorted(share, key=lambda lexeme: share[lexeme])
    alone = _while_rare(((lexeme,) for lexeme in by_rarity), share, most)
    others = by_rarity[len(alone) : len(alone) + _MOST_COMMON]
    pairs = sorted(combinations(others, 2), key=lambda pair: share[pair[0]] * share[pair[1]])
    spent = sum(share[lexeme] for (lexeme,) in alone)
    chosen = [*alone, *_while_rare(pairs, share, most - spent)]
    return chosen or [*pairs[:1]] or [(lexeme,) for lexeme in by_rarity[:1]]


def _while_rare(asked: Iterable[tuple[str, ...]], share: Mapping[str, float], most: float) -> list[tuple[str, ...]]:
    """The first of them, until the chunks expected to have them are too many; words are taken to be independent."""
    shares = ((each, math.prod(share[lexeme] for lexeme in each)) for each in asked)
    chosen = []
    for each, expected in shares:
        most -= expected
        if most < 0:
            break
        chosen.append(each)
    return chosen


def rarity(candidates: Sequence[Candidate]) -> list[float]:
    """How much each lexeme of the query tells, above 0; one that no candidate has tells most."""
    holding = [sum(map(bool, column)) for column in zip(*(c.frequencies for c in candidates), strict=True)]
    return [math.sqrt(math.log1p((len(candidates) - count + 0.5) / (count + 0.5))) for count in holding]


def scores(candidates: Sequence[Candidate], weights: Sequence[float]) -> list[float]:
    """Each candidate's BM25, 0 to 1: 1 for the best when it has about all the words, less when even it lacks some."""
    mean = sum(candidate.length for candidate in candidates) / max(1, len(candidates))
    found = [_bm25(candidate, weights, mean) for candidate in candidates]
    each_word_once = sum(weights)
    most = max(each_word_once, *found, 0.0) or 1.0
    return [score / most for score in found]


def coverage(candidates: Sequence[Candidate], weights: Sequence[float]) -> float:
    """The share of the query's words that stand in any of the chunks, by rarity, 0 to 1."""
    present = [any(column) for column in zip(*(c.frequencies for c in candidates), strict=True)]
    covered = sum(weight for weight, is_there in zip(weights, present, strict=True) if is_there)
    return covered / (sum(weights) or 1.0)


def _bm25(candidate: Candidate, weights: Sequence[float], mean_length: float) -> float:
    stretch = _SATURATION * (1 - _LENGTH + _LENGTH * candidate.length / max(mean_length, 1.0))
    return sum(
        weight * frequency * (_SATURATION + 1) / (frequency + stretch)
        for weight, frequency in zip(weights, candidate.frequencies, strict=True)
        if frequency
    )
