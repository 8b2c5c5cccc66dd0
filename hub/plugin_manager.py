"""Finds, checks and isolates plugins: one that fails is listed with its reason, and all others work."""

import difflib
import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

import pluggy
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from hub.contracts import hookspecs
from hub.contracts.connector import API_LEVEL, Connector
from hub.contracts.errors import Misconfigured

log = logging.getLogger(__name__)

_HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("overwatch_"))
_SUPPORTED_API = f">={API_LEVEL},<{API_LEVEL + 1}"


@dataclass(frozen=True, slots=True)
class Plugins:
    """What is installed: connectors by name, and for each plugin that could not be used the reason."""

    connectors: Mapping[str, Connector] = field(default_factory=dict)
    unavailable: Mapping[str, str] = field(default_factory=dict)


def load(choice: str = "", found: Iterable[EntryPoint] | None = None) -> Plugins:
    """Loads each entry point in its own guard. `choice` is OVERWATCH_PLUGINS: empty for all, `none`, or names."""
    candidates = [point for point in (_installed() if found is None else found) if _is_chosen(point.name, choice)]
    unavailable: dict[str, str] = {}
    brought: list[tuple[str, Connector]] = []
    for point in candidates:
        try:
            brought += [(point.name, connector) for connector in _connectors_of(point.name, point.load())]
        except (Exception, SystemExit) as error:  # a plugin's fault must not become the hub's
            unavailable[point.name] = f"{type(error).__name__}: {error}"
            log.exception("plugin %s is unavailable", point.name)
    names = Counter(connector.name for _, connector in brought)
    for plugin, connector in brought:
        if names[connector.name] > 1:
            unavailable[plugin] = f"{names[connector.name]} connectors are named {connector.name!r}: all are refused"
    connectors = {connector.name: connector for _, connector in brought if names[connector.name] == 1}
    return Plugins(connectors, unavailable)


def _installed() -> Iterable[EntryPoint]:
    return sorted(entry_points(group=hookspecs.GROUP), key=lambda point: point.name)


def _is_chosen(name: str, choice: str) -> bool:
    return not choice or name in {chosen.strip() for chosen in choice.split(",")}


def _connectors_of(name: str, module: ModuleType) -> list[Connector]:
    _refuse_misspelt_hooks(module)
    # a manager of its own: pluggy's broadcast would stop at the first plugin that raises
    manager = pluggy.PluginManager("overwatch")
    manager.add_hookspecs(hookspecs)
    manager.register(module, name)
    manager.check_pending()
    connectors = [connector for brought in manager.hook.overwatch_connectors() for connector in brought]
    for connector in connectors:
        _check(connector)
    return connectors


def _refuse_misspelt_hooks(module: ModuleType) -> None:
    for attribute in vars(module):
        if attribute.startswith("overwatch_") and attribute not in _HOOKS:
            nearest = difflib.get_close_matches(attribute, _HOOKS, n=1, cutoff=0)
            raise Misconfigured(f"there is no hook {attribute}; did you mean {nearest[0]}?")


def _check(connector: Connector) -> None:
    if connector.requires_api != _SUPPORTED_API:
        raise Misconfigured(
            f"{connector.name} requires API {connector.requires_api}, and this hub offers {_SUPPORTED_API}"
        )
    try:
        Draft202012Validator.check_schema(connector.config_schema)
    except SchemaError as error:
        raise Misconfigured(f"{connector.name}: config_schema is not a JSON Schema: {error.message}") from error
