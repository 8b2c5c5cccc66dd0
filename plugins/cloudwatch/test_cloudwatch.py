"""Amazon CloudWatch: the kit, and what is special about SNS: signatures, subscriptions, what else a topic carries."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from hub.contracts import Delivery, Event, Misconfigured, Response, Unavailable, Unconfirmed, Unsupported, Untrusted
from hub.contracts.testing import SignedConnectorTests
from hub.contracts.testing.fixtures import RECEIVED_AT
from hub.contracts.testing.signatures import varied
from plugins.cloudwatch import CloudWatch

TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
CERTIFICATE_URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0a1b2c3d.pem"
CANONICAL = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
ALARM = {"AlarmName": "cpu", "NewStateValue": "ALARM", "AlarmArn": "arn:aws:cloudwatch:eu-west-1:1:alarm:cpu"}


def certificate_of(key: rsa.RSAPrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    dates = datetime(2025, 1, 1, tzinfo=UTC), datetime(2125, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, *dates)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


KEYS = {certificate_of(key): key for key in (rsa.generate_private_key(65537, 2048) for _ in range(2))}


def signed_message(certificate: str, version: str = "1", **fields: Any) -> dict[str, Any]:
    """What SNS sends: signed by the fields that its guide names for the type of message."""
    message = {"Type": "Notification", "MessageId": "m-1", "TopicArn": TOPIC, "Message": json.dumps(ALARM)}
    message |= {"Timestamp": RECEIVED_AT.isoformat(), "SignatureVersion": version, "SigningCertURL": CERTIFICATE_URL}
    message |= fields
    text = "".join(f"{name}\n{message[name]}\n" for name in CANONICAL[message["Type"]] if name in message)
    digest = {"1": hashes.SHA1(), "2": hashes.SHA256()}[version]
    signature = KEYS[certificate].sign(text.encode(), padding.PKCS1v15(), digest)
    return message | {"Signature": base64.b64encode(signature).decode()}


def delivery(message: Any) -> Delivery:
    return Delivery(body=json.dumps(message).encode(), received_at=RECEIVED_AT)


def verify(message: dict[str, Any], **config: str) -> None:
    CloudWatch().verify(delivery(message), {"topic_arn": TOPIC, "signing_certificate": next(iter(KEYS))} | config)


def event_of(alarm: dict[str, Any], **envelope: Any) -> Event:
    (event,) = CloudWatch().normalise(delivery(envelope | {"Message": json.dumps(alarm)}), {})
    return event


class TestCloudWatch(SignedConnectorTests):
    connector = CloudWatch()
    folder = Path(__file__).parent
    config: ClassVar = {"topic_arn": TOPIC}
    window_seconds = 3_900
    secrets = tuple(KEYS)

    def signed(self, secret: str, signed_at: datetime = RECEIVED_AT) -> Delivery:
        return delivery(signed_message(secret, Timestamp=signed_at.isoformat()))

    def altered(self, signed: Delivery) -> Delivery:
        return delivery(json.loads(signed.body) | {"Subject": "added"})

    def with_signature(self, signed: Delivery, value: str | None) -> Delivery:
        return delivery({**json.loads(signed.body), "Signature": value})

    def forged(self, signed: Delivery, random: Random) -> Delivery:
        message = json.loads(signed.body)
        field = random.choice(("Signature", "Message", "MessageId", "TopicArn"))
        return delivery(message | {field: varied(message[field], random)})


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"Subject": "ALARM: cpu"},
        {"Type": "SubscriptionConfirmation", "Token": "t", "SubscribeURL": "https://sns.eu-west-1.amazonaws.com/?t"},
    ],
    ids=["notification", "with subject", "confirmation"],
)
def test_every_type_of_message_is_verified_in_both_versions(version: str, fields: dict[str, str]) -> None:
    verify(signed_message(next(iter(KEYS)), version, **fields))


@pytest.mark.parametrize("field", ["Message", "MessageId", "Timestamp", "TopicArn", "Type", "SignatureVersion"])
def test_no_field_can_be_changed(field: str) -> None:
    message = signed_message(next(iter(KEYS)))
    with pytest.raises(Untrusted):
        verify(message | {field: "2026-01-02T03:04:04+00:00" if field == "Timestamp" else "2"})


@pytest.mark.parametrize(
    "address",
    [
        "http://sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/a.pem",
        "https://sns.evil.example/sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/a.pem",
        "https://bucket.s3.amazonaws.com/a.pem",
        "https://169.254.169.254/a.pem",
        "https://sns.eu-west-1.amazonaws.com/a.pem\n",
        ["https://sns.eu-west-1.amazonaws.com/a.pem"],
        None,
    ],
)
def test_certificate_of_another_host_is_refused(address: object) -> None:
    with pytest.raises(Untrusted):
        verify(signed_message(next(iter(KEYS))) | {"SigningCertURL": address})


def test_right_signature_of_another_topic_is_refused() -> None:
    foreign = signed_message(next(iter(KEYS)), TopicArn="arn:aws:sns:eu-west-1:999999999999:mine")
    with pytest.raises(Untrusted):
        verify(foreign)


def test_right_signature_is_no_proof_without_a_topic() -> None:
    with pytest.raises(Untrusted):
        CloudWatch().verify(delivery(signed_message(next(iter(KEYS)))), {"signing_certificate": next(iter(KEYS))})


def test_old_and_new_certificate_may_stand_side_by_side() -> None:
    for certificate in KEYS:
        verify(signed_message(certificate), signing_certificate="\n".join(KEYS))


def test_last_retry_of_sns_is_still_accepted() -> None:
    verify(signed_message(next(iter(KEYS)), Timestamp=(RECEIVED_AT - timedelta(hours=1)).isoformat()))


def test_text_that_a_stranger_had_signed_cannot_be_read_as_a_message_of_the_topic() -> None:
    """Anybody can have SNS sign a message of a topic of their own that holds the lines of another message."""
    wanted = {"Message": json.dumps(ALARM), "MessageId": "forged", "Timestamp": RECEIVED_AT.isoformat()}
    wanted |= {"TopicArn": TOPIC, "Type": "Notification"}
    lines = "".join(f"{name}\n{text}\n" for name, text in wanted.items())
    own = "arn:aws:sns:eu-west-1:999999999999:mine"
    signed = signed_message(next(iter(KEYS)), TopicArn=own, Message=lines.removeprefix("Message\n").removesuffix("\n"))
    rest = "".join(f"{name}\n{signed[name]}\n" for name in ("MessageId", "Timestamp", "TopicArn", "Type"))
    with pytest.raises(Untrusted, match="another topic"):
        verify(signed | wanted | {"Type": f"Notification\n{rest}".removesuffix("\n")})


# --- subscriptions ----------------------------------------------------------------------------------------------------

SUBSCRIBE_URL = f"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=t0k3n"


class Sns:
    """SNS, as far as a subscriber calls it: its certificate, and what it answers to a confirmation."""

    def __init__(self, certificate: str, status: int = 200) -> None:
        self.asked: list[str] = []
        self._answers = {CERTIFICATE_URL: Response(200, {}, certificate.encode())}
        self._otherwise = Response(status, {}, b"<ConfirmSubscriptionResponse/>")

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Response:
        assert (method, body) == ("GET", b"")
        self.asked.append(url)
        return self._answers.get(url, self._otherwise)


def confirmation(certificate: str, **fields: Any) -> dict[str, Any]:
    sent = {"Type": "SubscriptionConfirmation", "Token": "t0k3n", "SubscribeURL": SUBSCRIBE_URL}
    return signed_message(certificate, **sent | fields)


def confirm(message: dict[str, Any], platform: Sns, **config: str) -> str:
    return CloudWatch().confirm(delivery(message), {"topic_arn": TOPIC} | config, platform).detail


def test_subscription_of_the_topic_is_confirmed_by_the_certificate_of_sns() -> None:
    certificate = next(iter(KEYS))
    platform = Sns(certificate)
    assert confirm(confirmation(certificate), platform) == f"confirmed, {TOPIC} sends here"
    assert platform.asked == [CERTIFICATE_URL, SUBSCRIBE_URL]


def test_certificate_of_the_setting_is_the_one_that_counts() -> None:
    pinned, other = KEYS
    platform = Sns(other)
    confirm(confirmation(pinned), platform, signing_certificate=pinned)
    assert platform.asked == [SUBSCRIBE_URL]
    with pytest.raises(Untrusted):
        confirm(confirmation(other), platform, signing_certificate=pinned)
    assert platform.asked == [SUBSCRIBE_URL]


@pytest.mark.parametrize(
    "address",
    [
        "http://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t",
        "https://169.254.169.254/?Action=ConfirmSubscription&Token=t",
        "https://sns.eu-west-1.amazonaws.com.evil.example/?Action=ConfirmSubscription&Token=t",
        "https://sns.eu-west-1.amazonaws.com@evil.example/?Action=ConfirmSubscription&Token=t",
        "https://sns.eu-west-1.amazonaws.com:8443/?Action=ConfirmSubscription&Token=t",
        "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=t",
        "https://sns.eu-west-1.amazonaws.com/?Action=DeleteTopic&Token=t",
        "https://sns.eu-west-1.amazonaws.com/elsewhere?Action=ConfirmSubscription&Token=t",
        "https://s3.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t",
        "",
    ],
)
def test_nothing_is_called_for_a_signed_confirmation_that_leads_elsewhere(address: str) -> None:
    certificate = next(iter(KEYS))
    platform = Sns(certificate)
    with pytest.raises(Untrusted):
        confirm(confirmation(certificate, SubscribeURL=address), platform)
    assert platform.asked == []


def test_nothing_is_called_for_a_confirmation_of_another_topic() -> None:
    certificate = next(iter(KEYS))
    platform = Sns(certificate)
    foreign = confirmation(certificate, TopicArn="arn:aws:sns:eu-west-1:999999999999:mine")
    for config in ({"topic_arn": TOPIC}, {"topic_arn": ""}):
        with pytest.raises(Untrusted):
            confirm(foreign, platform, **config)
    assert platform.asked == []


def test_forged_confirmation_is_not_confirmed() -> None:
    certificate, other = KEYS
    platform = Sns(certificate)
    for forged in (confirmation(other), confirmation(certificate) | {"Token": "other"}):
        with pytest.raises(Untrusted):
            confirm(forged, platform)
    assert SUBSCRIBE_URL not in platform.asked


@pytest.mark.parametrize(("status", "error"), [(400, Misconfigured), (403, Misconfigured), (503, Unavailable)])
def test_refusal_of_sns_is_told(status: int, error: type[Exception]) -> None:
    certificate = next(iter(KEYS))
    with pytest.raises(error, match=str(status)):
        confirm(confirmation(certificate), Sns(certificate, status))


def test_subscription_waits_for_the_setting_that_says_of_which_topic() -> None:
    body = delivery({"Type": "SubscriptionConfirmation", "TopicArn": TOPIC, "Message": "x"})
    with pytest.raises(Unsupported, match="Topic ARN") as raised:
        CloudWatch().normalise(body, {})
    assert not isinstance(raised.value, Unconfirmed)
    with pytest.raises(Unconfirmed):
        CloudWatch().normalise(body, {"topic_arn": TOPIC})


def test_message_of_another_topic_is_ignored_where_one_is_set() -> None:
    message = {"Type": "Notification", "TopicArn": "arn:other", "Message": json.dumps(ALARM)}
    with pytest.raises(Unsupported, match="other_topic"):
        CloudWatch().normalise(delivery(message), {"topic_arn": TOPIC})


def test_alarm_without_arn_is_known_by_topic_and_name() -> None:
    old = {name: text for name, text in ALARM.items() if name != "AlarmArn"}
    firing, resolved = (event_of(old | {"NewStateValue": word}, TopicArn=TOPIC) for word in ("ALARM", "OK"))
    other = event_of(old | {"AlarmName": "memory"}, TopicArn=TOPIC)
    assert firing.dedup_key == resolved.dedup_key != other.dedup_key


def test_retry_is_known_by_the_id_and_the_text_of_its_message() -> None:
    first = delivery({"MessageId": "m-1", "Message": "x"})
    other = delivery({"MessageId": "m-1", "Message": "y"})
    key = CloudWatch().delivery_key(first)
    assert key == CloudWatch().delivery_key(replace(first, headers={"x-retry": "2"}))
    assert key != CloudWatch().delivery_key(other)


@pytest.mark.parametrize(
    ("arn", "host"),
    [
        ("arn:aws:cloudwatch:eu-west-1:1:alarm:a b", "console.aws.amazon.com"),
        ("arn:aws-cn:cloudwatch:cn-north-1:1:alarm:a b", "console.amazonaws.cn"),
    ],
)
def test_page_of_the_alarm_is_in_the_console_of_its_partition(arn: str, host: str) -> None:
    (link,) = event_of(ALARM | {"AlarmName": "a b", "AlarmArn": arn}).links
    assert link.url.startswith(f"https://{host}/cloudwatch/home?region=")
    assert link.url.endswith("#alarmsV2:alarm/a%20b")


def test_attributes_that_a_publisher_adds_to_the_message_are_labels() -> None:
    alarm = json.dumps({"AlarmName": "cpu", "NewStateValue": "ALARM"})
    body = {"Message": alarm, "MessageAttributes": {"environment": {"Type": "String", "Value": "prod"}}}
    (event,) = CloudWatch().normalise(Delivery(body=json.dumps(body).encode()), {})
    assert event.labels["environment"] == "prod"


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda envelope: {"Records": [{"EventSource": "aws:sns", "Sns": envelope}]},
        lambda envelope: {"Message": _eventbridge(), "TopicArn": envelope["TopicArn"]},
    ],
    ids=["by a function", "by EventBridge"],
)
def test_alarm_that_took_a_detour_through_another_service_is_known(wrapped: Callable[[Any], Any]) -> None:
    envelope = {"Type": "Notification", "TopicArn": TOPIC, "Message": json.dumps(ALARM)}
    (event,) = CloudWatch().normalise(delivery(wrapped(envelope)), {"topic_arn": TOPIC})
    assert (event.state, "alarm:" in event.dedup_key) == ("firing", True)


def _eventbridge() -> str:
    fixture = Path(__file__).parent / "fixtures" / "eventbridge-firing.json"
    return json.dumps(json.loads(fixture.read_text())["body"])
