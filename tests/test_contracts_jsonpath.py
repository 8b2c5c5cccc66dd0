"""The part of JSONPath that mappings are written in."""

import re
import time
from typing import Any

import pytest

from hub.contracts import Misconfigured
from hub.contracts.jsonpath import PATTERN, Selection, read_path

BODY = {
    "alerts": [{"id": 1, "labels": {"service.name": "cart"}}, {"id": 2, "labels": {}}],
    "fields": [
        {"key": "severity", "value": "ERROR"},
        {"key": "3", "value": "text"},
        {"key": 3, "value": "number"},
        "x",
    ],
    "on": {"a": {"up": True}, "b": {"up": False}},
    "": "nameless",
    "nothing": None,
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", [BODY]),
        ("$.alerts[*].id", [1, 2]),
        ("$.alerts[-1].id", [2]),
        ("$.alerts[7].id", []),
        ("$.alerts[*].labels['service.name']", ["cart"]),
        ("$.fields[?@.key == 'severity'].value", ["ERROR"]),
        ("$.fields[?@.key==3].value", ["text", "number"]),
        ("$.on[?@.up==true]", [{"up": True}]),
        ("$.on.*.up", [True, False]),
        ("$['']", ["nameless"]),
        ("$.nothing", [None]),
        ("$.nothing.at.all", []),
        ("$.alerts.id", []),
        ("$.alerts[*].id.deeper[0]", []),
        ("@.alerts[0].id", [1]),
    ],
)
def test_path_leads_to_all_that_it_describes_and_to_nothing_else(path: str, found: list[Any]) -> None:
    assert read_path(path).find(BODY) == found


@pytest.mark.parametrize(
    "text", ["", "id", "$..id", "$.a[", "$.a[0:2]", "$.a[?@.b =~ 'x']", "$.length()", "$.a b", "$.a[?@.b=='c'", "$\n"]
)
def test_what_is_no_path_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Misconfigured, match=re.escape("write it like $.alerts[*]")):
        read_path(text)


def test_root_says_where_the_path_begins() -> None:
    assert (read_path("$.a").root, read_path("@.a").root) == ("$", "@")


def test_pattern_of_settings_accepts_what_can_be_read() -> None:
    assert re.search(PATTERN, "$.alerts[*].labels['service.name']")
    assert not re.search(PATTERN, "$..id")


def test_every_step_costs_one_pass_over_the_body() -> None:
    nested: Any = [0] * 100_000
    for _ in range(50):
        nested = [nested]
    path = read_path("$" + "[*]" * 51)
    started = time.process_time()
    assert len(path.find(nested)) == 100_000
    assert time.process_time() - started < 2  # 0.05 where it was written; anything quadratic takes minutes


def test_long_text_that_is_nearly_a_path_is_refused_at_once() -> None:
    started = time.process_time()
    with pytest.raises(Misconfigured):
        read_path("$" + ".a" * 50_000 + "!")
    assert time.process_time() - started < 2  # 0.05 where it was written; anything quadratic takes minutes


def test_table_of_paths_tells_those_of_the_body_from_those_of_an_event() -> None:
    table = Selection({"first": "$.alerts[*].id", "own": "@.id", "gone": "@.nothing", "unset": ""})
    assert table.of_body(BODY) == {"first": 1}
    assert table.of_event(BODY["alerts"][1]) == {"own": 2}


def test_table_names_the_path_that_cannot_be_read() -> None:
    with pytest.raises(Misconfigured, match=re.escape("$..id")):
        Selection({"good": "$.id", "bad": "$..id"})
