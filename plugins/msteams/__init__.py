"""Microsoft Teams: one adaptive card per change of an incident, by a workflow's webhook."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from hub.contracts import CheckResult, Config, Connector, Http, Notice, Receipt, hookimpl, send_json

COLOURS = {"critical": "Attention", "high": "Attention", "medium": "Warning"}
FACTS = ("severity", "service", "status", "environment")
MOST_SUGGESTED = 6
_MARKDOWN = re.compile(r"([\\`*_\[\]])")


class MicrosoftTeams(Connector):
    """The address is that of the workflow "Post to a channel when a webhook request is received"."""

    name = "msteams"
    title = "Microsoft Teams"
    directions = frozenset({"notify"})
    config_schema: ClassVar = {
        "type": "object",
        "properties": {
            "webhook_url": {
                "type": "string",
                "format": "secret",
                "title": "Workflow URL",
                "description": "Whoever has it can write to the channel.",
                "pattern": "^https?://",
            }
        },
        "required": ["webhook_url"],
        "additionalProperties": False,
    }
    setup_guide = (
        "In Teams: the channel's ... > Workflows > Post to a channel when a webhook request is received; copy its URL."
    )

    def check(self, config: Config, http: Http) -> CheckResult:
        """Posts a card, because Teams offers no other way to prove the address."""
        send_json(http, config["webhook_url"], _message([{"type": "TextBlock", "text": "Overwatch can write here."}]))
        return CheckResult(ok=True, detail="Teams took a test card.")

    def notify(self, notice: Notice, config: Config, http: Http) -> Receipt:
        send_json(http, config["webhook_url"], message(notice))
        return Receipt(detail="posted")


def message(notice: Notice) -> dict[str, Any]:
    """The card: the title in the severity's colour, what changed, the facts."""
    incident = notice.incident
    is_done = incident["status"] in {"resolved", "closed"}
    heading = {
        "type": "TextBlock",
        "text": plain(incident["title"]),
        "weight": "Bolder",
        "size": "Medium",
        "wrap": True,
        "color": "Good" if is_done else COLOURS.get(incident["severity"], "Default"),
    }
    change = {"type": "TextBlock", "text": notice.kind.replace(".", " ").replace("_", " "), "isSubtle": True}
    facts = [{"title": name, "value": plain(incident[name])} for name in FACTS if incident.get(name)]
    helping = [_suggested(each) for each in incident.get("suggestions", ())[:MOST_SUGGESTED]]
    return _message([heading, change, {"type": "FactSet", "facts": facts}, *helping])


def _suggested(suggestion: Mapping[str, Any]) -> dict[str, Any]:
    """What may help: a procedure, or an incident of before with what solved it."""
    solved = plain(suggestion.get("resolution", ""))
    told = f"{suggestion['type']} {plain(suggestion['title'])} ({suggestion['label']}){solved and f': {solved}'}"
    return {"type": "TextBlock", "text": told, "wrap": True}


def _message(body: list[dict[str, Any]]) -> dict[str, Any]:
    card = {"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4"}
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card | {"body": body}}
    return {"type": "message", "attachments": [attachment]}


def plain(text: object) -> str:
    """Without Markdown, so that an alert's title makes no links."""
    return _MARKDOWN.sub(r"\\\1", str(text))[:1_000]


@hookimpl
def overwatch_notifiers() -> list[Connector]:
    """Called when the plugin loads."""
    return [MicrosoftTeams()]
