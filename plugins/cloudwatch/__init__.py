"""Amazon CloudWatch: metric and composite alarms, in the envelope of Amazon SNS or delivered raw."""

from contextlib import suppress
from typing import ClassVar
from urllib.parse import quote

from hub.contracts import (
    Config,
    Connector,
    Delivery,
    Event,
    Http,
    Malformed,
    Payload,
    Receipt,
    State,
    Unsupported,
    check_certified,
    check_signing_time,
    fingerprint,
    first_of,
    hookimpl,
)
from plugins.cloudwatch import eventbridge, sns

STATES = {"ALARM": State.FIRING, "INSUFFICIENT_DATA": State.FIRING, "OK": State.RESOLVED}
SERVICES = ("ServiceName", "FunctionName", "DBInstanceIdentifier", "LoadBalancer", "QueueName", "TableName", "ApiName")
ANNOTATIONS = {"OldStateValue": "old_state", "AlarmRule": "alarm_rule"}
CONSOLES = {"aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}


class CloudWatch(Connector):
    """Any customer of AWS can have SNS sign a message, so the topic is a part of the proof."""

    name = "cloudwatch"
    title = "Amazon CloudWatch"
    signing_secret = "signing_certificate"  # noqa: S105  # the name of the setting
    config_schema: ClassVar = {
        "type": "object",
        "properties": {
            "topic_arn": {
                "type": "string",
                "title": "Topic ARN",
                "description": "Only this topic's subscription is confirmed; messages of others are ignored.",
            },
            "signing_certificate": {
                "type": "string",
                "format": "secret",
                "title": "Signing certificate of SNS",
                "description": "The PEM at SigningCertURL of a message, or several; empty: the URL's token proves.",
            },
        },
        "dependentRequired": {"signing_certificate": ["topic_arn"]},
        "additionalProperties": False,
    }
    setup_guide = """Subscribe this address to the SNS topic of your alarms, with the protocol HTTPS:

{webhook_url}

Overwatch confirms the subscription by itself when the Topic ARN is set here; its first delivery says so.
"""
    sample_body = """{"Type": "Notification", "MessageId": "7d3c1d8e-5a52-5c0b-9f6e-2a4d1b8c7e90",
 "TopicArn": "arn:aws:sns:eu-west-1:123456789012:alarms", "Timestamp": "2026-01-02T03:00:01.000Z",
 "Message": "{\\"AlarmName\\": \\"checkout-5xx\\", \\"NewStateValue\\": \\"ALARM\\"}"}"""

    def verify(self, delivery: Delivery, config: Config) -> None:
        """By the certificates of the setting: to fetch the one that a message names would be to trust it too early."""
        message = sns.read_message(delivery, config.get("topic_arn", ""))
        _check(message, config["signing_certificate"], delivery)

    def delivery_key(self, delivery: Delivery) -> str | None:
        try:
            body = delivery.json()
            return fingerprint(identity, body.text("Message")) if (identity := body.text("MessageId")) else None
        except Malformed:
            return None

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        bodies = (body for each in delivery.json().members() for body in sns.envelopes_of(each))
        return [to_event(_alarm(body, config.get("topic_arn", "")), body) for body in bodies]

    def confirm(self, delivery: Delivery, config: Config, http: Http) -> Receipt:
        """Only for the topic of the setting, signed by SNS, and at SNS; nothing is called before that is known."""
        topic = config.get("topic_arn", "")
        message = sns.read_message(delivery, topic)
        address = sns.subscribe_url_of(message, topic)
        _check(message, config.get("signing_certificate") or sns.certificate_of(message, http), delivery)
        sns.open_subscribe_url(address, http)
        return Receipt(detail=f"confirmed, {topic} sends here")


def _check(message: sns.SignedMessage, certificates: str, delivery: Delivery) -> None:
    check_signing_time(message.signed_at, delivery.received_at, sns.WINDOW_SECONDS)
    check_certified(message.signature, message.signed, certificates, delivery.received_at, digest=message.digest)


def _alarm(body: Payload, topic: str) -> Payload:
    """The alarm in the message, or the body where delivery is raw."""
    sns.expect_notification(body, topic)
    if eventbridge.is_state_change(body):
        return eventbridge.alarm_of(body)
    if not body.has("Message"):
        body.required_text("AlarmName")
        return body
    with suppress(Malformed):  # a topic carries plain texts and other services' messages too
        alarm = body.get("Message").embedded()
        if eventbridge.is_state_change(alarm):
            return eventbridge.alarm_of(alarm)
        if alarm.has("AlarmName"):
            return alarm
    raise Unsupported("not_an_alarm")


def to_event(alarm: Payload, envelope: Payload) -> Event:
    """One change of an alarm's state. CloudWatch knows no severities."""
    word = alarm.required_text("NewStateValue").upper()
    if word not in STATES:
        raise Malformed(f"{alarm.path}.NewStateValue", f"{word[:40]!r} is no state of an alarm")
    name, arn = alarm.required_text("AlarmName"), alarm.text("AlarmArn")
    _, partition, _, region, *_ = (*arn.split(":"), "", "", "", "")
    trigger = alarm.get("Trigger")
    metrics = [trigger, *(metric.get("MetricStat.Metric") for metric in trigger.objects("Metrics"))]
    dimensions = {each.text("name"): each.text("value") for metric in metrics for each in metric.objects("Dimensions")}
    namespace = next((text for metric in metrics if (text := metric.text("Namespace"))), "")
    place = {"account": alarm.text("AWSAccountId"), "region": region or alarm.text("Region")}
    place |= {"namespace": namespace, "metric": trigger.text("MetricName")}
    host = CONSOLES.get(partition, "console.aws.amazon.com")
    page = f"https://{host}/cloudwatch/home?region={region}#alarmsV2:alarm/{quote(name, safe='')}" if region else ""
    return Event(
        title=name,
        description="\n\n".join(filter(None, map(alarm.text, ("AlarmDescription", "NewStateReason")))),
        state=STATES[word],
        no_data=word == "INSUFFICIENT_DATA",
        dedup_key=arn or fingerprint(envelope.text("TopicArn") or alarm.text("AWSAccountId"), name),
        service=first_of(dimensions, SERVICES) or namespace,
        resource=", ".join(filter(None, dimensions.values())),
        labels={
            label: text for label, text in (sns.attributes_of(envelope) | dimensions | place).items() if label and text
        },
        annotations={label: text for field, label in ANNOTATIONS.items() if (text := alarm.text(field))},
        links=Payload({"page": page}).links({"page": "CloudWatch"}),
        occurred_at=alarm.time("StateChangeTime") or envelope.time("Timestamp"),
        raw_kind=word,
    )


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [CloudWatch()]
