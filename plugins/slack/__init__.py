"""Slack: one message per change of an incident, by an incoming webhook."""

from collections.abc import Mapping
from typing import Any, ClassVar

from hub.contracts import CheckResult, Config, Connector, Http, Notice, Receipt, hookimpl, send_json

MARKS = {"critical": ":red_circle:", "high": ":large_orange_circle:", "medium": ":large_yellow_circle:"}
DONE = ":white_check_mark:"
MOST_SUGGESTED = 6
LONGEST_TEXT = 2_900  # a section's text holds 3,000 characters


class Slack(Connector):
    """An incoming webhook takes messages and gives no id: what was said stays said."""

    name = "slack"
    title = "Slack"
    directions = frozenset({"notify"})
    config_schema: ClassVar = {
        "type": "object",
        "properties": {
            "webhook_url": {
                "type": "string",
                "format": "secret",
                "title": "Webhook URL",
                "description": "Of the app's incoming webhook; whoever has it can write to the channel.",
                "pattern": "^https?://",
            }
        },
        "required": ["webhook_url"],
        "additionalProperties": False,
    }
    setup_guide = "In Slack: api.slack.com/apps > Create New App > Incoming Webhooks > Add to a channel; copy its URL."

    def check(self, config: Config, http: Http) -> CheckResult:
        """Writes a line, because Slack offers no other way to prove the address."""
        send_json(http, config["webhook_url"], {"text": "Overwatch can write here."})
        return CheckResult(ok=True, detail="Slack took a test message.")

    def notify(self, notice: Notice, config: Config, http: Http) -> Receipt:
        send_json(http, config["webhook_url"], message(notice))
        return Receipt(detail="posted")


def message(notice: Notice) -> dict[str, Any]:
    """Text for the notification, blocks for the channel."""
    incident = notice.incident
    change = notice.kind.removeprefix("incident.").replace("_", " ")
    mark = DONE if incident["status"] in {"resolved", "closed"} else MARKS.get(incident["severity"], ":white_circle:")
    facts = [f"*{name}:* {escaped(incident[name])}" for name in ("severity", "service", "status") if incident.get(name)]
    line = f"{mark} {escaped(incident['title'])}"
    helping = [suggested(each) for each in incident.get("suggestions", ())[:MOST_SUGGESTED]]
    return {
        "text": f"{line} ({change})",
        "blocks": [
            *(section(lines) for lines in ([line, "  ".join(facts)], helping) if lines),
            {"type": "context", "elements": [{"type": "mrkdwn", "text": f"Incident {change} · {incident['id']}"}]},
        ],
    }


def section(lines: list[str]) -> dict[str, Any]:
    """A block of text."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": "\n".join(lines)[:LONGEST_TEXT]}}


def suggested(suggestion: Mapping[str, Any]) -> str:
    """What may help: a procedure, or an incident of before with what solved it."""
    solved = escaped(suggestion.get("resolution", ""))
    named = f"{suggestion['type']} {escaped(suggestion['title'])} ({suggestion['label']})"
    return f":bulb: {named}: {solved}" if solved else f":bulb: {named}"


def escaped(text: object) -> str:
    """Slack's three characters with a meaning, so that an alert's title can mention nobody."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@hookimpl
def overwatch_notifiers() -> list[Connector]:
    """Called when the plugin loads."""
    return [Slack()]
