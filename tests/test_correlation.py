"""Which incident an alert finds: the table of decisions in its order, each recorded so that it can be made again."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from hub.alerts.matching import Matcher
from hub.alerts.silencing.rules import Silence
from hub.incidents import rules
from hub.incidents.candidates import Candidate, Candidates
from hub.incidents.deciding import RULES_VERSION, Decision, Policy, Rule, Surroundings
from hub.incidents.signals import Signal, words_of
from tests.factories import START, Person, alertmanager, firing, resolved

MOMENTS = (f"2026-01-05T10:{minute:02}:00Z" for minute in range(60))
NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)


def signal(title: str = "Disk full", service: str = "db", **fields: object) -> Signal:
    told = {"severity": "high", "environment": "", "at": NOW, "facts": {"title": title, "service": service}} | fields
    return Signal(alert_id=uuid4(), service=service, words=words_of(title), **told)


def incident(title: str = "Certificate expires", *services: str, minutes_ago: float = 1, **fields: object) -> Candidate:
    told = {"status": "active", "environment": ""} | fields
    at = NOW - timedelta(minutes=minutes_ago)
    return Candidate(uuid4(), services=set(services), words=set(words_of(title)), last_activity_at=at, **told)


def rule(action: str, **fields: object) -> Rule:
    told = {"applies": lambda facts: facts["title"] == "Disk full", "group_by": ("service",)} | fields
    return Rule(uuid4(), "My rule", 3, action, **told)


def decide(told: Signal, *candidates: Candidate, **around: object) -> Decision:
    return rules.match(told, Candidates(candidates), Surroundings(**around))


def test_alert_below_the_threshold_opens_no_incident():
    decision = decide(signal(severity="low"), policy=Policy(threshold="high"))
    assert (decision.step, decision.opens) == ("threshold", False)


def test_silence_goes_before_rules():
    silence = Silence(uuid4(), (Matcher("title", ("Disk full",)),), NOW - timedelta(hours=1), NOW + timedelta(hours=1))
    decision = decide(signal(), silences=[silence], rules=[rule("open")])
    assert (decision.step, decision.matched["silence_id"]) == ("silenced", str(silence.silence_id))


def test_silence_ends_at_its_end():
    over = Silence(uuid4(), (Matcher("title", ("Disk full",)),), NOW - timedelta(hours=1), NOW)
    assert decide(signal(), silences=[over]).step == "new"


def test_rule_that_opens_goes_before_topology():
    decision = decide(signal(), incident("Slow", "db"), rules=[rule("open")])
    assert (decision.step, decision.opens, decision.rule["version"]) == ("rule_open", True, 3)


def test_rule_that_ignores_opens_nothing():
    assert decide(signal(), rules=[rule("ignore")]).opens is False


def test_first_matching_rule_decides():
    assert decide(signal(), rules=[rule("ignore"), rule("open")]).step == "rule_ignore"


def test_group_joins_the_incident_of_the_same_values_within_its_window():
    grouping = rule("group", window=timedelta(minutes=30))
    known = incident("Slow", "other", minutes_ago=29, correlation_key=grouping.key_of(signal()))
    assert decide(signal(), known, rules=[grouping]).incident_id == known.incident_id


def test_group_opens_another_for_other_values_and_out_of_its_window():
    grouping = rule("group", window=timedelta(minutes=30))
    key = grouping.key_of(signal(service="web"))
    known = incident("Slow", "db", correlation_key=key)
    late = incident("Slow", "db", minutes_ago=31, correlation_key=grouping.key_of(signal()))
    assert decide(signal(), known, rules=[grouping]).opens
    assert decide(signal(), late, rules=[grouping]).opens


def test_route_changes_the_service_and_goes_on():
    routed = rules.route(signal(), [rule("route", service="storage")])
    known = incident("Slow", "storage")
    assert decide(routed, known, rules=[rule("route", service="storage")]).incident_id == known.incident_id


def test_alert_that_fires_again_reopens_its_incident_before_topology():
    before = incident("Disk full", "db", status="resolved", resolved_at=NOW - timedelta(minutes=29))
    told = signal(previous_incident_id=before.incident_id)
    decision = decide(told, before, incident("Slow", "db"))
    assert (decision.step, decision.incident_id) == ("reopen", before.incident_id)


def test_incident_that_was_resolved_long_ago_or_closed_is_not_reopened():
    old = incident("Disk full", "db", status="resolved", resolved_at=NOW - timedelta(minutes=31))
    closed = incident("Disk full", "db", status="closed", resolved_at=NOW)
    assert decide(signal(previous_incident_id=old.incident_id), old).step == "new"
    assert decide(signal(previous_incident_id=closed.incident_id), closed).step == "new"


def test_topology_reaches_one_hop_and_no_further():
    neighbours = {"db": frozenset({"api"}), "api": frozenset({"db", "web"}), "web": frozenset({"api"})}
    near, far = incident("Slow", "api"), incident("Slow", "web")
    assert decide(signal(), near, neighbours=neighbours).incident_id == near.incident_id
    assert decide(signal(), far, neighbours=neighbours).step == "new"


def test_topology_ends_after_five_minutes():
    assert decide(signal(), incident("Slow", "db", minutes_ago=5)).step == "topology"
    assert decide(signal(), incident("Slow", "db", minutes_ago=5.1)).step == "new"


def test_storm_of_a_fast_rhythm_is_over_after_two_minutes_of_silence():
    fast = {"alert_count": 230, "opened_at": NOW - timedelta(minutes=11)}
    assert decide(signal(), incident("Slow", "db", minutes_ago=1.9, **fast)).step == "topology"
    assert decide(signal(), incident("Slow", "db", minutes_ago=2.1, **fast)).step == "new"


def test_meaning_joins_what_says_nearly_the_same_and_names_the_runner_up():
    best, second = incident("Disk nearly full"), incident("Disk full of old logs rotated nightly")
    decision = decide(signal("Disk full", service=""), best, second)
    assert (decision.step, decision.incident_id) == ("meaning", best.incident_id)
    assert decision.runner_up["incident_id"] == str(second.incident_id)


def test_meaning_does_not_cross_environments():
    assert decide(signal(service="", environment="prod"), incident("Disk full", environment="test")).step == "new"


def test_storm_takes_what_the_catalogue_cannot_place():
    spread = incident("Slow", *(f"service-{n}" for n in range(rules.STORM_SERVICES)))
    assert decide(signal(service="node-1"), spread).step == "storm"
    assert decide(signal(service="node-1"), spread, neighbours={"node-1": frozenset({"db"})}).step == "new"
    assert decide(signal(service="node-1"), incident("Slow", "a", "b")).step == "new"


def test_topology_takes_the_latest_and_names_the_runner_up_and_its_limit():
    latest, other = incident("Slow", "db"), incident("Slow", "db", minutes_ago=3)
    decision = decide(signal(), other, latest)
    assert (decision.incident_id, decision.matched["within_seconds"]) == (latest.incident_id, 300)
    assert decision.runner_up == {"incident_id": str(other.incident_id), "seconds_apart": 180}


def test_new_incident_names_the_one_that_was_not_similar_enough():
    near = incident("Disk full of old logs rotated nightly", "other")
    decision = decide(signal(), near)
    assert (decision.step, decision.runner_up["incident_id"]) == ("new", str(near.incident_id))
    assert decision.runner_up["similarity"] < decision.threshold


def test_silence_and_threshold_see_the_alert_as_it_came_and_not_as_rules_route_it():
    silence = Silence(uuid4(), (Matcher("service", ("db",)),), NOW - timedelta(hours=1), NOW + timedelta(hours=1))
    routing = rule("route", service="storage", severity="critical")
    assert decide(signal(), silences=[silence], rules=[routing]).step == "silenced"
    assert decide(signal(severity="low"), policy=Policy(threshold="high"), rules=[routing]).step == "threshold"


def test_similarity_can_be_computed_again_from_what_is_recorded():
    told = decide(signal("Disk full", service=""), incident("Disk nearly full")).as_record()
    matched = told["matched"]
    again = len(matched["words"]) / (matched["alert_words"] * matched["incident_words"]) ** 0.5
    assert (round(again, 3), told["version"]) == (told["similarity"], RULES_VERSION)


def test_incident_says_why_each_alert_joined_it(owner: Person):
    owner.push(alertmanager(firing("DiskFull", service="db"), firing("Slow", service="db")))
    owner.hub.work("ingest")
    (found,) = owner.get("/incidents")
    timeline = owner.get(f"/incidents/{found['id']}/timeline")
    assert [line["data"]["why"]["step"] for line in timeline if line["kind"] == "alert_joined"] == ["new", "topology"]


def test_incident_is_as_grave_as_its_alerts_ever_were(owner: Person):
    for severity in ("warning", "critical", "warning"):
        alert = firing("DiskFull")
        owner.push(
            alertmanager(alert | {"labels": alert["labels"] | {"severity": severity}, "startsAt": next(MOMENTS)})
        )
        owner.hub.work("ingest")
    assert [each["severity"] for each in owner.get("/incidents")] == ["critical"]


def test_alert_that_rises_over_the_threshold_opens_an_incident_then(owner: Person):
    owner.patch("/organizations/current", {"settings": {"incident_threshold": "critical"}})
    for severity in ("warning", "critical"):
        alert = firing("DiskFull")
        owner.push(
            alertmanager(alert | {"labels": alert["labels"] | {"severity": severity}, "startsAt": next(MOMENTS)})
        )
        owner.hub.work("ingest")
    assert [each["severity"] for each in owner.get("/incidents")] == ["critical"]


def test_alert_of_an_incident_that_ended_long_before_opens_another(owner: Person):
    owner.push(alertmanager(firing("DiskFull")))
    owner.hub.work("ingest")
    owner.push(alertmanager(resolved("DiskFull")))
    owner.hub.work("ingest")
    (found,) = owner.get("/incidents")
    owner.patch(f"/incidents/{found['id']}", {"status": "closed"})
    owner.push(alertmanager(firing("DiskFull") | {"startsAt": "2026-01-05T10:20:00Z"}))
    owner.hub.work("ingest")
    assert sorted(each["status"] for each in owner.get("/incidents")) == ["active", "closed"]


def test_catalogue_brings_a_neighbour_into_the_incident_and_no_one_further_off(owner: Person):
    for name, needs in (("db", []), ("api", ["db"]), ("web", ["api"])):
        owner.post("/services", {"name": name, "depends_on": needs})
    for alert in (
        firing("DiskFull", service="db"),
        firing("Latency", service="web"),
        firing("Timeouts", service="api"),
    ):
        owner.push(alertmanager(alert))
        owner.hub.work("ingest")
    places = {alert["service"]: alert["incident_id"] for alert in owner.get("/alerts")}
    assert places["db"] != places["web"]
    assert places["api"] == places["web"]  # both are one hop away, and this one was active last


def again(name: str, env: str, fingerprint: str, minutes: int) -> dict[str, object]:
    """The alert of this fingerprint fires so many minutes later, whatever its labels were before."""
    begun = (START + timedelta(minutes=minutes)).isoformat()
    return firing(name, env=env) | {"fingerprint": fingerprint, "startsAt": begun}


@pytest.mark.parametrize("is_one_turn", [False, True])
def test_incident_that_opens_again_leaves_its_groups_key_to_the_one_that_took_its_place(
    owner: Person, *, is_one_turn: bool
):
    group = {"name": "Production", "action": "group", "group_by": ["labels.env"], "window_seconds": 3600}
    owner.post("/rules", group | {"match": {"labels.env": "prod"}})
    end = resolved("First", env="prod") | {"fingerprint": "a"}
    for told in (again("First", "prod", "a", 0), end, again("Second", "prod", "b", 15), again("First", "dev", "a", 20)):
        owner.push(alertmanager(told))
        if not is_one_turn:
            owner.hub.work("ingest")
    owner.push(alertmanager(again("Third", "prod", "c", 25)))
    owner.hub.work("ingest")
    assert {each["status"] for each in owner.get("/deliveries")} == {"processed"}
    assert sorted((each["title"], each["status"], each["alert_count"]) for each in owner.get("/incidents")) == [
        ("First", "active", 1),
        ("Second", "active", 2),
    ]


def test_incident_was_over_when_its_resolve_came_whatever_repeats_it(owner: Person):
    owner.push(alertmanager(firing("DiskFull")))
    owner.hub.work("ingest")
    first = owner.push(alertmanager(resolved("DiskFull")))
    owner.push(alertmanager(resolved("DiskFull")) | {"receiver": "another"})
    owner.hub.work("ingest")
    (incident,) = owner.get("/incidents")
    assert incident["resolved_at"] == owner.get(f"/deliveries/{first['data']['delivery_id']}")["received_at"]


def test_incident_is_over_when_its_only_alert_fires_elsewhere(owner: Person):
    owner.push(alertmanager(firing("DiskFull")))
    owner.hub.work("ingest")
    owner.post("/rules", {"name": "Apart", "action": "open"})
    again = firing("DiskFull") | {"startsAt": "2026-01-05T10:20:00Z"}
    owner.push(alertmanager(again, resolved("DiskFull")))
    owner.hub.work("ingest")
    assert sorted(each["status"] for each in owner.get("/incidents")) == ["active", "resolved"]
