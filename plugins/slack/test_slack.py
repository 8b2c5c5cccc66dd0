"""What a channel reads."""

from pathlib import Path
from typing import ClassVar

from hub.contracts import Notice
from hub.contracts.testing import NotifierTests
from plugins.slack import Slack, message

INCIDENT = {"id": "inc_1", "title": "Payments fail", "severity": "critical", "service": "checkout", "status": "active"}


class TestSlack(NotifierTests):
    connector = Slack()
    folder = Path(__file__).parent
    config: ClassVar = {"webhook_url": "https://hooks.slack.example/services/T0/B0/the-secret"}


def test_message_says_what_changed():
    text = message(Notice("1", "incident.severity_changed", INCIDENT))["text"]
    assert text == ":red_circle: Payments fail (severity changed)"


def test_title_cannot_mention_the_channel():
    said = message(Notice("1", "incident.opened", INCIDENT | {"title": "<!channel> & <@U1>"}))
    assert "<!channel>" not in str(said)


def test_resolved_incident_is_marked_as_done():
    said = message(Notice("1", "incident.resolved", INCIDENT | {"status": "resolved"}))
    assert said["text"].startswith(":white_check_mark:")


def test_what_may_help_stands_in_a_section_of_its_own():
    helping = {"type": "incident", "title": "Payments <fail>", "label": "suggestion", "resolution": "Raised the pool"}
    told = message(Notice("1", "incident.opened", INCIDENT | {"suggestions": [helping]}))["blocks"][1]["text"]["text"]
    assert told == ":bulb: incident Payments &lt;fail&gt; (suggestion): Raised the pool"
