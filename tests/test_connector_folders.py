"""Every folder of plugins/ is complete, small, registered, and of the quality that it claims."""

import ast
import configparser
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from hub.contracts import Connector, Delivery, Event
from hub.contracts.testing import ConnectorTests, NotifierTests, SignedConnectorTests
from hub.contracts.testing.base import Kit
from hub.contracts.testing.declaration import overrides
from hub.contracts.testing.fixtures import RECEIVED_AT
from hub.contracts.testing.robustness import RobustnessTests

ROOT = Path(__file__).parent.parent
# those that only notify translate nothing: they have no fixtures, and the kit for what they say; nor have models:
# tests/test_drafting.py and tests/test_search_models.py have what they are asked
ALL = sorted(path.parent.name for path in ROOT.glob("plugins/*/__init__.py"))
NOTIFIERS = ("msteams", "slack", "webhook")
MODELS = ("openai",)
NAMES = [name for name in ALL if name not in {*NOTIFIERS, *MODELS}]


@dataclass(frozen=True)
class Folder:
    """One connector with all that belongs to it."""

    name: str

    @property
    def path(self) -> Path:
        return ROOT / "plugins" / self.name

    @cached_property
    def connectors(self) -> list[Connector]:
        module = importlib.import_module(f"plugins.{self.name}")
        return list(module.overwatch_notifiers() if self.name in NOTIFIERS else module.overwatch_connectors())

    @property
    def connector(self) -> Connector:
        (connector,) = self.connectors
        return connector

    @cached_property
    def kits(self) -> list[type[Kit]]:
        module = importlib.import_module(f"plugins.{self.name}.test_{self.name}")
        classes = [found for found in vars(module).values() if isinstance(found, type) and issubclass(found, Kit)]
        return [found for found in classes if found not in {ConnectorTests, NotifierTests, SignedConnectorTests}]

    @property
    def kit(self) -> Kit:
        (kit,) = self.kits
        return kit()

    @cached_property
    def quality(self) -> dict[str, str]:
        lines = (self.path / "quality.yaml").read_text().splitlines()
        pairs = (line.partition(": ") for line in lines if line and not line.startswith("#"))
        return {rule: value for rule, _, value in pairs}

    def events(self) -> list[Event]:
        fixtures = [fixture for fixture in self.kit.fixtures() if fixture.gives_events]
        return [event for fixture in fixtures for event in self.kit.normalise(fixture.delivery())]


def is_held_to_the_kit(folder: Folder) -> bool:
    return type(folder.kit.connector) is type(folder.connector) and folder.kit.folder == folder.path


def has_fixtures_of_every_kind(folder: Folder) -> bool:
    claimed = set(folder.quality["kinds"].split(", "))
    return claimed == {event.raw_kind for event in folder.events()} - {""}


def can_be_replayed(folder: Folder) -> bool:
    """What comes again is known again: by the sender's id of the delivery, or by the time or the id of the event."""
    sample = Delivery(body=folder.connector.sample_body.encode(), received_at=RECEIVED_AT)
    (event,) = folder.kit.normalise(sample)
    return bool(folder.connector.delivery_key(sample) or event.occurred_at or event.event_key)


def has_diagnostics(folder: Folder) -> bool:
    refused = [fixture for fixture in folder.kit.fixtures() if fixture.state == "malformed"]
    return bool(refused) and "dead" in (folder.path / "README.md").read_text()


def is_typed(folder: Folder) -> bool:
    tree = ast.parse((folder.path / "__init__.py").read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    arguments = [argument for node in functions for argument in node.args.args if argument.arg != "self"]
    return all(node.returns for node in functions) and all(argument.annotation for argument in arguments)


def keeps_the_tests_of_the_kit(folder: Folder) -> bool:
    tests = [name for name in vars(RobustnessTests) if name.startswith("test_")]
    return all(getattr(type(folder.kit), name) is getattr(RobustnessTests, name) for name in tests)


def has_credentials(folder: Folder) -> bool:
    """A signing secret is none: it lets nobody in, and the kit tests that it can be rotated."""
    settings = folder.connector.config_schema["properties"]
    secrets = {name for name, field in settings.items() if field.get("format") == "secret"}
    return bool(secrets - {folder.connector.signing_secret})


LEVELS = {
    "bronze": ("kit", "docs", "check"),
    "silver": ("signatures", "polling", "reauthentication"),
    "gold": ("every_kind", "replay_proof", "diagnostics"),
    "platinum": ("typed", "fuzzed", "time_budget"),
}
RULES = [rule for rules in LEVELS.values() for rule in rules]
IS_DONE: dict[str, Callable[[Folder], bool]] = {
    "kit": is_held_to_the_kit,
    "docs": lambda folder: bool(
        folder.connector.setup_guide and (folder.connector.sample_body or folder.name in NOTIFIERS)
    ),
    "check": lambda folder: overrides(folder.connector, "check"),
    "signatures": lambda folder: isinstance(folder.kit, SignedConnectorTests),
    "polling": lambda folder: "poll" in folder.connector.directions,
    "reauthentication": lambda folder: overrides(folder.connector, "check"),
    "every_kind": has_fixtures_of_every_kind,
    "replay_proof": can_be_replayed,
    "diagnostics": has_diagnostics,
    "typed": is_typed,
    "fuzzed": keeps_the_tests_of_the_kit,
    "time_budget": keeps_the_tests_of_the_kit,
}
MAY_BE_EXEMPT: dict[str, Callable[[Folder], bool]] = {
    "check": lambda folder: folder.connector.directions == {"webhook"},
    "signatures": lambda folder: (
        folder.connector.signing_secret is None or "webhook" not in folder.connector.directions
    ),
    "polling": lambda folder: "poll" not in folder.connector.directions,
    "reauthentication": lambda folder: not has_credentials(folder),
}


def is_kept(folder: Folder, rule: str) -> bool:
    claim, _, reason = folder.quality.get(rule, "").partition(" - ")
    if claim == "exempt":
        return bool(reason) and rule in MAY_BE_EXEMPT and MAY_BE_EXEMPT[rule](folder)
    return claim == "done" and IS_DONE[rule](folder)


@pytest.fixture(params=NAMES)
def folder(request: pytest.FixtureRequest) -> Folder:
    return Folder(request.param)


def test_folder_is_complete_and_holds_nothing_else(folder: Folder) -> None:
    expected = {"__init__.py", "README.md", "fixtures", "quality.yaml", f"test_{folder.name}.py"}
    modules = {path.name for path in folder.path.glob("[!_]*.py")} - expected  # what the connector is split into
    assert {path.name for path in folder.path.iterdir()} - {"__pycache__"} - modules == expected


@pytest.mark.parametrize("name", NOTIFIERS)
def test_folder_that_only_notifies_says_so_and_is_complete(name: str) -> None:
    (connector,) = importlib.import_module(f"plugins.{name}").overwatch_notifiers()
    files = {path.name for path in (ROOT / "plugins" / name).iterdir()} - {"__pycache__"}
    assert (connector.name, connector.directions) == (name, {"notify"})
    assert files == {"__init__.py", "README.md", "quality.yaml", f"test_{name}.py"}


@pytest.mark.parametrize("name", NOTIFIERS)
def test_folder_that_only_notifies_is_of_silver_quality(name: str) -> None:
    folder = Folder(name)
    rules = [*LEVELS["bronze"], *LEVELS["silver"]]
    assert list(folder.quality) == ["level", "kinds", *rules]
    assert [rule for rule in rules if not is_kept(folder, rule)] == []


def test_connector_is_registered_under_the_name_of_its_folder(folder: Folder) -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert f"{folder.name} = plugins.{folder.name}" in setup["options.entry_points"]["overwatch.plugins"].splitlines()
    assert folder.connector.name == folder.name


def test_connector_is_small(folder: Folder) -> None:
    assert 50 <= len((folder.path / "__init__.py").read_text().splitlines()) <= 150


def test_quality_level_is_earned(folder: Folder) -> None:
    claimed = list(LEVELS)[: list(LEVELS).index(folder.quality["level"]) + 1]
    assert [rule for level in claimed for rule in LEVELS[level] if not is_kept(folder, rule)] == []


def test_quality_speaks_of_every_rule_and_no_other(folder: Folder) -> None:
    assert list(folder.quality) == ["level", "kinds", *RULES]


@pytest.mark.parametrize("rule", sorted(set(RULES) - MAY_BE_EXEMPT.keys()))
def test_rule_that_always_applies_cannot_be_waived(folder: Folder, rule: str) -> None:
    folder.quality[rule] = "exempt - too much work"
    assert not is_kept(folder, rule)


@pytest.mark.parametrize("name", MODELS)
def test_folder_of_a_model_is_complete(name: str) -> None:
    (connector,) = importlib.import_module(f"plugins.{name}").overwatch_embedders()
    files = {path.name for path in (ROOT / "plugins" / name).iterdir()} - {"__pycache__"}
    assert (connector.name, connector.directions) == (name, {"embed", "draft"})
    assert files == {"__init__.py", "README.md", f"test_{name}.py"}
