"""What a plugin's module declares: its hooks and what they bring, each checked before anybody calls it."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import TypeVar

import pluggy
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from hub.contracts import hookspecs
from hub.contracts.connector import API_LEVEL, Connector
from hub.contracts.errors import Misconfigured
from hub.contracts.extensions import Enricher

_HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("overwatch_"))
_BRINGING = ("overwatch_connectors", "overwatch_notifiers", "overwatch_embedders", "overwatch_drafters")
OBSERVERS = tuple(name for name in _HOOKS if name.startswith("overwatch_incident_"))
_Kind = TypeVar("_Kind")
_OFFERED = Version(str(API_LEVEL))


@dataclass(frozen=True, slots=True)
class Brought:
    """What one plugin brings; `observers` are its hooks that are told of incidents, by name."""

    connectors: list[Connector] = field(default_factory=list)
    enrichers: list[Enricher] = field(default_factory=list)
    observers: Mapping[str, Callable[..., object]] = field(default_factory=dict)


def brought_by(name: str, module: ModuleType) -> Brought:
    """What the module's hooks bring, checked. Raises Misconfigured, and whatever the hooks raise."""
    _refuse_misspelt_hooks(module)
    # a manager of its own: pluggy's broadcast would stop at the first plugin that raises
    manager = pluggy.PluginManager("overwatch")
    manager.add_hookspecs(hookspecs)
    manager.register(module, name)
    manager.check_pending()
    hook = manager.hook
    observers = {each: getattr(hook, each) for each in OBSERVERS if getattr(hook, each).get_hookimpls()}
    connectors = _all(Connector, *(getattr(hook, each)() for each in _BRINGING))
    for connector in connectors:
        check(connector)
    return Brought(connectors, _all(Enricher, hook.overwatch_enrichers()), observers)


def _all(kind: type[_Kind], *answers: list[list[_Kind]]) -> list[_Kind]:
    brought = [each for lists in answers for several in lists for each in several]
    strange = [type(each).__name__ for each in brought if not isinstance(each, kind)]
    if strange:
        raise Misconfigured(f"a hook brought {strange[0]}, not an instance of {kind.__name__}")
    return brought


def check(connector: Connector) -> None:
    """Raises Misconfigured in one line: written for another API, or a config schema that is none."""
    try:
        is_met = _OFFERED in SpecifierSet(connector.requires_api)
    except InvalidSpecifier as error:
        raise Misconfigured(
            f'{connector.name}: requires_api {connector.requires_api!r} is no version range such as ">=1,<2"'
        ) from error
    if not is_met:
        raise Misconfigured(f"{connector.name} requires API {connector.requires_api}, and this hub offers {API_LEVEL}")
    try:
        Draft202012Validator.check_schema(connector.config_schema)
    except SchemaError as error:
        raise Misconfigured(f"{connector.name}: config_schema is not a JSON Schema: {error.message}") from error


def _refuse_misspelt_hooks(module: ModuleType) -> None:
    for attribute in vars(module):
        if attribute.startswith("overwatch_") and attribute not in _HOOKS:
            nearest = difflib.get_close_matches(attribute, _HOOKS, n=1, cutoff=0)
            raise Misconfigured(f"there is no hook {attribute}; did you mean {nearest[0]}?")
