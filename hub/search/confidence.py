"""How sure a result is: a calibrated probability that it is the right one, rising with every signal."""

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Signals:
    """What speaks for one result.

    `cosine` of its best chunk with the query, -1 to 1. `margin`: its score less that of the best other document, -1
    to 1. `lead`: its score less what the crowd behind the first few reaches, -1 to 1; siblings, which take each other's
    margin, stand out from it together. `coverage`: the share of the query's words that stand in it, rare words counting
    more, 0 to 1. `explicit`: it has the alert's very name, is the runbook that the alert links to, or people have
    confirmed it.
    """

    cosine: float
    margin: float
    lead: float
    coverage: float
    explicit: bool


@dataclass(frozen=True, slots=True)
class Coefficients:
    """Of a logistic regression; none but the intercept is negative, so that no signal can lower the confidence.

    `good` is the confidence from which a result is worth calling an answer.
    """

    intercept: float
    cosine: float
    margin: float
    lead: float
    coverage: float
    explicit: float
    good: float


# Versions are added, never changed, for a stored confidence is explained by its own. Both were fitted on half of the
# queries of two public sets of runbooks and on questions on other topics, against whole and small indexes with and
# without the right document; version 2 also on paraphrases, logs, typing errors and codes made up for this, which
# version 1 trusted too little: it called half of the right answers to them good, version 2 two thirds. Both say so of a
# quarter of the descriptions of another platform's troubles, and of 1 to 3 % of the questions on other topics. Stated
# and true shares lie within 0.1 of each other, except where the right document is missing and its siblings are there:
# confidence is then about 0.2 too high.
VERSION = 2
COEFFICIENTS: Mapping[int, Coefficients] = {
    1: Coefficients(intercept=-2.55, cosine=0.5, margin=10.3, lead=0.0, coverage=2.0, explicit=5.0, good=0.3),
    2: Coefficients(intercept=-2.9, cosine=0.0, margin=9.0, lead=5.0, coverage=1.2, explicit=5.0, good=0.25),
}


def estimate(signals: Signals, version: int = VERSION) -> float:
    """The probability, 0 to 1, that the result is what was looked for."""
    weight = COEFFICIENTS[version]
    logit = (
        weight.intercept
        + weight.cosine * signals.cosine
        + weight.margin * signals.margin
        + weight.lead * signals.lead
        + weight.coverage * signals.coverage
        + weight.explicit * signals.explicit
    )
    return 1 / (1 + math.exp(-logit))


def is_good_match(best: float | None, version: int = VERSION) -> bool:
    """Whether the best result's confidence is worth calling an answer; without one (None), and below, it is not."""
    return best is not None and best >= COEFFICIENTS[version].good
