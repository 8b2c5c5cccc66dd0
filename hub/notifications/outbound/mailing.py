"""The built-in connector for e-mail: incidents told to addresses, by the operator's own mail server.

It is no plugin, because plugins reach the outside by HTTP only.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from hub.accounts.mail.transport import Mailer
from hub.contracts.connector import CheckResult, Config, Connector, Direction, Http, Notice, Receipt
from hub.contracts.errors import Misconfigured, Unavailable
from hub.notifications.rules import suggested

PLATFORM = "email"
MOST_ADDRESSES = 20

_FACTS = ("severity", "status", "service", "environment")


class Email(Connector):
    """Each address gets a letter of its own, so that nobody sees the others."""

    name = PLATFORM
    title = "E-mail"
    directions: ClassVar[frozenset[Direction]] = frozenset({"notify"})
    config_schema: ClassVar = {
        "type": "object",
        "properties": {
            "to": {
                "type": "array",
                "title": "Addresses",
                "description": f"Up to {MOST_ADDRESSES} addresses, each of which gets a mail per change.",
                "items": {"type": "string", "pattern": r"^[^\s@,;<>]+@[^\s@,;<>]+$", "maxLength": 254},
                "minItems": 1,
                "maxItems": MOST_ADDRESSES,
                "uniqueItems": True,
            }
        },
        "required": ["to"],
        "additionalProperties": False,
    }
    setup_guide = "Name the addresses. Mails go by the hub's own mail server (OVERWATCH_SMTP_URL)."

    def __init__(self, mailer: Mailer, api_address: str) -> None:
        self._mailer = mailer
        self._api_address = api_address

    def check(self, config: Config, http: Http) -> CheckResult:
        """Sends a test mail to every address, because a mail server offers no other way to prove them."""
        try:
            self._send(config, "Overwatch can write here", "Incidents will be told to this address.\n", "")
        except Unavailable as error:
            return CheckResult(ok=False, detail=str(error))
        return CheckResult(ok=True, detail=f"The mail server took a test mail for {len(config['to'])} addresses.")

    def notify(self, notice: Notice, config: Config, http: Http) -> Receipt:
        self._send(config, subject(notice), letter(notice.incident, self._api_address), notice.id)
        return Receipt(reference=notice.id, detail=f"mailed to {len(config['to'])}")

    def _send(self, config: Config, title: str, text: str, message_id: str) -> None:
        for number, address in enumerate(config["to"]):
            try:
                self._mailer.send(address, title, text, message_id=message_id and f"{message_id}.{number}")
            except ValueError as error:  # it cannot stand in a header
                raise Misconfigured(f"to: {address} is no address") from error


def subject(notice: Notice) -> str:
    """One line, because a header has no more; mail programs join the mails of an incident by its title."""
    change = notice.kind.removeprefix("incident.").replace("_", " ")
    return f"[{notice.incident['severity']}] {' '.join(notice.incident['title'].split())[:200]} ({change})"


def letter(incident: Mapping[str, Any], api_address: str) -> str:
    """The facts, the description, of a new incident what may help, and where it is."""
    facts = [f"{name.title()}: {incident[name]}" for name in _FACTS if incident.get(name)]
    helping = "".join(map(suggested, incident.get("suggestions", ())))
    parts = (
        incident["title"],
        "\n".join(facts),
        incident.get("description"),
        helping and f"May help:\n{helping}".rstrip(),
        f"{api_address}/incidents/{incident['id']}",
    )
    return "\n\n".join(filter(None, parts)) + "\n"
