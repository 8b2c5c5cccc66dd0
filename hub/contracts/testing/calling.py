"""What a connector that calls its platform does with the answers: credentials, polling, telling."""

# ruff: noqa: S101  # asserts are what a testing kit is made of

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest

from hub.contracts.connector import CheckResult, Notice, PollResult, Response
from hub.contracts.errors import Misconfigured, OverwatchError, Unavailable
from hub.contracts.event import Event
from hub.contracts.testing.base import Kit
from hub.contracts.testing.events import problems_of

CHANGES = ("opened", "acknowledged", "severity_changed", "reopened", "resolved", "closed")
_INCIDENT: Mapping[str, Any] = {
    "id": "inc_019b8d2f6c007a3e8f1b2c3d4e5f6a7b",
    "title": "Payments fail <b>&amp;</b> \u2014 *now*",
    "description": "5 % of requests fail",
    "severity": "critical",
    "status": "active",
    "service": "checkout",
    "services": ["checkout"],
    "environment": "prod",
    "tags": ["payments"],
    "alert_count": 2,
    "links": [],
    "created_at": "2026-01-02T03:00:00+00:00",
    "resolved_at": None,
}


class Platform:
    """An Http whose answers a test writes; `asked` has the method, address, headers and body of each request."""

    def __init__(self, answer: Callable[[str, str], Response]) -> None:
        self._answer = answer
        self.asked: list[tuple[str, str, Mapping[str, str], bytes]] = []

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Response:
        """The answer to this method and address."""
        self.asked.append((method, url, dict(headers or {}), body))
        return self._answer(method, url)


def answering(status: int, body: bytes = b"{}") -> Platform:
    """A platform that says the same to everything."""
    return Platform(lambda _method, _url: Response(status, {"content-type": "application/json"}, body))


class CredentialTests(Kit):
    """`credentials` are config fields with which `check` calls the platform; needed for who polls or notifies."""

    credentials: ClassVar[Mapping[str, Any]] = {}

    @pytest.mark.parametrize("status", [401, 403])
    def test_bad_credentials_fail_the_check(self, status: int) -> None:
        if self.connector.directions == {"webhook"}:
            pytest.skip("this platform is never called")
        assert self.credentials or self.config, "say in `credentials` with which config `check` calls the platform"
        platform = answering(status)
        try:
            result = self.connector.check({**self._defaults(), **self.config, **self.credentials}, platform)
        except Misconfigured as error:
            result = CheckResult(ok=False, detail=str(error))
        assert platform.asked
        assert not result.ok
        assert result.detail

    def _defaults(self) -> dict[str, Any]:
        properties = self.connector.config_schema.get("properties", {})
        return {name: field["default"] for name, field in properties.items() if "default" in field}


class PollTests(CredentialTests):
    """Derive from it beside ConnectorTests for a platform that is polled, and write `answer`.

    The platform has the alerts `keys`; each poll must find what is new since its cursor, however often it failed.
    """

    def answer(self, method: str, url: str, keys: list[str]) -> Response:
        """What the platform answers while it has these alerts, all firing; their dedup keys are the keys."""
        raise NotImplementedError

    def test_poll_resumes_without_gap_or_double(self) -> None:
        first = self._poll({}, ["1", "2"])
        second = self._poll(first.cursor, ["1", "2", "3"])
        third = self._poll(second.cursor, ["1", "2", "3"])
        found = [*first.events, *second.events, *third.events]
        assert {event.dedup_key for event in found} == {"1", "2", "3"}
        assert len({self._identity(event) for event in found}) == 3, "what is told again must be the same event"

    def test_poll_that_failed_is_made_up_for(self) -> None:
        first = self._poll({}, ["1"])
        for status in (429, 500, 503):
            with pytest.raises(Unavailable):
                self.connector.poll(self._config(), dict(first.cursor), answering(status))
        assert "2" in {event.dedup_key for event in self._poll(first.cursor, ["1", "2"]).events}

    def test_polled_events_can_be_stored(self) -> None:
        assert not any(problems_of(event) for event in self._poll({}, ["1"]).events)

    def _poll(self, cursor: dict[str, Any], keys: list[str]) -> PollResult:
        platform = Platform(lambda method, url: self.answer(method, url, keys))
        return self.connector.poll(self._config(), dict(cursor), platform)

    def _config(self) -> dict[str, Any]:
        return {**self._defaults(), **self.config, **self.credentials}

    def _identity(self, event: Event) -> tuple[object, ...]:
        return (event.event_key or event.dedup_key, event.state, event.occurred_at)


class TellingTests(CredentialTests):
    """A connector that tells its platform of incidents."""

    @pytest.mark.parametrize("change", CHANGES)
    def test_every_change_is_told(self, change: str) -> None:
        platform = answering(200)
        self._notify(change, platform)
        assert platform.asked

    @pytest.mark.parametrize("status", [400, 401, 404, 410, 429, 500, 503])
    def test_refusal_is_a_typed_error_without_a_secret(self, status: int) -> None:
        with pytest.raises(OverwatchError) as raised:
            self._notify("opened", answering(status))
        assert isinstance(raised.value, Misconfigured if status == 410 else Misconfigured | Unavailable)
        assert not [value for value in self._secrets() if value in str(raised.value)]

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_what_may_succeed_later_is_unavailable(self, status: int) -> None:
        with pytest.raises(Unavailable):
            self._notify("opened", answering(status))

    def _notify(self, change: str, platform: Platform) -> None:
        status = {"acknowledged": "in_progress", "resolved": "resolved", "closed": "closed"}.get(change, "active")
        notice = Notice("019b8d2f-6c00-7a3e-8f1b-2c3d4e5f6a7b", f"incident.{change}", {**_INCIDENT, "status": status})
        self.connector.notify(notice, {**self._defaults(), **self.config, **self.credentials}, platform)

    def _secrets(self) -> list[str]:
        properties = self.connector.config_schema.get("properties", {})
        config = {**self.config, **self.credentials}
        return [
            str(config[name])
            for name, field in properties.items()
            if field.get("format") == "secret" and name in config
        ]
