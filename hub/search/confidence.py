"""How sure a result is: a calibrated probability that it is the right one, rising with every signal."""

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Signals:
    """What speaks for one result.

    `cosine` of its best chunk with the query, -1 to 1. `margin`: its score less that of the best other result, -1 to
    1. `coverage`: the share of the query's words that stand in it, rare words counting more, 0 to 1. `explicit`: it
    has the alert's very name, is the runbook that the alert links to, or people have confirmed it.
    """

    cosine: float
    margin: float
    coverage: float
    explicit: bool


@dataclass(frozen=True, slots=True)
class Coefficients:
    """Of a logistic regression; all but the intercept are positive, so that no signal can lower the confidence."""

    intercept: float
    cosine: float
    margin: float
    coverage: float
    explicit: float
    good: float


# A stored confidence names its version; versions are added, never changed.
VERSION = 1
COEFFICIENTS: Mapping[int, Coefficients] = {
    1: Coefficients(intercept=-6.0, cosine=5.0, margin=10.0, coverage=2.0, explicit=4.0, good=0.5),
}


def estimate(signals: Signals, version: int = VERSION) -> float:
    """The probability, 0 to 1, that the result is what was looked for."""
    weight = COEFFICIENTS[version]
    logit = (
        weight.intercept
        + weight.cosine * signals.cosine
        + weight.margin * signals.margin
        + weight.coverage * signals.coverage
        + weight.explicit * signals.explicit
    )
    return 1 / (1 + math.exp(-logit))


def is_good_match(best: float | None, version: int = VERSION) -> bool:
    """Whether the best result's confidence is worth showing as an answer; None when there is no result."""
    return best is not None and best >= COEFFICIENTS[version].good
