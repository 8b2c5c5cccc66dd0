"""The scheduler: sends the periodic wake-ups, and tells that it lives."""

import logging
import threading

from celery.apps.beat import Beat
from sqlalchemy.exc import DBAPIError

from hub import logs, progress
from hub.broker import make_celery, task_of
from hub.database import Database
from hub.embedded import gate
from hub.settings import Settings

log = logging.getLogger(__name__)

_HOUSEKEEPING_SECONDS = 60.0
_BEAT_SECONDS = 3.0


def run(settings: Settings, at_gate: int | None = None) -> None:
    """Sends the periodic wake-ups, once the gate is open, until it is told to stop."""
    celery = make_celery(settings.broker_url)
    celery.conf.beat_schedule = {
        "housekeeping": {"task": task_of("bulk"), "schedule": _HOUSEKEEPING_SECONDS, "options": {"queue": "bulk"}}
    }
    celery.conf.beat_scheduler = "celery.beat:Scheduler"  # in memory: every entry is safe to send again
    logs.configure(settings)
    gate.wait(at_gate)
    threading.Thread(target=_beat, args=(Database(settings.database_url),), name="heartbeat", daemon=True).start()
    Beat(app=celery, loglevel=settings.log_level, quiet=True).run()


def _beat(database: Database) -> None:
    pause = threading.Event()
    while True:
        try:
            progress.beat(database, [progress.SCHEDULE])
        except DBAPIError:
            log.warning("the database does not answer")
        pause.wait(_BEAT_SECONDS)
