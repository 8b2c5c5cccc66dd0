"""Silences: what they hide, for how long, and what cannot be asked of them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from hub.alerts.matching import Matcher
from hub.alerts.silencing import rules, service
from hub.alerts.silencing.rules import Silence
from tests.factories import Person

NOW = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)


def inside(**length: float) -> str:
    return (datetime.now(UTC) + timedelta(**length)).isoformat()


def on(name: str, value: str, **fields: bool) -> dict[str, Any]:
    return {"name": name, "value": value} | fields


def silence(owner: Person, *matchers: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return owner.post("/silences", {"matchers": list(matchers), "ends_at": inside(hours=1)} | fields)


def refused(owner: Person, **fields: Any) -> dict[str, list[str]]:
    body = {"matchers": [on("service", "db")], "ends_at": inside(hours=1)} | fields
    answer = owner.call("POST", "/silences", json=body)
    assert answer.status_code == 422, answer.text
    return answer.json["details"]


def with_status(owner: Person, status: str) -> list[dict[str, Any]]:
    return owner.call("GET", f"/silences?status={status}").json["data"]


def test_silence_begins_now_and_says_who_made_it(owner: Person):
    made = silence(owner, on("labels.env", "prod"), comment="Deploying")
    assert (made["status"], made["comment"]) == ("active", "Deploying")
    assert made["created_by"] == owner.tokens["user"]["id"]
    assert made["matchers"] == [on("labels.env", "prod", is_regex=False, is_equal=True)]
    assert with_status(owner, "active") == [owner.get(f"/silences/{made['id']}")] == [made]


def test_silence_to_come_is_pending_and_hides_nothing_yet(owner: Person):
    made = silence(owner, on("service", "db"), starts_at=inside(hours=1), ends_at=inside(hours=2))
    assert made["status"] == "pending"
    assert with_status(owner, "active,expired") == []
    with owner.hub.runtime.database.transaction(owner.organization_id) as session:
        assert service.standing(session) == ()


def test_silence_that_is_ended_early_is_expired(owner: Person):
    made = silence(owner, on("service", "db"), starts_at=inside(hours=-2))
    ended = owner.call("PATCH", f"/silences/{made['id']}", json={"ends_at": inside(hours=-1)})
    assert ended.status_code == 422
    owner.delete(f"/silences/{made['id']}")
    owner.get(f"/silences/{made['id']}", status=404)


@pytest.mark.parametrize(
    ("window", "field", "words"),
    [
        ({"starts_at": "2026-01-05T10:00:00Z", "ends_at": "2026-01-05T10:00:00Z"}, "ends_at", "at least 1 second"),
        ({"ends_at": "2126-01-05T10:00:00Z"}, "ends_at", "within 366 days"),
        ({"starts_at": "2126-01-05T10:00:00Z", "ends_at": "2126-01-06T10:00:00Z"}, "starts_at", "within 366 days"),
        ({"starts_at": "2020-01-05T10:00:00Z", "ends_at": "2020-01-06T10:00:00Z"}, "ends_at", "in the future"),
    ],
)
def test_window_that_makes_no_sense_is_refused_saying_why(owner: Person, window: dict, field: str, words: str):
    assert words in refused(owner, **window)[field][0]


@pytest.mark.parametrize("pattern", ["(a", r"(a)\1", "(?=a)", "((a{1000}){1000}){1000}"])
def test_pattern_that_re2_refuses_is_refused_naming_the_field(owner: Person, pattern: str):
    details = refused(owner, matchers=[on("title", pattern, is_regex=True)])
    assert "RE2 does not accept" in details["matchers.0.value"][0]


def test_pattern_that_backtracking_engines_never_end_ends_at_once():
    matcher = Matcher("title", ("(a+)+$",), is_regex=True)
    assert not matcher.fits({"title": "a" * 20_000 + "b"})


def test_silence_that_would_hide_everything_is_refused(owner: Person):
    assert "every alert" in refused(owner, matchers=[on("title", ".*", is_regex=True)])["matchers"][0]
    assert "matchers" in refused(owner, matchers=[])


def test_matcher_on_nothing_of_an_alert_is_refused_with_the_choices(owner: Person):
    assert "labels.<name>" in refused(owner, matchers=[on("colour", "red")])["matchers.0.name"][0]


@pytest.mark.parametrize(
    ("matcher", "is_hidden"),
    [
        (Matcher("service", ("db",)), True),
        (Matcher("service", ("d",)), False),
        (Matcher("service", ("db",), is_equal=False), False),
        (Matcher("labels.env", ("pro",), is_regex=True), False),
        (Matcher("labels.env", ("(?i)PRO.*",), is_regex=True), True),
        (Matcher("labels.team", ("",)), True),
        (Matcher("labels.team", ("core",), is_equal=False), True),
    ],
)
def test_matcher_meets_the_whole_value_and_a_missing_label_is_empty(matcher: Matcher, is_hidden: bool):
    assert matcher.fits({"service": "db", "labels.env": "production"}) is is_hidden


def test_alert_is_hidden_inside_the_window_only():
    hour = timedelta(hours=1)
    standing = Silence(uuid4(), (Matcher("service", ("db",)),), NOW, NOW + hour)
    at = {moment: rules.silence_of({"service": "db"}, [standing], moment) for moment in (NOW - hour, NOW, NOW + hour)}
    assert at == {NOW - hour: None, NOW: standing, NOW + hour: None}


def test_of_two_silences_the_one_that_ends_last_is_named():
    short, long = (Silence(uuid4(), (), NOW, NOW + timedelta(hours=hours)) for hours in (1, 2))
    assert rules.silence_of({}, [long, short], NOW) is rules.silence_of({}, [short, long], NOW) is long


def test_more_silences_than_an_alert_can_be_held_against_are_refused(owner: Person, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(service, "MOST_STANDING", 1)
    silence(owner, on("service", "db"))
    owner.post("/silences", {"matchers": [on("service", "web")], "ends_at": inside(hours=1)}, status=409)


def test_silences_of_another_organization_are_out_of_sight(owner: Person):
    made = silence(owner.hub.register(), on("service", "db"))
    path = f"/silences/{made['id']}"
    for answer in (owner.call("GET", path), owner.call("PATCH", path, json={}), owner.call("DELETE", path)):
        assert answer.status_code == 404
