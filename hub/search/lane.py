"""What the index lane does for each kind of job."""

from collections.abc import Collection, Mapping

from hub import outbox
from hub.database import Database
from hub.outbox import Handler
from hub.search import confirmations, indexing, reembedding, vocabulary
from hub.search.embedding.loaded import Embedders
from hub.search.suggestions import service as suggestions

_MOST_AT_ONCE = 32
_MOST_PATIENT = 4  # so that an incident waits for half a second of embedding, however many procedures are imported
_PATIENT = frozenset({"procedure", "reembed", "vocabulary"})

_noticed: set[tuple[int, str]] = set()


def work_off(database: Database, models: Embedders, drafters: Collection[str] = ()) -> bool:
    """Does what is due; False when there was nothing. Incidents and their suggestions go before all that has time.

    The first time, looks whether the model is another by now.
    """
    told = (id(database), models.current_id)
    if told not in _noticed:
        reembedding.notice(database, models.current_id)
        _noticed.add(told)
    doing = handlers(models, drafters)
    urgent = {kind: handler for kind, handler in doing.items() if kind not in _PATIENT}
    patient = {kind: handler for kind, handler in doing.items() if kind in _PATIENT}
    return outbox.work_off(database, "index", urgent, most=_MOST_AT_ONCE) or outbox.work_off(
        database, "index", patient, most=_MOST_PATIENT
    )


def handlers(models: Embedders, drafters: Collection[str] = ()) -> Mapping[str, Handler]:
    """Indexing, and what follows from it; `drafters` are the platforms that draft procedures."""
    return {
        **indexing.handlers(models.current),
        **confirmations.HANDLERS,
        **suggestions.handlers(models, drafters),
        **reembedding.handlers(models),
        **vocabulary.HANDLERS,
    }
