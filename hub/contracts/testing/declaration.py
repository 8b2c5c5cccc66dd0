"""What a connector says of itself: its schema, its documentation, what it imports."""

# ruff: noqa: S101  # asserts are what a testing kit is made of

import ast
import inspect
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, get_args

from jsonschema import Draft202012Validator

from hub.contracts.connector import API_LEVEL, Connector, Direction
from hub.contracts.testing.base import Kit

README_SECTIONS = ("Set-up", "Permissions", "Sample", "Troubleshooting", "Removal")
_METHODS = {"webhook": ("normalise",), "poll": ("poll", "check"), "notify": ("notify", "check")}
_RANGE = re.compile(r">=(\d+),<(\d+)")


class DeclarationTests(Kit):
    """A connector that an operator can set up and a host can trust."""

    libraries: ClassVar[frozenset[str]] = frozenset()  # top-level modules of the platform's own library

    def test_config_schema_is_valid_and_closed(self) -> None:
        schema = self.connector.config_schema
        Draft202012Validator.check_schema(schema)
        assert json.loads(json.dumps(schema)) == schema  # the API sends it
        assert (schema["type"], schema["additionalProperties"]) == ("object", False)

    def test_every_setting_explains_itself(self) -> None:
        lacking = {name: {"title", "description", "type"} - field.keys() for name, field in self._settings().items()}
        assert not {name: missing for name, missing in lacking.items() if missing}

    def test_defaults_and_the_config_of_this_test_fit_the_schema(self) -> None:
        validator = Draft202012Validator(self.connector.config_schema)
        defaults = {name: field["default"] for name, field in self._settings().items() if "default" in field}
        assert [error.message for error in validator.iter_errors({**defaults, **self.config})] == []

    def test_secrets_are_texts_without_default(self) -> None:
        secrets = [field for field in self._settings().values() if field.get("format") == "secret"]
        assert all(field["type"] == "string" and "default" not in field for field in secrets)

    def test_name_title_and_version_are_fit_to_be_shown(self) -> None:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", self.connector.name)
        assert self.connector.title
        assert re.fullmatch(r"\d+\.\d+\.\d+", self.connector.version)

    def test_required_api_level_includes_this_one(self) -> None:
        bounds = _RANGE.fullmatch(self.connector.requires_api)
        assert bounds is not None
        assert int(bounds[1]) <= API_LEVEL < int(bounds[2])

    def test_every_direction_has_its_methods(self) -> None:
        assert self.connector.directions
        assert self.connector.directions <= set(get_args(Direction))
        needed = [method for direction in self.connector.directions for method in _METHODS[direction]]
        assert [method for method in needed if not overrides(self.connector, method)] == []

    def test_setup_guide_shows_the_webhook_url(self) -> None:
        assert ("{webhook_url}" in self.connector.setup_guide) == ("webhook" in self.connector.directions)
        assert self.connector.setup_guide

    def test_readme_has_its_sections(self) -> None:
        headings = re.findall(r"^## (.+)$", (self.folder / "README.md").read_text(), re.MULTILINE)
        assert [section for section in README_SECTIONS if section not in headings] == []

    def test_only_the_contracts_are_imported(self) -> None:
        package = type(self.connector).__module__
        foreign = {name for path in self._sources() for name in _imports(path) if not self._may_import(name, package)}
        foreign -= {name for name in foreign if name.partition(".")[0] in self.own_libraries}
        assert not foreign

    def _settings(self) -> dict[str, dict[str, Any]]:
        return dict(self.connector.config_schema.get("properties", {}))

    def _sources(self) -> list[Path]:
        """The one file of the connector, or all of its package but the tests."""
        home = Path(inspect.getfile(type(self.connector)))
        files = home.parent.glob("*.py") if home.name == "__init__.py" else [home]
        return [path for path in files if not path.name.startswith("test_")]

    def _may_import(self, name: str, package: str) -> bool:
        if f"{name}.".startswith("hub."):
            return f"{name}.".startswith("hub.contracts.") and not name.startswith("hub.contracts.testing")
        root = name.partition(".")[0]
        return root in sys.stdlib_module_names | self.libraries or f"{name}.".startswith(f"{package}.")


def overrides(connector: Connector, method: str) -> bool:
    """Whether the connector has this method of its own."""
    return getattr(type(connector), method) is not getattr(Connector, method)


def _imports(path: Path) -> Iterator[str]:
    """The modules a file imports by their full name; a relative import stays within the package."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
