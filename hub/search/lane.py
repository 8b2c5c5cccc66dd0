"""What the index lane does for each kind of job."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from hub.outbox import Handler
from hub.search import confirmations, indexing, vocabulary
from hub.search.embedding.loaded import embedder
from hub.search.suggestions import service as suggestions


def handlers(model_dir: Path) -> Mapping[str, Handler]:
    """Indexing, and what follows from it."""
    model = partial(embedder, model_dir)
    return {**indexing.handlers(model), **confirmations.HANDLERS, **suggestions.handlers(model), **vocabulary.HANDLERS}
