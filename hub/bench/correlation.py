"""How well correlation groups real storms: the hub's own rules, on the storm as it was and with two faults at once."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from uuid import UUID

from hub.bench.clustering import Agreement, agreement
from hub.bench.storms import Storm, folders, overlapped, read
from hub.incidents import rules
from hub.incidents.candidates import Candidate, Candidates
from hub.incidents.deciding import Decision, Rule, Surroundings
from hub.incidents.signals import Signal

_SILENCE_SECONDS = 120.0

# what an organization may say that expects several faults at once
_ONE_PER_SERVICE = Rule(UUID(int=0), "one incident per service", 1, "group", lambda _: True, group_by=("service",))

Grouping = Callable[[Storm], list[UUID]]


@dataclass(frozen=True, slots=True)
class Score:
    """Agreement with the truth, incidents per fault, and the median seconds from a fault's first alert to its last."""

    agreement: Agreement
    incidents_per_fault: float
    seconds_to_join: float


def run(folder: Path) -> Iterator[str]:
    """Gives a line per data set, timeline and grouping. Raises NotFound or Malformed."""
    for each in folders(folder):
        yield f"{each.name}:"
        native = read(each)
        pairs = overlapped(native)
        yield f"{len(native.lines)} alerts of {len(set(native.faults))} faults; {len(pairs)} pairs of faults at once"
        for name, grouping in GROUPINGS.items():
            yield _line(f"native, {name}", [_score(native, grouping)])
            if pairs:
                yield _line(f"two faults at once, {name}", [_score(storm, grouping) for storm in pairs])
        if pairs:
            yield _line("two faults at once, in hindsight", [_score(storm, in_hindsight) for storm in pairs])


def by_the_hub(storm: Storm, said: Sequence[Rule] = ()) -> list[UUID]:
    """Each alert an episode of its own, decided one after the other as the workers do; `said` is the organization's."""
    around = Surroundings(rules=said, neighbours=storm.neighbours)
    candidates = Candidates()
    placed: list[UUID] = []
    for signal in storm.signals:
        decision = rules.match(signal, candidates, around)
        incident_id = decision.incident_id or _open(candidates, signal, decision)
        candidates.learn(candidates[incident_id], signal)
        placed.append(incident_id)
    return placed


def by_a_rule_of_the_hub(storm: Storm) -> list[UUID]:
    """The same for an organization with one rule: its incidents are of one service each."""
    return by_the_hub(storm, [_ONE_PER_SERVICE])


def by_silence(storm: Storm) -> list[UUID]:
    """The simplest baseline: a new incident after two minutes without an alert."""
    placed: list[UUID] = []
    latest = None
    for signal in storm.signals:
        is_new = latest is None or (signal.at - latest).total_seconds() > _SILENCE_SECONDS
        placed.append(signal.alert_id if is_new else placed[-1])
        latest = signal.at
    return placed


def by_service(storm: Storm) -> list[UUID]:
    """Another baseline: one incident per service."""
    return _by([signal.service for signal in storm.signals], storm)


def by_component(storm: Storm) -> list[UUID]:
    """One incident per component."""
    return _by([line["component"] for line in storm.lines], storm)


def by_kind_and_signal(storm: Storm) -> list[UUID]:
    """One incident per kind (metric, trace, log) and signal."""
    return _by([(line["kind"], line["signal"]) for line in storm.lines], storm)


def in_hindsight(storm: Storm) -> list[UUID]:
    """No baseline but a bound: with the truth known, what an alert says (all but its time) goes to one of the faults.

    To the one that says it most often. Whoever goes by what alerts say, and where, cannot do much better.
    """
    said = [(line["component"], line.get("caller"), line["kind"], line["text"]) for line in storm.lines]
    counts: defaultdict[Hashable, Counter[str]] = defaultdict(Counter)
    for each, fault in zip(said, storm.faults, strict=True):
        counts[each][fault] += 1
    return _by([counts[each].most_common(1)[0][0] for each in said], storm)


GROUPINGS: dict[str, Grouping] = {
    "the hub": by_the_hub,
    "the hub with a rule, one incident per service": by_a_rule_of_the_hub,
    "silence of 120 s": by_silence,
    "component": by_component,
    "kind and signal": by_kind_and_signal,
    "service": by_service,
}


def _by(keys: Sequence[Hashable], storm: Storm) -> list[UUID]:
    first: dict[Hashable, UUID] = {}
    return [first.setdefault(key, signal.alert_id) for key, signal in zip(keys, storm.signals, strict=True)]


def _open(candidates: Candidates, signal: Signal, decision: Decision) -> UUID:
    key = decision.correlation_key
    opened = Candidate(
        signal.alert_id, "active", signal.environment, set(), set(), signal.at, correlation_key=key, opened_at=signal.at
    )
    candidates.add(opened)
    return signal.alert_id


def _score(storm: Storm, grouping: Grouping) -> Score:
    placed = grouping(storm)
    incidents: dict[str, set[UUID]] = defaultdict(set)
    for incident_id, fault in zip(placed, storm.faults, strict=True):
        incidents[fault].add(incident_id)
    return Score(agreement(placed, storm.faults), mean(map(len, incidents.values())), _seconds_to_join(storm, placed))


def _seconds_to_join(storm: Storm, placed: Sequence[UUID]) -> float:
    """Per fault: from its first alert until the incident that holds most of it is open; the median over faults."""
    begun: dict[str, Signal] = {}
    held: dict[str, dict[UUID, int]] = defaultdict(lambda: defaultdict(int))
    opened: dict[tuple[str, UUID], Signal] = {}
    for signal, fault, incident_id in zip(storm.signals, storm.faults, placed, strict=True):
        begun.setdefault(fault, signal)
        opened.setdefault((fault, incident_id), signal)
        held[fault][incident_id] += 1
    main = {fault: max(counts, key=lambda each: (counts[each], each)) for fault, counts in held.items()}
    return median((opened[fault, main[fault]].at - begun[fault].at).total_seconds() for fault in main)


def _line(name: str, scores: Sequence[Score]) -> str:
    found = [each.agreement for each in scores]
    return (
        f"{name}: ARI {mean(each.adjusted_rand for each in found):.3f},"
        f" pairwise F1 {mean(each.pairwise_f1 for each in found):.3f},"
        f" B-cubed F1 {mean(each.b_cubed_f1 for each in found):.3f},"
        f" {mean(each.incidents_per_fault for each in scores):.1f} incidents per fault,"
        f" joined after {median(each.seconds_to_join for each in scores):.1f} s"
    )
