"""Makes a new plugin's package from the skeleton beside this file."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from hub.contracts.errors import Misconfigured

_SUFFIX = ".txt"  # so that neither an import nor a linter takes the skeleton for code


def make(name: str, into: Path) -> Path:
    """The new folder. Raises Misconfigured when it is there already."""
    folder = into / name
    if folder.exists():
        raise Misconfigured(f"{folder} is there already.")
    words = {"NAME": name, "CLASS": "".join(part.title() for part in name.split("_"))}
    _fill(files("hub.plugin_kit") / "skeleton", folder, words)
    return folder


def _fill(source: Traversable, target: Path, words: dict[str, str]) -> None:
    target.mkdir(parents=True)
    for each in source.iterdir():
        path = target / _filled(each.name, words)
        if each.is_dir():
            _fill(each, path, words)
        else:
            path.with_name(path.name.removesuffix(_SUFFIX)).write_text(_filled(each.read_text("utf-8"), words), "utf-8")


def _filled(text: str, words: dict[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text
