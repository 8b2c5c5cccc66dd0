"""Backtest of a rule: what it says is what happens when the rule is switched on and the same alerts come again."""

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from hub.alerts import ledger
from hub.http.ids import from_public
from hub.incidents import context
from hub.incidents.grouping import rehearsal
from tests.factories import START, Person, alertmanager, firing, resolved

BY_TEAM = {"name": "By team", "action": "group", "group_by": ["labels.team"], "window_seconds": 3600}

# label `team` against service: what belongs together by the one does not by the other
STREAM = [
    [firing("DiskFull", service="db", team="storage"), firing("DiskSlow", service="db", team="hardware")],
    [firing("PodCrashed", service="web", team="shop")],
    [firing("Certificate", service="proxy", team="shop"), firing("Backup", service="tape", team="storage")],
    [resolved("PodCrashed", service="web", team="shop"), resolved("Certificate", service="proxy", team="shop")],
    [firing("Queue", service="mq", team="shop"), firing("DiskFull", service="db", team="storage")],
    [resolved("DiskFull", service="db", team="storage")],
    [firing("Latency", service="edge", team="network")],
]


def play(owner: Person) -> None:
    """Each webhook is worked off before the next comes."""
    for alerts in STREAM:
        owner.push(alertmanager(*alerts))
        owner.hub.work("ingest")


def make(owner: Person, **fields: Any) -> str:
    return owner.post("/rules", BY_TEAM | {"enabled": False} | fields)["id"]


def backtest(owner: Person, rule_id: str) -> dict[str, Any]:
    return owner.post(f"/rules/{rule_id}/backtest", status=200)


def grouping(owner: Person) -> set[frozenset[str]]:
    """Which alerts share an incident; those without one share none."""
    together: dict[str | None, set[str]] = {}
    for alert in owner.get("/alerts"):
        together.setdefault(alert["incident_id"], set()).add(alert["title"])
    alone = [{title} for title in together.pop(None, ())]
    return {frozenset(titles) for titles in [*together.values(), *alone]}


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"action": "open", "match": {"labels.team": "hardware"}},
        {"action": "ignore", "match": {"service": "db"}},
        {"action": "route", "match": {"service": ["mq", "edge"]}, "route": {"service": "proxy"}},
    ],
    ids=["group", "open", "ignore", "route"],
)
def test_backtest_is_what_happens_when_the_rule_is_on_and_the_stream_comes_again(owner: Person, rule: dict[str, Any]):
    play(owner)
    told = backtest(owner, make(owner, **rule))
    another = owner.hub.register()
    make(another, enabled=True, **rule)
    play(another)
    assert told["incidents_before"] == len(owner.get("/incidents"))
    assert told["incidents_after"] == len(another.get("/incidents"))
    assert grouping(owner) != grouping(another)
    assert told["alerts_moved"] > 0


def by_chance(seed: int) -> Iterator[dict[str, Any]]:
    """Alerts of some services and teams begin and end, as dice say."""
    dice = Random(seed)
    began: dict[tuple[str, ...], str] = {}
    for minute in range(30):
        key = name, service, team = tuple(map(dice.choice, (("DiskFull", "Queue"), ("db", "web"), ("shop", "storage"))))
        at = f"2026-01-05T10:{minute:02}:00Z"
        if key in began:
            yield resolved(name, service=service, team=team) | {"startsAt": began.pop(key), "endsAt": at}
        else:
            began[key] = at
            yield firing(name, service=service, team=team) | {"startsAt": at}


def reasons(owner: Person) -> dict[str, list[dict[str, Any]]]:
    return {each["id"]: owner.get(f"/incidents/{each['id']}/why", limit=200) for each in owner.get("/incidents")}


def episodes(owner: Person) -> set[frozenset[tuple[Any, ...]]]:
    """Which episodes share an incident, and by which step."""
    told = reasons(owner).values()
    return {frozenset((each["started_at"], each["title"], each["step"]) for each in incident) for incident in told}


@pytest.mark.parametrize("seed", [1, 2])
def test_backtest_is_what_happens_however_many_webhooks_are_worked_off_at_once(owner: Person, seed: int):
    one_by_one, at_once = owner.hub.register(), owner.hub.register()
    for person in (one_by_one, at_once):
        make(person, enabled=True)
    for alert in by_chance(seed):
        owner.push(alertmanager(alert))
        one_by_one.push(alertmanager(alert))
        owner.hub.work("ingest")
    for alert in by_chance(seed):
        at_once.push(alertmanager(alert))
    owner.hub.work("ingest")
    told = backtest(owner, make(owner))
    assert told["incidents_before"] == len(owner.get("/incidents"))
    assert told["incidents_after"] == len(at_once.get("/incidents"))
    assert episodes(at_once) == episodes(one_by_one)


def told_otherwise(seed: int) -> Iterator[dict[str, Any]]:
    """Bodies of a generic sender whose alerts change their title, service and severity, and come late."""
    dice = Random(seed)
    for minute in range(20, 60):
        late = dice.choice((0, 0, 0, 15))
        yield {
            "id": dice.choice("abcdef"),
            "title": dice.choice(("Disk full on volume", "Queue lag grows", "Pod crash looping")),
            "service": dice.choice(("db", "web", "mq", "edge")),
            "severity": dice.choice(("critical", "high", "low")),
            "status": dice.choice(("firing", "firing", "acknowledged", "resolved")),
            "timestamp": f"2026-01-05T10:{minute - late:02}:00Z",
        }


def places(owner: Person) -> set[frozenset[tuple[str, int]]]:
    """Which episodes share an incident."""
    keys = {alert["id"]: alert["dedup_key"] for alert in owner.get("/alerts")}
    told = reasons(owner).values()
    return {frozenset((keys[why["alert_id"]], why["episode"]) for why in incident) for incident in told}


def foretold(owner: Person, rule_id: str) -> set[frozenset[tuple[str, int]]]:
    """The same as the backtest sees it with the rule."""
    with owner.hub.runtime.database.transaction(owner.organization_id) as session:
        events = ledger.latest(session, 1_000)
        around = context.surroundings(session, {"db", "web", "mq", "edge"}, START, draft=from_public("rule", rule_id))
    keys = {alert_id: event.dedup_key for alert_id, event in events}
    found: dict[Any, set[tuple[str, int]]] = {}
    for (alert_id, number), place in rehearsal.group(rehearsal.changes_of(events), around).placed.items():
        found.setdefault(place, set()).add((keys[alert_id], number))
    found.pop(None, None)
    return {frozenset(episodes) for episodes in found.values()}


@pytest.mark.parametrize("seed", [2])
def test_backtest_places_every_episode_where_it_goes_when_the_stream_comes_again(owner: Person, seed: int):
    rule = {"match": {"severity": ["critical", "high"]}, "group_by": ["title", "service"]}
    draft = make(owner, **rule)
    people = [owner, *(owner.hub.register() for _ in range(2))]
    hooks = [each.connect("generic") for each in people]
    for person in people:
        person.patch("/organizations/current", {"settings": {"incident_threshold": "medium"}})
    for person in people[1:]:
        make(person, enabled=True, **rule)
    for body in told_otherwise(seed):
        for person, hook in zip(people[:2], hooks, strict=False):
            person.push(body, hook)
        owner.hub.work("ingest")
    for body in told_otherwise(seed):
        people[2].push(body, hooks[2])
    owner.hub.work("ingest")
    assert foretold(owner, draft) == places(people[1]) == places(people[2])


# what a decision recorded is enough to make it again
FOLLOWS = {
    "new": lambda why: why["runner_up"] is None or why["runner_up"]["similarity"] < why["threshold"],
    "topology": lambda why: why["matched"]["of_incident"] and why["seconds_apart"] <= why["matched"]["within_seconds"],
    "meaning": lambda why: why["similarity"] >= why["threshold"],
    "reopen": lambda why: why["seconds_apart"] <= why["matched"]["within_seconds"],
    "same_alert": lambda why: why["episode"] > 1,
    "rule_group": lambda why: (why["seconds_apart"] or 0) <= why["rule"]["window_seconds"] and why["rule"]["version"],
}


def test_every_decision_follows_from_what_it_recorded(owner: Person):
    rule_id = make(owner, enabled=True, match={"labels.team": "shop"})
    for alert in by_chance(3):
        owner.push(alertmanager(alert))
    owner.hub.work("ingest")
    told = [why for incident in reasons(owner).values() for why in incident]
    assert {why["step"] for why in told} > {"new", "topology", "rule_group"}
    assert {why["rule"]["id"] for why in told if why["rule"]} == {rule_id}
    assert [why for why in told if not FOLLOWS[why["step"]](why)] == []


def test_backtest_changes_nothing_and_names_the_largest_moves(owner: Person):
    play(owner)
    before = (owner.get("/incidents"), owner.get("/alerts"))
    told = backtest(owner, make(owner))
    assert (owner.get("/incidents"), owner.get("/alerts")) == before
    counts = [example["alert_count"] for example in told["examples"]]
    assert counts == sorted(counts, reverse=True)
    assert told["examples"][0]["before"] != told["examples"][0]["after"]


def test_rule_that_matches_nothing_moves_nothing(owner: Person):
    play(owner)
    told = backtest(owner, make(owner, match={"service": "nowhere"}))
    assert (told["alerts_moved"], told["examples"]) == (0, [])
    assert told["incidents_before"] == told["incidents_after"]


def test_rule_that_is_on_already_is_compared_with_the_time_before_it(owner: Person):
    play(owner)
    draft = make(owner)
    said = backtest(owner, draft)
    owner.patch(f"/rules/{draft}", {"enabled": True})
    assert backtest(owner, draft) == said


def test_backtest_without_events_or_rule(owner: Person):
    assert backtest(owner, make(owner))["event_count"] == 0
    owner.post("/rules/rule_00000000000000000000000000000000/backtest", status=404)
