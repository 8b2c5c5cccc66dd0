"""The model of this process: loaded on its first use, once."""

import threading
from pathlib import Path

from hub.search.embedding.model import Embedder, MiniLM

_lock = threading.Lock()
_loaded: dict[Path, Embedder] = {}


def embedder(model_dir: Path) -> Embedder:
    """The embedder in this folder. Raises Misconfigured when the model is missing or changed."""
    with _lock:
        if model_dir not in _loaded:
            _loaded[model_dir] = MiniLM.load(model_dir)
        return _loaded[model_dir]
