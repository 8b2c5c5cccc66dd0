"""model.json: what a model folder holds, and whether it still does."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from hub.contracts.errors import Misconfigured

GRAPH = "model.onnx"
VOCABULARY = "vocab.txt"
_FILE = "model.json"
_REMEDY = "run `make setup`, or `python -m hub.search.embedding.build`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """`files` maps each file's name to its sha256; `max_pieces` counts word pieces, the two marks included."""

    model_id: str
    dimensions: int
    max_pieces: int
    licence: str
    source: str
    files: dict[str, str]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Raises Misconfigured when there is no model, or one of another format."""
        try:
            return cls(**json.loads((folder / _FILE).read_bytes()))
        except (OSError, ValueError, TypeError) as error:
            raise Misconfigured(f"no embedding model in {folder}: {_REMEDY}") from error

    def write(self, folder: Path) -> None:
        """Writes model.json in one step: a folder without it, or with another, is not this model."""
        draft = folder / f"{_FILE}.draft"
        draft.write_text(json.dumps(asdict(self), indent=2) + "\n")
        draft.replace(folder / _FILE)

    def content(self, folder: Path, name: str) -> bytes:
        """A file's bytes; raises Misconfigured when they are not those that were built."""
        path = folder / name
        if not path.is_file() or sha256(content := path.read_bytes()) != self.files.get(name):
            raise Misconfigured(f"{path} is not the file that was built: {_REMEDY}")
        return content


def sha256(content: bytes) -> str:
    """In hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
