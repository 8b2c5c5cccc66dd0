"""The legacy alerting of Grafana before version 9: a rule in the form of a group of today."""

import re

from hub.contracts import Malformed, Payload, Unsupported, fingerprint

NO_STATES = {"paused", "pending", "unknown"}  # of a legacy rule: somebody's doing, or too early to tell
_STATE_IN_TITLE = re.compile(r"^\[[^\]]*\]\s*")  # "[Alerting] Checkout is slow"


def legacy_group(rule: Payload) -> Payload:
    """A legacy rule as a group of one. Its matches are no alerts: the body that says "ok" does not list them."""
    if not (name := rule.text("ruleName") or _STATE_IN_TITLE.sub("", rule.text("title"))):
        raise Malformed(f"{rule.path}.alerts", "is missing, as is ruleName")
    if (word := rule.required_text("state").lower()) in NO_STATES:
        raise Unsupported(f"rule_{word}")
    matches = {match.text("metric"): match.text("value") for match in rule.objects("evalMatches")}
    tags = rule.mapping("tags")
    alert = {
        "status": word,
        "fingerprint": rule.text("ruleId") or fingerprint({**tags, "alertname": name}),
        "labels": {**_common_tags(rule.objects("evalMatches")), **tags, "alertname": name},
        "annotations": {**matches, "message": rule.text("message")},
        "generatorURL": rule.text("ruleUrl"),
        "imageURL": rule.text("imageUrl"),
    }
    return Payload({"alerts": [alert]}, rule.path)


def _common_tags(matches: list[Payload]) -> dict[str, str]:
    """The tags that all matches have alike: they hold for the rule, though its "ok" does not list them."""
    each = [match.mapping("tags").items() for match in matches]
    return dict(set(each[0]).intersection(*each[1:])) if each else {}
