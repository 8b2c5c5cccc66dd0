"""Which monitor it is and which of its groups: as the template says, else out of the links in the message."""

import re
from urllib.parse import unquote_plus

from hub.contracts import Payload

SCOPE = ("scopes", "alertscope", "scope")
TEXT = ("body", "textonlymsg", "eventmsg", "eventmessage", "message", "text", "msg", "alertstatus")

# "[Monitor Status](https://app.datadoghq.com/monitors/42?group=host%3Aweb-1&from_ts=1767322800000)": in each message.
_LINK = re.compile(r"/monitors/(?P<monitor>\d{1,20})\?(?:group=(?P<group>[^&)/\s]{1,2000})&(?:amp;)?)?from_ts=")


def monitor_of(alert: Payload) -> str:
    """The number of the monitor, which the payload that Datadog proposes does not have as a field."""
    return alert.text("monitorid", "alertid") or _in_message(alert, "monitor")


def scope_of(alert: Payload, in_title: str) -> list[str]:
    """The tags of the group, sorted."""
    found = next((texts for name in SCOPE if (texts := alert.texts(name))), in_title.split(","))
    return _tags(found) or _tags(unquote_plus(_in_message(alert, "group")).split(","))


def _tags(texts: list[str]) -> list[str]:
    return sorted({text.strip() for text in texts} - {"", "*"})


def _in_message(alert: Payload, part: str) -> str:
    found = _LINK.search(alert.text(*TEXT))
    return (found and found[part]) or ""
