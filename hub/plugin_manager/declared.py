"""What a plugin's module declares: its hooks and connectors, each checked before anybody calls them."""

import difflib
from types import ModuleType

import pluggy
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from hub.contracts import hookspecs
from hub.contracts.connector import API_LEVEL, Connector
from hub.contracts.errors import Misconfigured

_HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("overwatch_"))
_BRINGING = ("overwatch_connectors", "overwatch_notifiers", "overwatch_embedders", "overwatch_drafters")
_OFFERED = Version(str(API_LEVEL))


def connectors_of(name: str, module: ModuleType) -> list[Connector]:
    """The connectors that the module's hooks bring. Raises Misconfigured, and whatever the hooks raise."""
    _refuse_misspelt_hooks(module)
    # a manager of its own: pluggy's broadcast would stop at the first plugin that raises
    manager = pluggy.PluginManager("overwatch")
    manager.add_hookspecs(hookspecs)
    manager.register(module, name)
    manager.check_pending()
    brought = [connectors for hook in _BRINGING for connectors in getattr(manager.hook, hook)()]
    return [connector for connectors in brought for connector in connectors]


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
