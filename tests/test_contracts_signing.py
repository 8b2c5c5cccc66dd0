"""Signatures of webhooks: what is accepted as proof, and that nothing else is."""

import base64
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from hub.contracts import Untrusted, check_signature, check_signing_time

BODY, SECRET = b'{"id": 1}', "secret"
HEX = hmac.digest(SECRET.encode(), BODY, "sha256").hex()
BASE64 = base64.b64encode(bytes.fromhex(HEX)).decode()
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("header", [HEX, HEX.upper(), f" {HEX} ", f"{'0' * 64},{HEX}"])
def test_hexadecimal_signature_is_accepted_among_others(header: str) -> None:
    check_signature(header, BODY, SECRET)


def test_only_signatures_of_the_version_count() -> None:
    check_signature(f"v0={HEX}, v1={HEX}", BODY, SECRET, prefix="v1=")
    with pytest.raises(Untrusted):
        check_signature(f"v0={HEX}, {HEX}", BODY, SECRET, prefix="v1=")


def test_base64_signatures_are_told_apart_by_their_separator() -> None:
    check_signature(f"v1,{'A' * 43}= v1,{BASE64}", BODY, SECRET, prefix="v1,", separator=" ", encoding="base64")


@pytest.mark.parametrize(
    "header", ["", ",", HEX[:-2], HEX + "00", f"sha256={HEX}", "zz", "é", "0" * 64, HEX[:32], "a" * 9_999]
)
def test_any_other_text_is_no_signature(header: str) -> None:
    with pytest.raises(Untrusted):
        check_signature(header, BODY, SECRET)


def test_changed_byte_of_the_body_breaks_the_signature() -> None:
    for position in range(len(BODY)):
        changed = BODY[:position] + bytes([BODY[position] ^ 1]) + BODY[position + 1 :]
        with pytest.raises(Untrusted):
            check_signature(HEX, changed, SECRET)


def test_empty_secret_proves_nothing() -> None:
    with pytest.raises(Untrusted):
        check_signature(hmac.digest(b"", BODY, "sha256").hex(), BODY, "")


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_time_within_the_window_is_accepted(seconds: int) -> None:
    check_signing_time(str(int((NOW + timedelta(seconds=seconds)).timestamp())), NOW)


@pytest.mark.parametrize("text", ["", "now", "-1", "1e9", "0", "99999999999", "9" * 400, "1767323045.5", "١٢٣"])
def test_time_that_is_no_number_or_far_away_is_refused(text: str) -> None:
    with pytest.raises(Untrusted):
        check_signing_time(text, NOW)
