"""Amazon CloudWatch: the kit, and what is special about SNS: signatures, subscriptions, what else a topic carries."""

import base64
import json
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

from hub.contracts import Delivery, Event, Unsupported, Untrusted
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
    dates = datetime(2025, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
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


def test_subscription_is_left_to_the_operator_and_says_how() -> None:
    body = {"Type": "SubscriptionConfirmation", "Token": "t", "SubscribeURL": "http://169.254.169.254/", "Message": "x"}
    with pytest.raises(Unsupported, match=r"^subscription_confirmation: .*README"):
        CloudWatch().normalise(delivery(body), {})


def test_message_of_another_topic_is_ignored_where_one_is_set() -> None:
    message = {"Type": "Notification", "TopicArn": "arn:other", "Message": json.dumps(ALARM)}
    with pytest.raises(Unsupported, match="other_topic"):
        CloudWatch().normalise(delivery(message), {"topic_arn": TOPIC})


def test_alarm_without_arn_is_known_by_topic_and_name() -> None:
    old = {name: text for name, text in ALARM.items() if name != "AlarmArn"}
    firing, resolved = (event_of(old | {"NewStateValue": word}, TopicArn=TOPIC) for word in ("ALARM", "OK"))
    other = event_of(old | {"AlarmName": "memory"}, TopicArn=TOPIC)
    assert firing.dedup_key == resolved.dedup_key != other.dedup_key


def test_retry_is_known_by_the_id_of_its_message() -> None:
    first = delivery({"MessageId": "m-1", "Message": "x"})
    assert CloudWatch().delivery_key(replace(first, headers={"x-retry": "2"})) == "m-1"


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
