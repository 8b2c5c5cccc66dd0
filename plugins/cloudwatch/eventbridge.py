"""Amazon EventBridge: a change of an alarm's state as its rules hand it on, in the words of the message of SNS."""

from collections.abc import Mapping
from typing import Any

from hub.contracts import Payload

KIND = "CloudWatch Alarm State Change"


def is_state_change(body: Payload) -> bool:
    """Whether it is one. A topic may be the target of a rule, so that it may come within a message of SNS too."""
    return body.text("detail-type") == KIND


def alarm_of(event: Payload) -> Payload:
    """The alarm. `resources` has its ARN, which is the same as SNS sends."""
    detail = event.get("detail").expect_object()
    return Payload(
        {
            "AlarmName": detail.text("alarmName"),
            "AlarmArn": next(iter(event.texts("resources")), ""),
            "AlarmDescription": detail.text("configuration.description"),
            "AWSAccountId": event.text("account"),
            "Region": event.text("region"),
            "NewStateValue": detail.text("state.value"),
            "NewStateReason": detail.text("state.reason"),
            "OldStateValue": detail.text("previousState.value"),
            "StateChangeTime": detail.text("state.timestamp") or event.text("time"),
            "Trigger": {"Metrics": [_metric(each) for each in detail.objects("configuration.metrics")]},
        },
        event.path,
    )


def _metric(configured: Payload) -> Mapping[str, Any]:
    metric = configured.get("metricStat.metric")
    dimensions = [{"name": name, "value": value} for name, value in metric.mapping("dimensions").items()]
    return {"MetricStat": {"Metric": {"Namespace": metric.text("namespace"), "Dimensions": dimensions}}}
