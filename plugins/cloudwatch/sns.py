"""Amazon SNS: what of a message is signed, and by whom it may be."""

import re
from dataclasses import dataclass
from datetime import datetime

from hub.contracts import Delivery, Malformed, Untrusted

# What SNS signs of a message: "Name\nValue\n" for each field that it has, in this order (Amazon SNS Developer Guide).
# A notification has neither SubscribeURL nor Token, and a confirmation has no Subject: one order serves all.
SIGNED = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
DIGESTS = {"1": "sha1", "2": "sha256"}
CERTIFICATE_URL = re.compile(r"https://sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[A-Za-z0-9_-]+\.pem")


@dataclass(frozen=True)
class SignedMessage:
    """What has to be verified: `signed` by `signature` (base64), at `signed_at` (epoch seconds)."""

    signed: bytes
    signature: str
    digest: str
    signed_at: str


def read_message(delivery: Delivery, topic: str) -> SignedMessage:
    """Raises Untrusted for what is no message of the topic, or names a certificate that is not of SNS."""
    try:
        sent = delivery.json().expect_object().value
        signed = "".join(f"{field}\n{sent[field]}\n" for field in SIGNED if sent.get(field) is not None)
        signed_at = str(int(datetime.fromisoformat(sent["Timestamp"]).timestamp()))
        is_trusted = sent["TopicArn"] == topic and CERTIFICATE_URL.fullmatch(sent["SigningCertURL"])
        message = SignedMessage(signed.encode(), str(sent["Signature"]), DIGESTS[sent["SignatureVersion"]], signed_at)
    except (Malformed, LookupError, TypeError, ValueError, OverflowError) as error:
        raise Untrusted("The body is no signed message of Amazon SNS.") from error
    if not is_trusted:
        raise Untrusted("The message is of another topic, or names a certificate that is not of Amazon SNS.")
    return message
