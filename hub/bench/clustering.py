"""How well a grouping agrees with the truth: pairwise F1, B-cubed F1, adjusted Rand index."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Agreement:
    """1 is perfect; an adjusted Rand index (Hubert and Arabie, 1985) of 0 is what chance gives."""

    pairwise_f1: float
    b_cubed_f1: float
    adjusted_rand: float


def agreement(found: Sequence[Hashable], true: Sequence[Hashable]) -> Agreement:
    """Of two groupings of the same things, each a group's name per thing."""
    cells, rows, columns = Counter(zip(found, true, strict=True)), Counter(found), Counter(true)
    both, ours, theirs = (sum(n * (n - 1) / 2 for n in counted.values()) for counted in (cells, rows, columns))
    everything = len(true) * (len(true) - 1) / 2
    by_chance = ours * theirs / everything if everything else 0.0
    most = (ours + theirs) / 2
    precision = sum(n * n / rows[row] for (row, _), n in cells.items()) / len(true)
    recall = sum(n * n / columns[column] for (_, column), n in cells.items()) / len(true)
    return Agreement(
        pairwise_f1=2 * both / (ours + theirs) if ours + theirs else 1.0,
        b_cubed_f1=2 * precision * recall / (precision + recall),
        adjusted_rand=(both - by_chance) / (most - by_chance) if most != by_chance else 1.0,
    )
