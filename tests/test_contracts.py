"""What the contracts promise about bodies, times, texts and keys."""

import subprocess
import sys
from datetime import UTC, datetime

import pytest

from hub.contracts import (
    Delivery,
    Event,
    Malformed,
    Payload,
    Severity,
    State,
    fingerprint,
    labels_of,
    parse_time,
    present,
    service_of,
    severity_of,
    state_of,
)


def event(dedup_key: str, event_key: str | None = None) -> Event:
    return Event(title="Disk is full", state=State.FIRING, dedup_key=dedup_key, event_key=event_key)


@pytest.mark.parametrize(
    "text",
    [
        *("1767322800", "1767322800000", "1767322800000000000"),
        *("2026-01-02T03:00:00.0000000Z", "2026-01-02 03:00:00.000000000 +0000 UTC", "2026-01-02 04:00:00 +0100 CET"),
        *("2026-01-02 03:00:00.000000001 +0000 UTC m=+8560.285724134", "Fri, 02 Jan 2026 04:00:00 +0100"),
        *("Fri Jan  2 03:00:00 UTC 2026", "Thu, 01 Jan 2026 22:00:00 EST"),
    ],
)
def test_time_is_read_in_every_unit(text: str) -> None:
    assert parse_time(text, "at") == datetime(2026, 1, 2, 3, tzinfo=UTC)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "0", "-5"])
def test_time_that_is_not_over_yet_is_none(text: str) -> None:
    assert parse_time(text, "at") is None


@pytest.mark.parametrize(
    "text", ["inf", "-Infinity", "nan", "1e300", "1e999", "yesterday", "Fri Jan  2 03:00:00 CET 2026", "9" * 1_000_000]
)
def test_what_is_no_time_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(Malformed, match=r"^at:"):
        parse_time(text, "at")


def test_event_is_not_lost_for_a_field_that_holds_no_time() -> None:
    payload = Payload({"started": "yesterday", "seen": "2026-01-02T03:00:00Z"})
    assert payload.time("started", "seen") == datetime(2026, 1, 2, 3, tzinfo=UTC)
    assert payload.time("started") is None


@pytest.mark.parametrize("text", ["$ALERT_ID", "${HOST}", "{{ .Labels }}", "{EVENT.VALUE}", "null", "<no value>", "  "])
def test_text_that_a_template_left_is_absent(text: str) -> None:
    assert present(text) == ""


def test_label_may_be_a_word_for_nothing_but_no_template_text() -> None:
    labels = {"severity": "none", "host": "$HOST", "empty": "", "port": 80, "list": ["a", {"b": None}]}
    assert Payload({"labels": labels}).mapping("labels") == {
        "severity": "none",
        "port": "80",
        "list": '["a", {"b": null}]',
    }


def test_characters_that_cannot_be_stored_are_replaced() -> None:
    body = Delivery(body=b'{"title": "a\\u0000b\\ud800", "labels": {"\\u0000": "\\udfff"}}').json()
    assert body.text("title") == "a\ufffdb\ufffd"
    assert body.mapping("labels") == {"\ufffd": "\ufffd"}


@pytest.mark.parametrize("body", [b'{"title": "a"}', b'\xef\xbb\xbf{"title": "a"}', b"title=a", b"\r\n[1]"])
def test_body_may_be_json_or_a_form(body: bytes) -> None:
    assert Delivery(body=body).payload().value in ({"title": "a"}, [1])


@pytest.mark.parametrize("body", [b"", b"title", b'{"a=b', '{"a": 1}'.encode("utf-16"), b"\xff=1", b"a=1&" * 2_000])
def test_body_that_is_neither_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed, match=r"^body:"):
        Delivery(body=body).payload()


def test_members_are_the_objects_of_a_list_or_the_one_object() -> None:
    assert [member.path for member in Payload([{}, {}]).members()] == ["body[0]", "body[1]"]
    assert [member.path for member in Payload({}).members()] == ["body"]


def test_member_that_is_no_object_is_named() -> None:
    with pytest.raises(Malformed, match=r"body\[1\]: expected an object, got a number"):
        Payload([{}, 1]).members()


def test_embedded_json_keeps_the_path_for_its_errors() -> None:
    message = Payload({"Message": '{"state": []}'}).get("Message").embedded()
    with pytest.raises(Malformed, match=r"^body\.Message\.state:"):
        message.text("state")


def test_nesting_that_would_exhaust_the_stack_is_refused() -> None:
    nested: object = "x"
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(Malformed, match=r"^body\.labels\.deep: is nested too deeply"):
        Payload({"labels": {"deep": nested}}).mapping("labels")


def test_links_take_a_text_or_a_list_and_only_web_addresses() -> None:
    body = Payload({"runbook": ["https://a.example", "javascript:x"], "page": "/relative"})
    assert [link.url for link in body.links({"runbook": "Runbook", "page": "Page"})] == ["https://a.example"]


def test_key_too_long_for_an_index_becomes_its_fingerprint() -> None:
    assert event("k" * 255).dedup_key == "k" * 255
    assert event("k" * 256).dedup_key == fingerprint("k" * 256)
    assert event("k", "e" * 256).event_key == fingerprint("e" * 256)


def test_fingerprint_ignores_the_order_of_labels_but_not_of_parts() -> None:
    assert fingerprint("a", {"x": "1", "y": "2"}) == fingerprint("a", {"y": "2", "x": "1"})
    assert fingerprint("a", "b") != fingerprint("b", "a") != fingerprint("ba")


def test_severity_of_an_event_is_unknown_until_the_sender_says_it() -> None:
    assert event("k").severity is Severity.UNKNOWN


@pytest.mark.parametrize(
    ("word", "severity"), [("Page", "critical"), ("P2", "high"), ("minor", "low"), ("severe", "unknown")]
)
def test_word_of_free_text_has_a_severity_only_where_its_meaning_is_clear(word: str, severity: str) -> None:
    assert severity_of(word) == severity


def test_service_is_the_preferred_label_and_else_the_most_telling_one() -> None:
    labels = {"job": "exporter", "app": "cart", "team": "shop", "service": ""}
    assert (service_of(labels), service_of(labels, "team"), service_of({})) == ("cart", "shop", "")


def test_names_of_a_template_are_compared_loosely_and_its_own_come_first() -> None:
    body = Payload({"Alert-ID": 1, "alert": {"alert_id": 2, "Host Name": "web-1"}, "other": {"x": 3}})
    loose = body.loose("alert")
    assert (loose.text("alertid"), loose.text("hostname"), loose.has("x")) == ("1", "web-1", False)


def test_tags_become_labels() -> None:
    tags = ["env:prod", "env:eu", "env:prod", "canary", "url:http://x", ""]
    assert labels_of(tags) == {"env": "prod, eu", "canary": "true", "url": "http://x"}


def test_object_in_a_list_of_texts_is_told_by_its_name() -> None:
    tags = [{"name": "canary"}, {"key": "env", "value": "prod"}, {"tag": "tier", "value": 1}, {"id": 7}, "web", None]
    assert Payload({"tags": tags}).texts("tags") == ["canary", "env:prod", "tier:1", "web"]
    with pytest.raises(Malformed, match=r"tags\[0\]"):
        Payload({"tags": [["web"]]}).texts("tags")


@pytest.mark.parametrize(
    ("word", "state"),
    [("Open", "firing"), ("ACK", "acknowledged"), ("recovered", "resolved"), ("200", None), ("", None)],
)
def test_word_for_a_state_counts_only_where_its_meaning_is_clear(word: str, state: str | None) -> None:
    assert state_of(word) == state


def test_contracts_load_without_the_testing_kit() -> None:
    code = "import sys, hub.contracts; sys.exit('pytest' in sys.modules or 'jsonschema' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


MULTIPART = (
    b'--b0\r\nContent-Disposition: form-data; name="data"\r\n\r\n{"a": "--b0 = 1"}\r\n'
    b'--b0\r\nContent-Disposition: form-data; name="empty"\r\nContent-Type: text/plain\r\n\r\n\r\n--b0--\r\n'
)


@pytest.mark.parametrize("body", [b"data=%7B%22a%22%3A+%22--b0+%3D+1%22%7D&empty=", MULTIPART])
def test_form_is_read_in_both_encodings(body: bytes) -> None:
    assert Delivery(body=body).form() == {"data": '{"a": "--b0 = 1"}', "empty": ""}
    assert Delivery(body=body).payload().get("data").embedded().text("a") == "--b0 = 1"


@pytest.mark.parametrize("body", [MULTIPART.replace(b"{", b"\xff"), b"data=%FF&a=\xff"])
def test_form_that_is_not_text_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed, match="not a form"):
        Delivery(body=body).form()
