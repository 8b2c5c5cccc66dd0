"""What kind of query it is, and which documents answer it in which order: decisions from given numbers alone.

The weights were tuned on half of the queries of two public sets of runbooks, and on log lines quoted in them, and
checked on the other half.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from hub import names
from hub.search import confidence, lexical, logs
from hub.search.lexical import Candidate, ChunkId

Kind = Literal["alert", "log", "text"]

# What the words weigh beside the meaning, which weighs 1: a log line is quoted, a description is paraphrased.
LEXICAL_WEIGHT: Mapping[Kind, float] = {"alert": 0.3, "text": 0.3, "log": 0.6}
_SECOND_CHUNK = 0.2  # a document that speaks of it twice beats a sibling that mentions it once
_UNRELATED = 0.25  # the score that something reaches for any query, even where the index holds one document
_TWIN = 0.005
_CROWD = slice(5, 20)  # by score: behind the best and its siblings

_FURTHEST = 0.06  # that verdicts can move a score; neighbours lie about 0.05 apart
_DOUBT = 2  # verdicts that it takes to go half of the way
_USED = 0.5  # of a verdict: a page that was opened and used need not have helped

_LABELLED = re.compile(r"\balertname\s*[=:]")
_ONE_NAME = re.compile(r"[^\W\d_]\w+")
_LOG = re.compile(
    r"""^\W*(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|SEVERE|PANIC|panic)\b|\blevel=\w
      |\[(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|SEVERE)\]
      |\b\d{4}[-/]\d\d[-/]\d\d[T\s]\d\d:\d\d|^\W*(?:[IWEF]\d{4}|[A-Z][a-z]{2}\s+\d{1,2})\s\d\d:\d\d:\d\d
      |^Traceback\b|\w\.\w{0,80}(?:Error|Exception)\b|^\w{0,80}(?:Error|Exception):""",
    re.VERBOSE,
)


def query_kind(text: str) -> Kind:
    """`alert` for one compound name or labels, `log` for lines with what logs have, else `text`."""
    query = text.strip()
    if _LABELLED.search(query) or (_ONE_NAME.fullmatch(query) and len(names.parts(query)) > 1):
        return "alert"
    is_log = "\n" in query or _LOG.search(query) or logs.is_frame(text)
    return "log" if is_log else "text"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a document and this query besides its text; the counts are verdicts of one organization."""

    exact_name: bool = False
    linked_runbook: bool = False
    confirmed: bool = False
    for_service: bool = False
    helped: int = 0
    used: int = 0
    wrong: int = 0

    @property
    def is_explicit(self) -> bool:
        """Whether the document goes before all that are only similar."""
        return self.exact_name or self.linked_runbook or self.confirmed

    @property
    def rank(self) -> tuple[bool, bool]:
        """What orders documents before their scores do. A service has many procedures, so being for it tells less."""
        return self.is_explicit, self.for_service


NO_EVIDENCE = Evidence()


@dataclass(frozen=True, slots=True)
class Result:
    """A document in the answer: `passage_id` is the chunk to show; `semantic`, `lexical`, `confidence` are 0 to 1.

    `score` orders the results of this one query, verdicts included; `reasons` say what counted.
    """

    document_id: UUID
    passage_id: ChunkId
    score: float
    semantic: float
    lexical: float
    confidence: float
    reasons: tuple[str, ...]


def rank(kind: Kind, candidates: Sequence[Candidate], evidence: Mapping[UUID, Evidence]) -> Iterator[Result]:
    """The candidates' documents, best first: those with explicit evidence, then by meaning, words and verdicts.

    What is not asked for is not worked out: most documents are never shown.

    A document is ranked by its chunks, so whoever has evidence for one puts a chunk of it among the candidates.
    """
    rarity = lexical.rarity(candidates)
    found = _matches(candidates, rarity, evidence, LEXICAL_WEIGHT[kind])
    by_score = sorted(found, key=lambda match: match.score, reverse=True)
    by_rank = sorted(by_score, key=lambda match: match.evidence.rank, reverse=True)
    crowd = _crowd(by_score)
    return (_result(match, _margin(match, by_score), match.score - crowd, rarity) for match in by_rank)


@dataclass(frozen=True, slots=True)
class _Match:
    """A document with its chunks, the nearest in meaning first."""

    chunks: Sequence[Candidate]
    evidence: Evidence
    score: float
    lexical: float

    @property
    def best(self) -> Candidate:
        """The chunk that the document is ranked by."""
        return self.chunks[0]

    @property
    def passage_id(self) -> ChunkId:
        """The chunk to show: the nearest that says more than the title, which stands beside it anyway."""
        return next((chunk.chunk_id for chunk in self.chunks if chunk.chunk_id[1] > 0), self.best.chunk_id)


def _matches(
    candidates: Sequence[Candidate],
    rarity: Sequence[float],
    evidence: Mapping[UUID, Evidence],
    lexical_weight: float,
) -> list[_Match]:
    words = dict(zip((c.chunk_id for c in candidates), lexical.scores(candidates, rarity), strict=True))
    chunks: dict[UUID, list[Candidate]] = defaultdict(list)
    for candidate in sorted(candidates, key=lambda c: c.cosine, reverse=True):
        chunks[candidate.document_id].append(candidate)
    matches = []
    for document_id, own in chunks.items():
        known = evidence.get(document_id, NO_EVIDENCE)
        matched = max(words[chunk.chunk_id] for chunk in own)
        meaning = (1 - _SECOND_CHUNK) * own[0].cosine + _SECOND_CHUNK * own[min(1, len(own) - 1)].cosine
        score = (meaning + lexical_weight * matched) / (1 + lexical_weight) + _verdict(known)
        matches.append(_Match(own, known, score, matched))
    return matches


def _verdict(evidence: Evidence) -> float:
    """What people's verdicts add to a score: nothing without any, never more than `_FURTHEST` either way."""
    balance = evidence.helped + _USED * evidence.used - evidence.wrong
    return _FURTHEST * balance / (abs(balance) + _DOUBT)


def _margin(match: _Match, by_score: Sequence[_Match]) -> float:
    """The lead over the best other document. A twin, such as the same incident of last week, is no rival, nor is what
    is about the same: an incident and its solution."""
    rival = next((other for other in by_score if other is not match and not _are_one_answer(match, other)), None)
    return match.score - max(_UNRELATED, rival.score if rival else 0.0)


def _crowd(by_score: Sequence[_Match]) -> float:
    """The score that a document reaches which has hardly more to do with the query than others."""
    scores = [match.score for match in by_score[_CROWD]]
    return max(_UNRELATED, sum(scores) / len(scores)) if scores else _UNRELATED


def _are_one_answer(one: _Match, other: _Match) -> bool:
    if one.best.subject_id is not None and one.best.subject_id == other.best.subject_id:
        return True
    return abs(one.best.cosine - other.best.cosine) < _TWIN and abs(one.lexical - other.lexical) < _TWIN


def _result(match: _Match, margin: float, lead: float, rarity: Sequence[float]) -> Result:
    coverage = lexical.coverage(match.chunks, rarity)
    signals = confidence.Signals(match.best.cosine, margin, lead, coverage, match.evidence.is_explicit)
    return Result(
        document_id=match.best.document_id,
        passage_id=match.passage_id,
        score=match.score,
        semantic=min(1.0, max(0.0, match.best.cosine)),
        lexical=match.lexical,
        confidence=confidence.estimate(signals),
        reasons=tuple(_reasons(match, coverage)),
    )


def _reasons(match: _Match, coverage: float) -> Iterator[str]:
    known = match.evidence
    told = {
        "has the alert's exact name": known.exact_name,
        "is the runbook that the alert links to": known.linked_runbook,
        "was confirmed for this alert by your team": known.confirmed,
        "is for this service": known.for_service,
        f"helped {known.helped} times in your organization": known.helped,
        f"was used {known.used} times in your organization": known.used,
        f"was called wrong {known.wrong} times in your organization": known.wrong,
        f"{match.best.cosine:.0%} similar in meaning": match.best.cosine > 0,
        f"has {coverage:.0%} of the words": coverage > 0,
    }
    return (reason for reason, holds in told.items() if holds)
