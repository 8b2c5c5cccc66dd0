"""How alerts find their incident, and which moves an incident allows; pure, so that a decision can be recomputed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import sqrt
from typing import Any
from uuid import UUID

from hub.alerts.silencing.rules import Silence, silence_of
from hub.incidents.candidates import OPEN as OPEN  # noqa: PLC0414  # others look for it here
from hub.incidents.candidates import Candidate, Candidates
from hub.incidents.deciding import TOGETHER, Decision, Policy, Rule, Surroundings
from hub.incidents.signals import Signal

SEVERITIES = ("low", "medium", "high", "critical")

# api.md: active → in_progress → resolved → closed; active → resolved; resolved or closed → active
MOVES: Mapping[str, frozenset[str]] = {
    "active": frozenset({"in_progress", "resolved"}),
    "in_progress": frozenset({"resolved"}),
    "resolved": frozenset({"closed", "active"}),
    "closed": frozenset({"active"}),
}

STORM_SERVICES = 6
_SHORTEST_SILENCE_SECONDS = 120.0
_SILENCE_IN_GAPS = 30
_RANKS: Mapping[str, int] = {"info": -1} | {severity: rank for rank, severity in enumerate(SEVERITIES)}


def match(signal: Signal, candidates: Candidates, around: Surroundings) -> Decision:
    """Where the signal belongs, in the order of the decision table.

    Threshold and silences look at the signal as it came, all that follows at what the `route` rules make of it.
    """
    return (
        _below_threshold(signal, around.policy)
        or _silenced(signal, around.silences)
        or _placed(route(signal, around.rules), candidates, around)
    )


def _placed(signal: Signal, candidates: Candidates, around: Surroundings) -> Decision:
    decided = (
        _by_rule(signal, candidates, around.rules)
        or _same_alert(signal, candidates, around.policy)
        or _by_topology(signal, candidates, around.neighbours)
    )
    if decided:
        return decided
    alike = _alike(signal, candidates)
    return (
        _by_meaning(signal, alike, around.policy)
        or _by_storm(signal, candidates, around.neighbours)
        or _anew(alike, around.policy)
    )


def route(signal: Signal, rules: Sequence[Rule]) -> Signal:
    """The signal as the `route` rules before its first other rule, and that rule's severity, make it."""
    for rule in rules:
        if not rule.applies(signal.facts):
            continue
        service = rule.service or signal.service
        facts = {**signal.facts, "service": service}
        signal = replace(signal, severity=rule.severity or signal.severity, service=service, facts=facts)
        if rule.action != "route":
            break
    return signal


def deciding(signal: Signal, rules: Sequence[Rule]) -> Rule | None:
    """The first matching rule that decides by itself."""
    return next((rule for rule in rules if rule.action != "route" and rule.applies(signal.facts)), None)


def assignee_of(signal: Signal, rules: Sequence[Rule]) -> UUID | None:
    """Whom the first matching rule that names somebody gives the incident to."""
    return next((rule.assignee_id for rule in rules if rule.assignee_id and rule.applies(signal.facts)), None)


def effective_severity(severity: str, policy: Policy) -> str:
    """An incident takes the organization's default for an alert that names no severity."""
    return policy.default_severity if severity == "unknown" else severity


def highest(severities: Iterable[str]) -> str:
    """The gravest; info counts as low, because incidents know no info."""
    return SEVERITIES[max((max(_RANKS[severity], 0) for severity in severities), default=0)]


def _below_threshold(signal: Signal, policy: Policy) -> Decision | None:
    if _RANKS[signal.severity] >= _RANKS[policy.threshold]:
        return None
    return Decision("threshold", matched={"severity": signal.severity, "incident_threshold": policy.threshold})


def _silenced(signal: Signal, silences: Sequence[Silence]) -> Decision | None:
    silence = silence_of(signal.facts, silences, signal.at)
    if silence is None:
        return None
    return Decision("silenced", matched={"silence_id": str(silence.silence_id), "until": silence.ends_at.isoformat()})


def _by_rule(signal: Signal, candidates: Candidates, rules: Sequence[Rule]) -> Decision | None:
    rule = deciding(signal, rules)
    if rule is None:
        return None
    named: dict[str, Any] = {"id": str(rule.rule_id), "name": rule.name, "version": rule.version}
    if rule.action != "group":
        return Decision(f"rule_{rule.action}", rule=named)
    key = rule.key_of(signal)
    named["window_seconds"] = rule.window.total_seconds()
    matched = {name: signal.facts.get(name, "") for name in rule.group_by}
    found = candidates.of_key(key)
    if found and found.seconds_from(signal) <= rule.window.total_seconds():
        seconds = found.seconds_from(signal)
        return Decision("rule_group", found.incident_id, matched, seconds, rule=named, correlation_key=key)
    return Decision("rule_group", None, matched, rule=named, correlation_key=key)


def _same_alert(signal: Signal, candidates: Candidates, policy: Policy) -> Decision | None:
    before = candidates.find(signal.previous_incident_id)
    if before is None:
        return None
    if before.is_open:
        return Decision("same_alert", before.incident_id, {"alert": "fired again while its incident is open"})
    if before.status != "resolved" or before.resolved_at is None:
        return None
    if signal.at - before.resolved_at > policy.reopen_window:
        return None
    seconds = (signal.at - before.resolved_at).total_seconds()
    matched = {"alert": "fired again", "within_seconds": policy.reopen_window.total_seconds()}
    return Decision("reopen", before.incident_id, matched, seconds)


def silence_seconds(candidate: Candidate) -> float:
    """After what silence an incident is over for others to join: 5 minutes, less for one of a fast rhythm.

    Of 230 alerts in ten minutes, two minutes of silence say more than of two alerts; never less than two minutes.
    (Measured on real storms, see `overwatch bench correlation`: 120 s split best, and no storm paused for over 60.)
    """
    gap = (candidate.seconds_open + TOGETHER.total_seconds()) / (candidate.alert_count + 1)
    return min(TOGETHER.total_seconds(), max(_SHORTEST_SILENCE_SECONDS, _SILENCE_IN_GAPS * gap))


def _is_near(signal: Signal, candidate: Candidate) -> bool:
    known_apart = signal.environment and candidate.environment and signal.environment != candidate.environment
    is_recent = candidate.seconds_from(signal) <= silence_seconds(candidate)
    return candidate.is_open and is_recent and not known_apart


def _by_topology(signal: Signal, candidates: Candidates, neighbours: Mapping[str, frozenset[str]]) -> Decision | None:
    if not signal.service:
        return None
    reach = {signal.service} | neighbours.get(signal.service, frozenset())
    fitting = [each for each in candidates.of_services(reach) if _is_near(signal, each)]
    if not fitting:
        return None
    latest, *others = sorted(fitting, key=lambda each: (each.last_activity_at, each.incident_id), reverse=True)
    matched = {
        "service": signal.service,
        "of_incident": sorted(reach & latest.services),
        "within_seconds": silence_seconds(latest),
    }
    return Decision(
        "topology",
        latest.incident_id,
        matched,
        latest.seconds_from(signal),
        runner_up=_told(others[0], seconds_apart=others[0].seconds_from(signal)) if others else None,
    )


def _by_storm(signal: Signal, candidates: Candidates, neighbours: Mapping[str, frozenset[str]]) -> Decision | None:
    """While one incident spreads over many services, what the catalogue cannot place is a part of it, not a new one."""
    if signal.service in neighbours:
        return None
    storms = [each for each in candidates.spread_over(STORM_SERVICES) if _is_near(signal, each)]
    if len(storms) != 1:
        return None
    (storm,) = storms
    matched = {
        "service": signal.service,
        "services_of_incident": len(storm.services),
        "at_least": STORM_SERVICES,
        "within_seconds": silence_seconds(storm),
    }
    return Decision("storm", storm.incident_id, matched, storm.seconds_from(signal))


Likeness = tuple[float, Candidate]


def _alike(signal: Signal, candidates: Candidates) -> list[Likeness]:
    """The near incidents that share words with it, the most similar first: the cosine of the two sets of words."""
    found = [
        (shared / sqrt(len(signal.words) * len(each.words)), each)
        for each, shared in candidates.sharing(signal.words)
        if _is_near(signal, each)
    ]
    return sorted(found, key=lambda likeness: (likeness[0], likeness[1].incident_id), reverse=True)


def _by_meaning(signal: Signal, alike: Sequence[Likeness], policy: Policy) -> Decision | None:
    if not alike or alike[0][0] < policy.similar_enough:
        return None
    (score, best), *others = alike
    matched = {
        "words": sorted(signal.words & best.words),
        "alert_words": len(signal.words),
        "incident_words": len(best.words),
        "within_seconds": silence_seconds(best),
    }
    return Decision(
        "meaning",
        best.incident_id,
        matched,
        best.seconds_from(signal),
        round(score, 3),
        policy.similar_enough,
        _told(others[0][1], similarity=round(others[0][0], 3)) if others else None,
    )


def _anew(alike: Sequence[Likeness], policy: Policy) -> Decision:
    """A new incident; the runner-up is the one that was the most similar, though not similar enough."""
    if not alike:
        return Decision("new")
    score, nearest = alike[0]
    runner_up = _told(nearest, similarity=round(score, 3))
    return Decision("new", threshold=policy.similar_enough, runner_up=runner_up)


def _told(candidate: Candidate, **score: float) -> dict[str, Any]:
    return {"incident_id": str(candidate.incident_id)} | score
