"""Amazon SNS: what of a message is signed, by whom it may be, and how a subscription is confirmed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from hub.contracts import (
    Delivery,
    Http,
    Malformed,
    Misconfigured,
    Payload,
    Unconfirmed,
    Unsupported,
    Untrusted,
    expect_success,
)

# What SNS signs of a message: "Name\nValue\n" for each field that it has, in this order (Amazon SNS Developer Guide).
# A notification has neither SubscribeURL nor Token, and a confirmation has no Subject: one order serves all. A line end
# in any value but the first would let the text be read in two ways, and a stranger's message pass for one of the topic.
SIGNED = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
TYPES = frozenset({"Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"})
DIGESTS = {"1": "sha1", "2": "sha256"}
CERTIFICATE_URL = re.compile(r"https://sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[A-Za-z0-9_-]+\.pem")
SUBSCRIBE_URL = re.compile(
    r"https://sns\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/\?Action=ConfirmSubscription&[A-Za-z0-9%&=._:~-]+"
)

WINDOW_SECONDS = 3_900  # SNS retries for an hour at most
CONFIRMING = "subscription_confirmation: a worker checks and confirms it"
NO_TOPIC = "subscription_confirmation: set the integration's Topic ARN and replay this delivery to confirm it"
UNSUBSCRIBED = "unsubscribe_confirmation: the topic sends nothing more to this address"


@dataclass(frozen=True)
class SignedMessage:
    """What has to be verified: `signed` by `signature` (base64), at `signed_at` (epoch seconds)."""

    signed: bytes
    signature: str
    digest: str
    signed_at: str
    certificate_url: str
    subscribe_url: str


def read_message(delivery: Delivery, topic: str) -> SignedMessage:
    """Raises Untrusted for what is no message of the topic, or names a certificate that is not of SNS."""
    try:
        sent = delivery.json().expect_object().value
        values = {field: sent[field] for field in SIGNED if sent.get(field) is not None}
        is_plain = sent["Type"] in TYPES and not any("\n" in values[field] for field in values if field != "Message")
        message = SignedMessage(
            signed="".join(f"{field}\n{value}\n" for field, value in values.items()).encode(),
            signature=str(sent["Signature"]),
            digest=DIGESTS[sent["SignatureVersion"]],
            signed_at=str(int(datetime.fromisoformat(sent["Timestamp"]).timestamp())),
            certificate_url=sent["SigningCertURL"],
            subscribe_url=str(sent.get("SubscribeURL", "")),
        )
        is_trusted = is_plain and sent["TopicArn"] == topic and CERTIFICATE_URL.fullmatch(message.certificate_url)
    except (Malformed, LookupError, TypeError, ValueError, OverflowError) as error:
        raise Untrusted("The body is no signed message of Amazon SNS.") from error
    if not is_trusted:
        raise Untrusted("The message is of another topic, or names a certificate that is not of Amazon SNS.")
    return message


def envelopes_of(body: Payload) -> list[Payload]:
    """The envelope alone, or those that a function of AWS Lambda was given, when it hands its event on."""
    return [record.get("Sns").expect_object() for record in body.objects("Records")] if body.has("Records") else [body]


def expect_notification(body: Payload, topic: str) -> None:
    """Raises Unsupported for what is none of the topic, Unconfirmed for the wish to be subscribed to it."""
    if topic and body.text("TopicArn") not in {"", topic}:
        raise Unsupported("other_topic")
    if body.text("Type") == "SubscriptionConfirmation":
        raise Unconfirmed(CONFIRMING) if topic else Unsupported(NO_TOPIC)
    if body.text("Type") == "UnsubscribeConfirmation":
        raise Unsupported(UNSUBSCRIBED)


def subscribe_url_of(message: SignedMessage, topic: str) -> str:
    """Raises Untrusted for an address that is not of SNS in the topic's region."""
    address = SUBSCRIBE_URL.fullmatch(message.subscribe_url)
    if address is None or topic.split(":")[3:4] != [address["region"]]:
        raise Untrusted("The SubscribeURL is not of Amazon SNS in the topic's region.")
    return message.subscribe_url


def certificate_of(message: SignedMessage, http: Http) -> str:
    """The certificate that the message names, from a host of SNS over https, as Amazon's own libraries fetch it."""
    return expect_success(http.request("GET", message.certificate_url)).body.decode(errors="replace")


def open_subscribe_url(address: str, http: Http) -> None:
    """Raises Misconfigured when SNS refuses, Unavailable when it may not refuse later."""
    answer = http.request("GET", address)
    if 400 <= answer.status < 429:
        raise Misconfigured(f"SNS answered {answer.status}: the confirmation is out of date, subscribe again.")
    expect_success(answer)


def attributes_of(envelope: Payload) -> dict[str, str]:
    """What a publisher of its own adds to the envelope, such as the environment."""
    sent = envelope.get("MessageAttributes")
    is_object = isinstance(sent.value, Mapping)
    return {name: sent.get(name).text("Value") for name in sent.value} if is_object else {}
