"""Correlation rules as people keep them, and as correlation gets them."""

from datetime import timedelta
from typing import Any

import pytest

from hub.incidents.deciding import Rule
from hub.incidents.grouping import service
from tests.factories import Person


def rule(owner: Person, name: str = "By service", **fields: Any) -> dict[str, Any]:
    return owner.post("/rules", {"name": name, "action": "group", "group_by": ["service"]} | fields)


def refused(owner: Person, **fields: Any) -> dict[str, list[str]]:
    body = {"name": "Rule", "action": "open"} | fields
    answer = owner.call("POST", "/rules", json=body)
    assert answer.status_code == 422, answer.text
    return answer.json["details"]


def enabled(owner: Person) -> tuple[Rule, ...]:
    with owner.hub.runtime.database.transaction(owner.organization_id) as session:
        return service.enabled(session)


def test_rule_is_read_as_it_was_written(owner: Person):
    match = {"service": ["db", "cache"], "labels.env": "prod", "title": {"regex": "(?i)disk.*"}}
    made = rule(owner, match=match, window_seconds=600, severity_override="critical")
    assert owner.get(f"/rules/{made['id']}") == made
    assert (made["match"], made["window_seconds"], made["version"]) == (match, 600, 1)


def test_rules_are_listed_in_their_order_and_a_new_one_comes_last(owner: Person):
    for name, fields in (("b", {"order": 5}), ("a", {"order": 2}), ("c", {})):
        rule(owner, name, **fields)
    assert [each["name"] for each in owner.get("/rules")] == ["a", "b", "c"]


def test_change_counts_a_version_and_no_change_counts_none(owner: Person):
    made = rule(owner)
    assert owner.patch(f"/rules/{made['id']}", {"window_seconds": 60})["version"] == 2
    assert owner.patch(f"/rules/{made['id']}", {"window_seconds": 60})["version"] == 2


def test_correlation_gets_the_enabled_rules_in_their_order(owner: Person):
    rule(owner, "second", order=2, match={"service": "db"}, window_seconds=90, severity_override="high")
    rule(owner, "off", order=1, enabled=False)
    rule(owner, "first", order=0, action="route", route={"service": "platform", "assignee": str_id(owner)})
    first, second = enabled(owner)
    assert (first.name, first.service, first.assignee_id) == ("first", "platform", owner.user_id)
    assert (second.window, second.severity, second.group_by) == (timedelta(seconds=90), "high", ("service",))


@pytest.mark.parametrize(
    ("match", "applies"),
    [
        ({}, True),
        ({"service": "db"}, True),
        ({"service": "d"}, False),
        ({"service": ["cache", "db"], "labels.env": "prod"}, True),
        ({"service": "db", "labels.env": "test"}, False),
        ({"title": {"regex": "disk"}}, False),
        ({"title": {"regex": "(?i)disk.*"}}, True),
    ],
)
def test_all_conditions_of_a_rule_must_be_met(owner: Person, match: dict[str, Any], applies: bool):
    rule(owner, match=match)
    (found,) = enabled(owner)
    assert found.applies({"service": "db", "title": "Disk full", "labels.env": "prod"}) is applies


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"match": {"colour": "red"}}, "match.colour"),
        ({"match": {"title": {"regex": "(a"}}}, "match.title"),
        ({"match": {"title": {"regex": "a", "flags": "i"}}}, "match.title"),
        ({"match": {"title": []}}, "match.title"),
        ({"match": {"title": [1]}}, "match.title"),
        ({"match": ["title"]}, "match"),
        ({"action": "group"}, "group_by"),
        ({"action": "group", "group_by": ["colour"]}, "group_by.0"),
        ({"action": "route"}, "route"),
        ({"action": "route", "route": {"assignee": "user_" + "0" * 32}}, "route.assignee"),
        ({"action": "drop"}, "action"),
        ({"window_seconds": 0}, "window_seconds"),
        ({"window_seconds": 10**9}, "window_seconds"),
        ({"severity_override": "info"}, "severity_override"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_rule_that_makes_no_sense_is_refused_naming_the_field(owner: Person, fields: dict[str, Any], field: str):
    assert field in refused(owner, **fields)
    assert owner.get("/rules") == []


def test_change_that_leaves_no_sense_is_refused(owner: Person):
    made = rule(owner)
    owner.patch(f"/rules/{made['id']}", {"group_by": []}, status=422)
    assert owner.get(f"/rules/{made['id']}") == made


def test_name_is_taken_once(owner: Person):
    rule(owner, "one")
    owner.post("/rules", {"name": "one", "action": "open"}, status=409)


def test_rules_of_another_organization_are_out_of_sight(owner: Person):
    made = rule(owner.hub.register())
    path = f"/rules/{made['id']}"
    for answer in (owner.call("GET", path), owner.call("PATCH", path, json={}), owner.call("DELETE", path)):
        assert answer.status_code == 404
    assert enabled(owner) == ()


def test_deleted_rule_is_gone(owner: Person):
    made = rule(owner)
    owner.delete(f"/rules/{made['id']}")
    owner.get(f"/rules/{made['id']}", status=404)


def str_id(person: Person) -> str:
    return person.tokens["user"]["id"]
