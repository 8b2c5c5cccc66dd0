"""Loads plugins one by one: one that fails is listed with its reason, and all others work."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path

from hub.contracts import hookspecs
from hub.contracts.connector import Connector
from hub.contracts.extensions import Enricher
from hub.plugin_manager import declared, remote
from hub.plugin_manager.child import Child, Source
from hub.plugin_manager.declared import Brought
from hub.plugin_manager.wire import ConnectorFailed

log = logging.getLogger(__name__)

Observer = Callable[..., object]

_OURS = "overwatch-hub"


@dataclass(frozen=True, slots=True)
class Plugins:
    """What is installed: connectors by name, and for each plugin that could not be used the reason.

    `children` are the processes of third-party plugins, by the plugin's name; `observers` are the implementations of
    the hooks that are told of incidents, each with its plugin.
    """

    connectors: Mapping[str, Connector] = field(default_factory=dict)
    unavailable: Mapping[str, str] = field(default_factory=dict)
    children: Mapping[str, Child] = field(default_factory=dict)
    enrichers: Sequence[Enricher] = ()
    observers: Sequence[tuple[str, Mapping[str, Observer]]] = ()

    def close(self) -> None:
        """Ends the children."""
        for child in self.children.values():
            child.end()


@dataclass(slots=True)
class _Found:
    brought: list[tuple[str, Brought]] = field(default_factory=list)
    unavailable: dict[str, str] = field(default_factory=dict)
    children: dict[str, Child] = field(default_factory=dict)

    def load(self, name: str, bring: Callable[[], Brought]) -> None:
        """In a guard of its own: a plugin's fault must not become the hub's."""
        try:
            brought = bring()
        except (Exception, SystemExit) as error:  # noqa: BLE001  # told in the list and in the log
            kind = "" if isinstance(error, ConnectorFailed) else f"{type(error).__name__}: "
            self.unavailable[name] = f"{kind}{error}"
            log.warning("plugin %s is unavailable: %s", name, self.unavailable[name])
        else:
            self.brought.append((name, brought))


def load(
    choice: str = "",
    folder: Path | None = None,
    hidden: Path | None = None,
    found: Iterable[EntryPoint] | None = None,
) -> Plugins:
    """Loads entry points and the files of `folder`. Never raises for a plugin's fault.

    `choice` is OVERWATCH_PLUGINS: empty for all, `none`, or names. No child may read what lies in `hidden`.
    """
    result = _Found()
    for point in _installed() if found is None else found:
        if _is_chosen(point.name, choice) and _is_ours(point):
            result.load(point.name, lambda point=point: declared.brought_by(point.name, point.load()))  # type: ignore[misc]  # binds the loop's variable
        elif _is_chosen(point.name, choice):
            _load_child(result, Source(point.name, module=point.value.partition(":")[0]), hidden)
    for path in sorted(folder.glob("*.py")) if folder else []:
        if _is_chosen(path.stem, choice):
            _load_child(result, Source(path.stem, file=path.absolute()), hidden)
    return _without_namesakes(result)


def _load_child(result: _Found, source: Source, hidden: Path | None) -> None:
    child = Child(source, hidden)
    result.load(source.name, lambda: remote.brought_by(child))
    if source.name in result.unavailable:
        child.end()
    else:
        result.children[source.name] = child


def _without_namesakes(result: _Found) -> Plugins:
    """Two connectors with one name: the plugins that bring them are refused."""
    named = [(connector.name, plugin) for plugin, brought in result.brought for connector in brought.connectors]
    counts = Counter(name for name, _ in named)
    for name, plugin in named:
        if counts[name] > 1:
            result.unavailable[plugin] = f"{counts[name]} connectors are named {name!r}: all are refused"
    kept = [(plugin, brought) for plugin, brought in result.brought if plugin not in result.unavailable]
    return Plugins(
        {connector.name: connector for _, brought in kept for connector in brought.connectors},
        result.unavailable,
        result.children,
        [enricher for _, brought in kept for enricher in brought.enrichers],
        [(plugin, brought.observers) for plugin, brought in kept if brought.observers],
    )


def _installed() -> Iterable[EntryPoint]:
    return sorted(entry_points(group=hookspecs.GROUP), key=lambda point: point.name)


def _is_ours(point: EntryPoint) -> bool:
    return point.dist is not None and _name(point.dist) == _OURS


@cache
def _name(distribution: Distribution) -> str:
    """Kept, because every time it is asked for, its whole description is read."""
    return distribution.name


def _is_chosen(name: str, choice: str) -> bool:
    return not choice or name in {chosen.strip() for chosen in choice.split(",")}
