"""Standard Webhooks: what is accepted as signed."""

import base64
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from hub.contracts import Untrusted
from hub.contracts.standard_webhooks import check_standard_webhook, is_standard_webhook, message_id

KEY = b"the key of this test, 32 bytes.."
SECRET = "whsec_" + base64.b64encode(KEY).decode()
NOW = datetime(2026, 1, 2, 3, tzinfo=UTC)
BODY = b'{"type": "alert.firing"}'


def signed(key: bytes = KEY, prefix: str = "webhook", at: datetime = NOW) -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    digest = hmac.digest(key, b"msg_1." + stamp.encode() + b"." + BODY, "sha256")
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {f"{prefix}-id": "msg_1", f"{prefix}-timestamp": stamp, f"{prefix}-signature": signature}


def check(headers: dict[str, str], body: bytes = BODY, secret: str = SECRET) -> None:
    check_standard_webhook(headers, body, secret, NOW)


@pytest.mark.parametrize("prefix", ["webhook", "svix"])
def test_signature_is_accepted_under_both_names(prefix: str) -> None:
    headers = signed(prefix=prefix)
    check(headers)
    assert is_standard_webhook(headers)
    assert message_id(headers) == "msg_1"


@pytest.mark.parametrize("secret", ["plain text", "whsec_no base64!"])
def test_secret_that_is_not_encoded_is_taken_as_it_is(secret: str) -> None:
    check(signed(secret.encode()), secret=secret)


def test_one_right_signature_of_several_is_enough() -> None:
    right, other = signed(), signed(b"old")
    check(right | {"webhook-signature": f"v1a,AAAA {other['webhook-signature']} {right['webhook-signature']}"})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed(b"another key"),
        signed() | {"webhook-id": "msg_2"},
        signed() | {"webhook-timestamp": str(int(NOW.timestamp()) + 1)},
        signed() | {"webhook-signature": signed()["webhook-signature"].removeprefix("v1,")},
        signed(at=NOW - timedelta(minutes=6)),
        signed(at=NOW + timedelta(minutes=6)),
    ],
)
def test_anything_else_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Untrusted):
        check(headers)


def test_other_body_is_refused() -> None:
    with pytest.raises(Untrusted):
        check(signed(), body=BODY + b" ")
