"""What a channel reads."""

from pathlib import Path
from typing import ClassVar

from hub.contracts import Notice
from hub.contracts.testing import NotifierTests
from plugins.msteams import MicrosoftTeams, message

INCIDENT = {"id": "inc_1", "title": "Payments fail", "severity": "critical", "service": "checkout", "status": "active"}


class TestMicrosoftTeams(NotifierTests):
    connector = MicrosoftTeams()
    folder = Path(__file__).parent
    config: ClassVar = {"webhook_url": "https://teams.example/workflows/the-secret"}


def heading(**changed: str) -> dict[str, str]:
    (attachment,) = message(Notice("1", "incident.opened", INCIDENT | changed))["attachments"]
    found: dict[str, str] = attachment["content"]["body"][0]
    return found


def test_card_has_the_title_in_the_colour_of_the_severity():
    assert (heading()["text"], heading()["color"]) == ("Payments fail", "Attention")


def test_resolved_incident_is_green():
    assert heading(status="resolved")["color"] == "Good"


def test_title_cannot_make_a_link():
    assert "[click](" not in heading(title="[click](https://example.org)")["text"]


def test_card_says_what_may_help():
    helping = {"type": "procedure", "title": "Free *disk*", "label": "evidence"}
    (attachment,) = message(Notice("1", "incident.opened", INCIDENT | {"suggestions": [helping]}))["attachments"]
    assert attachment["content"]["body"][-1]["text"] == "procedure Free \\*disk\\* (evidence)"
