"""What a third-party plugin brings as the hub sees it: like anybody's, but the work is done in the plugin's child."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from hub.contracts.connector import CheckResult, Config, Connector, Http, Notice, PollResult, Receipt, Trouble
from hub.contracts.delivery import Delivery
from hub.contracts.errors import Misconfigured
from hub.contracts.event import Event
from hub.contracts.extensions import Enricher
from hub.plugin_manager import wire
from hub.plugin_manager.child import Child
from hub.plugin_manager.declared import OBSERVERS, Brought, check

TRANSLATE_SECONDS = 2.0
CALL_OUT_SECONDS = 30.0
OBSERVE_SECONDS = 10.0

_DIRECTIONS = frozenset({"webhook", "poll", "notify", "embed", "draft"})
_TEXTS = ("name", "title", "version", "requires_api", "setup_guide", "sample_body")


class RemoteConnector(Connector):
    """Each call raises what the connector raises, or ConnectorFailed when it breaks."""

    def __init__(self, child: Child) -> None:
        self._child = child

    def verify(self, delivery: Delivery, config: Config) -> None:
        self._call("verify", TRANSLATE_SECONDS, delivery=wire.from_delivery(delivery), config=dict(config))

    def delivery_key(self, delivery: Delivery) -> str | None:
        key = self._call("delivery_key", TRANSLATE_SECONDS, delivery=wire.from_delivery(delivery))
        return None if key is None else str(key)

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        told = self._call("normalise", TRANSLATE_SECONDS, delivery=wire.from_delivery(delivery), config=dict(config))
        return wire.to_events(told)

    def confirm(self, delivery: Delivery, config: Config, http: Http) -> Receipt:
        told = {"delivery": wire.from_delivery(delivery), "config": dict(config)}
        return wire.to_receipt(self._call("confirm", CALL_OUT_SECONDS, http, **told))

    def poll(self, config: Config, cursor: dict[str, Any], http: Http) -> PollResult:
        return wire.to_poll(self._call("poll", CALL_OUT_SECONDS, http, config=dict(config), cursor=cursor))

    def check(self, config: Config, http: Http) -> CheckResult:
        return wire.to_check(self._call("check", CALL_OUT_SECONDS, http, config=dict(config)))

    def install(self, config: Config, webhook_url: str, http: Http) -> Receipt:
        asked = {"config": dict(config), "webhook_url": webhook_url}
        return wire.to_receipt(self._call("install", CALL_OUT_SECONDS, http, **asked))

    def notify(self, notice: Notice, config: Config, http: Http) -> Receipt:
        told = self._call("notify", CALL_OUT_SECONDS, http, config=dict(config), notice=wire.from_notice(notice))
        return wire.to_receipt(told)

    def embed(self, texts: Sequence[str], dimensions: int, config: Config, http: Http) -> list[list[float]]:
        told = {"texts": list(texts), "dimensions": dimensions, "config": dict(config)}
        return [[float(number) for number in vector] for vector in self._call("embed", CALL_OUT_SECONDS, http, **told)]

    def draft(self, trouble: Trouble, config: Config, http: Http) -> str:
        return str(self._call("draft", CALL_OUT_SECONDS, http, trouble=asdict(trouble), config=dict(config)))

    def _call(self, call: str, seconds: float, http: Http | None = None, **arguments: Any) -> Any:
        return self._child.call({"call": call, "connector": self.name, **arguments}, seconds, http)


class RemoteEnricher(Enricher):
    """All events of a delivery in one call."""

    def __init__(self, child: Child, name: str) -> None:
        self._child = child
        self.name = name  # type: ignore[misc]  # a third party's is known only when it is loaded

    def enrich_all(self, events: Sequence[Event]) -> list[Mapping[str, str]]:
        asked = {"call": "enrich", "name": self.name, "events": wire.from_events(list(events))}
        return [dict(labels) for labels in self._child.call(asked, TRANSLATE_SECONDS)]


def brought_by(child: Child) -> Brought:
    """What the plugin that the child runs brings. Raises Misconfigured for a description that cannot be."""
    told = child.describe()
    connectors = [_connector(child, described) for described in told["connectors"]]
    for connector in connectors:
        check(connector)
    return Brought(
        connectors,
        [RemoteEnricher(child, str(name)) for name in told["enrichers"]],
        {hook: _observer(child, hook) for hook in OBSERVERS if hook in told["observers"]},
    )


def _observer(child: Child, hook: str) -> Callable[..., object]:
    return partial(_observe, child, hook)


def _observe(child: Child, hook: str, *, http: Http, **told: Any) -> object:
    return child.call({"call": "observe", "hook": hook, "told": told}, OBSERVE_SECONDS, http)


def _connector(child: Child, told: dict[str, Any]) -> Connector:
    directions = frozenset(told["directions"])
    if not directions <= _DIRECTIONS:
        raise Misconfigured(f"{told['name']}: directions are some of {', '.join(sorted(_DIRECTIONS))}")
    declared = {name: str(told[name]) for name in _TEXTS} | {
        "directions": directions,
        "config_schema": dict(told["config_schema"]),
        "signing_secret": told["signing_secret"] and str(told["signing_secret"]),
        "repeats_on_purpose": bool(told["repeats_on_purpose"]),
        "installs": bool(told["installs"]),
    }
    made: Connector = type("ThirdParty", (RemoteConnector,), declared)(child)
    return made
