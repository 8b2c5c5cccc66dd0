"""The signature that receivers check."""

import base64
from pathlib import Path
from typing import ClassVar

import pytest

from hub.contracts import Misconfigured
from hub.contracts.testing import NotifierTests
from plugins.webhook import Webhook, signature

SECRET = f"whsec_{base64.b64encode(bytes(range(24))).decode()}"


class TestWebhook(NotifierTests):
    connector = Webhook()
    folder = Path(__file__).parent
    config: ClassVar = {"url": "https://receiver.example/hook", "secret": "whsec_" + "A" * 43 + "="}


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
