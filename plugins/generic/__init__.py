"""Any sender of JSON: a mapping in the config says with JSONPath where an event has what, and a sample proves it."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from hub.contracts import (
    CheckResult,
    Config,
    Connector,
    Delivery,
    Event,
    Http,
    Link,
    Malformed,
    Misconfigured,
    Payload,
    Severity,
    State,
    check_signature,
    fingerprint,
    hookimpl,
    is_web_address,
    present,
    severity_of,
    state_of,
)
from hub.contracts.jsonpath import Selection, read_path
from hub.contracts.standard_webhooks import check_standard_webhook, is_standard_webhook, message_id
from plugins.generic.settings import DEFAULTS, FIELDS, LISTS, NAMES, OTHERWISE, SECRET, SETTINGS, TEXT


class Generic(Connector):
    """`$` begins at the whole body, `@` at one event of it. What no path leads to is absent."""

    name = "generic"
    title = "Generic webhook"
    signing_secret = "secret"  # noqa: S105  # the name of the setting
    config_schema: ClassVar = {
        "type": "object",
        "properties": {"secret": TEXT | SECRET}
        | {name: kind | {"title": t, "description": d, "default": v} for name, (kind, t, d, v) in SETTINGS.items()},
        "additionalProperties": False,
    }
    setup_guide = """Let the sender post JSON to {webhook_url}
Say in the settings where its bodies have what, paste one of them as the sample, press Test.
"""
    sample_body = """{"id": "disk-web-1", "title": "Disk is almost full", "status": "firing", "severity": "warning",
 "service": "checkout", "host": "web-1", "description": "91 % used", "timestamp": "2026-01-02T03:00:00Z"}"""

    def verify(self, delivery: Delivery, config: Config) -> None:
        if is_standard_webhook(delivery.headers):
            check_standard_webhook(delivery.headers, delivery.body, config["secret"], delivery.received_at)
            return
        name = str(config.get("signature_header") or DEFAULTS["signature_header"])
        signature = delivery.headers.get(name.lower(), "").removeprefix("sha256=")
        check_signature(signature, delivery.body, config["secret"])

    def delivery_key(self, delivery: Delivery) -> str | None:
        return message_id(delivery.headers) or None

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        settings = {**DEFAULTS, **config}
        for name in ("states", "severities"):
            settings[name] = {word.lower(): meaning for word, meaning in settings[name].items()}
        return list(events_of(delivery.payload().members(), settings))

    def check(self, config: Config, http: Http) -> CheckResult:
        """Tries the mapping on the sample; calls nobody."""
        try:
            events = self.normalise(Delivery(body=config.get("sample", "").encode()), config)
        except (Malformed, Misconfigured) as error:
            return CheckResult(ok=False, detail=f"The sample cannot be mapped: {error}")
        said = [f"{e.title!r} {e.state} {e.severity}, key {e.dedup_key!r}, at {e.occurred_at}" for e in events]
        return CheckResult(ok=bool(events), detail="; ".join(said) or "The sample has no events.")


def events_of(bodies: list[Payload], config: Config) -> Iterator[Event]:
    """The events of all bodies. Raises Misconfigured for a path that cannot be read; the schema lets none through."""
    tables = {"fields": {name: config[name] for name in FIELDS}, "keys": {path: path for path in config["dedup_key"]}}
    tables |= {name: config[name] for name in ("labels", "links")}
    selections, events = {table: Selection(paths) for table, paths in tables.items()}, read_path(config["events"])
    for body in bodies:
        wholes = {table: selection.of_body(body.value) for table, selection in selections.items()}
        found = _listed(body, config) or events.find(body.value)
        for event in (one for each in found for one in (each if isinstance(each, list) else [each])):
            said = {table: wholes[table] | selection.of_event(event) for table, selection in selections.items()}
            said["fields"] |= _found_otherwise(event, said["fields"], config)
            yield to_event({table: Payload(said, body.path).mapping(table) for table in said}, config)


def _listed(body: Payload, config: Config) -> list[Any]:
    """The events of a body that has no title and a list of alerts instead, where nobody has set a path for either."""
    if any(config[name] != DEFAULTS[name] for name in ("events", "title")) or not isinstance(body.value, Mapping):
        return []
    if any(name in body.value for name in ("title", *OTHERWISE["title"])):
        return []
    return next((body.value[name] for name in LISTS if isinstance(body.value.get(name), list)), [])


def _found_otherwise(event: Any, fields: dict[str, Any], config: Config) -> dict[str, str]:
    """What is under another usual name: where nobody has set a path, and its default leads nowhere."""
    if not isinstance(event, Mapping):
        return {}
    wanted = [name for name in OTHERWISE if name not in fields and config[name] == DEFAULTS[name]]
    texts = Payload({name: event[name] for name in NAMES & event.keys() if isinstance(event[name], str | int)})
    found = {name: text for name in wanted if (text := texts.text(*OTHERWISE[name]))}
    return found if state_of(found.get("state", "ok")) else found | {"state": ""}


def to_event(said: dict[str, dict[str, str]], config: Config) -> Event:
    """One event of the texts that the paths of each table lead to."""
    fields = {name: present(said["fields"].get(name, "")) for name in FIELDS}
    severity, keys = fields["severity"], [present(said["keys"].get(path, "")) for path in config["dedup_key"]]
    if not any(keys) and config["dedup_key"] == DEFAULTS["dedup_key"]:  # nobody has said where it is
        keys = [fingerprint(*map(fields.__getitem__, ("title", "service", "resource")))]
    if not any(keys) or not fields["title"]:
        raise Malformed("body", f"nothing is at {config['title'] if any(keys) else ', '.join(config['dedup_key'])}")
    return Event(
        title=fields["title"],
        description=fields["description"],
        state=_state(fields["state"], config),
        severity=Severity(config["severities"].get(severity.lower()) or severity_of(severity)),
        raw_severity=severity,
        dedup_key="|".join(keys),
        service=fields["service"],
        resource=fields["resource"],
        labels=said["labels"],
        links=tuple(Link(title, url) for title, url in said["links"].items() if is_web_address(url)),
        occurred_at=Payload(fields).time("occurred_at"),
        raw_kind=fields["state"].lower(),
    )


def _state(word: str, config: Config) -> State:
    """What the config says of the word, else what it says by itself; an event without a word fires."""
    found = config["states"].get(word.lower()) or state_of(word or "firing")
    if found is None:
        raise Malformed("body", f"{word[:40]!r} at {config['state']} is no state that is known: add it to the states")
    return State(found)


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [Generic()]
