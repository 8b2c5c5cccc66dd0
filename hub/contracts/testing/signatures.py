"""What a connector accepts as proof of the sender."""

# ruff: noqa: S101  # asserts are what a testing kit is made of

import inspect
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import ClassVar

import pytest

from hub.contracts.delivery import Delivery
from hub.contracts.errors import Untrusted
from hub.contracts.testing.base import Kit
from hub.contracts.testing.fixtures import RECEIVED_AT, encoded

_SECRET = "the-secret-of-this-test"  # noqa: S105  # proves nothing to anybody
_OLD_SECRET = "the-secret-before-it-was-rotated"  # noqa: S105
_MARGIN_SECONDS = 60
FORGERY_COUNT = 200


def varied(text: str, random: Random) -> str:
    """The text with one letter or digit of it changed into another one; of a list of signatures, one of each."""
    return re.sub(r"[^\s,]*[A-Za-z0-9][^\s,]*", lambda part: _varied(part[0], random), text)


def _varied(part: str, random: Random) -> str:
    position = random.choice([index for index, character in enumerate(part) if character.isalnum()])
    others = sorted(set("0123456789abcdef") - {part[position].lower()})
    return part[:position] + random.choice(others) + part[position + 1 :]


class UnsignedTests(Kit):
    """For a platform that signs nothing."""

    def test_no_signing_secret_is_promised(self) -> None:
        assert self.connector.signing_secret is None, "derive from SignedConnectorTests and write `sign`"


class SignatureTests(Kit):
    """For a platform that signs: `sign` does what the platform does.

    One that signs within the body, or with a pair of keys, overrides what stands before the first test.
    """

    window_seconds: ClassVar[int | None] = 300  # how far the signed time may be off; None when no time is signed
    secrets: ClassVar[tuple[str, str]] = (_SECRET, _OLD_SECRET)  # values of the setting: the present one, the old one

    def sign(self, body: bytes, secret: str, signed_at: datetime) -> Mapping[str, str]:
        """The headers with which the platform sends `body` at `signed_at`."""
        raise NotImplementedError

    def signed(self, secret: str, signed_at: datetime = RECEIVED_AT) -> Delivery:
        """The connector's sample as the platform sends it."""
        body = encoded(self.connector.sample_body)
        headers = {name.lower(): value for name, value in self.sign(body, secret, signed_at).items()}
        return Delivery(body=body, headers=headers, received_at=RECEIVED_AT)

    def altered(self, signed: Delivery) -> Delivery:
        """The same signature beside something else than what was signed."""
        return replace(signed, body=signed.body + b" ")

    def with_signature(self, signed: Delivery, value: str | None) -> Delivery:
        """The same body with `value` for each part of the signature; None: without any."""
        return replace(signed, headers={} if value is None else dict.fromkeys(signed.headers, value))

    def forged(self, signed: Delivery, random: Random) -> Delivery:
        """The same delivery with a part of a header, or one byte of the body, changed."""
        position, change = random.randrange(len(signed.body)), random.randrange(1, 128)
        body = bytearray(signed.body)
        body[position] ^= change
        name = random.choice(sorted(signed.headers))
        headers = {**signed.headers, name: varied(signed.headers[name], random)}
        return random.choice((replace(signed, body=bytes(body)), replace(signed, headers=headers)))

    def test_signing_secret_is_a_secret_of_the_schema(self) -> None:
        assert self.connector.config_schema["properties"][self._secret_field()]["format"] == "secret"

    def test_right_signature_is_accepted(self) -> None:
        secret, _ = self.secrets
        self._verify(self.signed(secret), secret)

    def test_signature_over_another_body_is_refused(self) -> None:
        secret, _ = self.secrets
        with pytest.raises(Untrusted):
            self._verify(self.altered(self.signed(secret)), secret)

    def test_no_forgery_is_accepted(self) -> None:
        secret, _ = self.secrets
        signed, random = self.signed(secret), Random(self.connector.name)  # noqa: S311  # the same ones in every run
        assert not [each for each in range(FORGERY_COUNT) if self._accepts(self.forged(signed, random), secret)]

    def test_signature_with_another_secret_is_refused(self) -> None:
        secret, another = self.secrets
        with pytest.raises(Untrusted):
            self._verify(self.signed(another), secret)

    @pytest.mark.parametrize(
        "value", [None, "", "=", "v1=", "v1,", "sha256=zz", "t=,v1=", "\u00e9", "0" * 64, "a" * 9_999]
    )
    def test_missing_or_malformed_signature_is_refused(self, value: str | None) -> None:
        secret, _ = self.secrets
        with pytest.raises(Untrusted):
            self._verify(self.with_signature(self.signed(secret), value), secret)

    @pytest.mark.parametrize("direction", [-1, 1])
    def test_signature_outside_the_time_window_is_refused(self, direction: int) -> None:
        if self.window_seconds is None:
            pytest.skip("this platform signs no time")
        off = timedelta(seconds=direction * (self.window_seconds + _MARGIN_SECONDS))
        secret, _ = self.secrets
        with pytest.raises(Untrusted):
            self._verify(self.signed(secret, RECEIVED_AT + off), secret)

    def test_secret_can_be_rotated_without_losing_a_delivery(self) -> None:
        for sent_with in self.secrets:
            assert [secret for secret in self.secrets if self._accepts(self.signed(sent_with), secret)] == [sent_with]

    def test_signatures_are_compared_in_constant_time_or_with_a_public_key(self) -> None:
        source = inspect.getsource(inspect.getmodule(type(self.connector)) or type(self.connector))
        assert any(word in source for word in ("check_signature(", "compare_digest(", "check_certified("))

    def _secret_field(self) -> str:
        assert self.connector.signing_secret is not None
        return self.connector.signing_secret

    def _verify(self, delivery: Delivery, secret: str) -> None:
        self.connector.verify(delivery, {**self.config, self._secret_field(): secret})

    def _accepts(self, delivery: Delivery, secret: str) -> bool:
        try:
            self._verify(delivery, secret)
        except Untrusted:
            return False
        return True
