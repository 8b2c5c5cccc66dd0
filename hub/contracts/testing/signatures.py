"""What a connector accepts as proof of the sender."""

# ruff: noqa: S101  # asserts are what a testing kit is made of

import inspect
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import ClassVar

import pytest

from hub.contracts.delivery import Delivery
from hub.contracts.errors import Untrusted
from hub.contracts.testing.base import Kit
from hub.contracts.testing.fixtures import RECEIVED_AT, encoded

_SECRET = "the-secret-of-this-test"  # noqa: S105  # proves nothing to anybody
_OLD_SECRET = "the-secret-before-it-was-rotated"  # noqa: S105
_MARGIN_SECONDS = 60


class UnsignedTests(Kit):
    """For a platform that signs nothing."""

    def test_no_signing_secret_is_promised(self) -> None:
        assert self.connector.signing_secret is None, "derive from SignedConnectorTests and write `sign`"


class SignatureTests(Kit):
    """For a platform that signs: `sign` does what the platform does."""

    window_seconds: ClassVar[int | None] = 300  # how far the signed time may be off; None when no time is signed

    def sign(self, body: bytes, secret: str, signed_at: datetime) -> Mapping[str, str]:
        """The headers with which the platform sends `body` at `signed_at`."""
        raise NotImplementedError

    def test_signing_secret_is_a_secret_of_the_schema(self) -> None:
        assert self.connector.config_schema["properties"][self._secret_field()]["format"] == "secret"

    def test_right_signature_is_accepted(self) -> None:
        self._verify(self._signed(_SECRET), _SECRET)

    def test_signature_over_another_body_is_refused(self) -> None:
        signed = self._signed(_SECRET)
        with pytest.raises(Untrusted):
            self._verify(Delivery(body=signed.body + b" ", headers=signed.headers, received_at=RECEIVED_AT), _SECRET)

    def test_signature_with_another_secret_is_refused(self) -> None:
        with pytest.raises(Untrusted):
            self._verify(self._signed(_OLD_SECRET), _SECRET)

    @pytest.mark.parametrize(
        "value", [None, "", "=", "v1=", "v1,", "sha256=zz", "t=,v1=", "\u00e9", "0" * 64, "a" * 9_999]
    )
    def test_missing_or_malformed_signature_is_refused(self, value: str | None) -> None:
        signed = self._signed(_SECRET)
        headers = {} if value is None else dict.fromkeys(signed.headers, value)
        with pytest.raises(Untrusted):
            self._verify(Delivery(body=signed.body, headers=headers, received_at=RECEIVED_AT), _SECRET)

    @pytest.mark.parametrize("direction", [-1, 1])
    def test_signature_outside_the_time_window_is_refused(self, direction: int) -> None:
        if self.window_seconds is None:
            pytest.skip("this platform signs no time")
        off = timedelta(seconds=direction * (self.window_seconds + _MARGIN_SECONDS))
        with pytest.raises(Untrusted):
            self._verify(self._signed(_SECRET, RECEIVED_AT + off), _SECRET)

    def test_secret_can_be_rotated_without_losing_a_delivery(self) -> None:
        for sent_with in (_OLD_SECRET, _SECRET):
            accepted = [secret for secret in (_SECRET, _OLD_SECRET) if self._accepts(self._signed(sent_with), secret)]
            assert accepted == [sent_with]

    def test_signatures_are_compared_in_constant_time(self) -> None:
        source = inspect.getsource(inspect.getmodule(type(self.connector)) or type(self.connector))
        assert "check_signature(" in source or "compare_digest" in source

    def _secret_field(self) -> str:
        assert self.connector.signing_secret is not None
        return self.connector.signing_secret

    def _signed(self, secret: str, signed_at: datetime = RECEIVED_AT) -> Delivery:
        body = encoded(self.connector.sample_body)
        headers = {name.lower(): value for name, value in self.sign(body, secret, signed_at).items()}
        return Delivery(body=body, headers=headers, received_at=RECEIVED_AT)

    def _verify(self, delivery: Delivery, secret: str) -> None:
        self.connector.verify(delivery, {**self.config, self._secret_field(): secret})

    def _accepts(self, delivery: Delivery, secret: str) -> bool:
        try:
            self._verify(delivery, secret)
        except Untrusted:
            return False
        return True
