"""The signature that receivers check."""

import base64

import pytest

from hub.contracts import Misconfigured
from plugins.webhook import signature

SECRET = f"whsec_{base64.b64encode(bytes(range(24))).decode()}"


def test_signature_is_the_one_of_the_specification():
    # computed with openssl dgst -sha256 -mac HMAC over "msg_1.1614265330.{}"
    signed = signature(SECRET, "msg_1", 1_614_265_330, b"{}")
    assert signed == "v1,1IAVWmooqOL1/V6LNhFkPDxWIonZ9qPyZDb44YNMCfU="


@pytest.mark.parametrize("changed", [("msg_2", 1, b"{}"), ("msg_1", 2, b"{}"), ("msg_1", 1, b"{ }")])
def test_signature_covers_id_time_and_body(changed: tuple[str, int, bytes]):
    assert signature(SECRET, *changed) != signature(SECRET, "msg_1", 1, b"{}")


def test_secret_that_is_no_base64_is_refused():
    with pytest.raises(Misconfigured, match="secret"):
        signature("whsec_?", "msg_1", 1, b"{}")
