"""How the workers run: Celery's prefork pool with our lanes in each of its processes, and the scheduler."""

import logging
import threading
from collections.abc import Callable, Sequence

from celery import Celery
from celery.apps.beat import Beat
from celery.signals import (
    setup_logging,
    task_rejected,
    task_unknown,
    worker_process_init,
    worker_process_shutdown,
    worker_shutting_down,
)
from sqlalchemy.exc import DBAPIError

from hub import health, logs, telemetry
from hub.broker import LANES, complaint, make_celery, task_of
from hub.database import Database
from hub.embedded.lifeline import die_with_parent
from hub.outbox import Waker
from hub.runtime import assemble
from hub.settings import Settings
from workers.lanes import Process

log = logging.getLogger(__name__)

_HOUSEKEEPING_SECONDS = 60.0
_BEAT_SECONDS = 3.0

_process: Process | None = None


def run_worker(settings: Settings, lanes: Sequence[str], processes: int) -> None:
    """Works on the lanes until it is told to stop; a killed pool process is replaced."""
    celery = make_celery(settings.broker_url, listens=True)
    _register_tasks(celery)

    def begin(**_: object) -> None:
        global _process  # noqa: PLW0603  # a pool process has exactly one, made after its fork
        die_with_parent()
        telemetry.start(settings, "worker")
        _process = Process(assemble(settings), lanes)
        _process.start()

    def end(**_: object) -> None:
        if _process is not None:
            _process.stop()

    def hasten(**_: object) -> None:
        # the pgmq transport looks up from its wait every two seconds only; a wake-up of our own ends it at once
        Waker(make_celery(settings.broker_url)).wake(lanes[:1])

    def count(**_: object) -> None:
        database = Database(settings.database_url)  # of its own, because this process forks the others
        try:
            health.count_rejected(database)
        except DBAPIError:
            log.warning("a rejected message could not be counted")
        finally:
            database.dispose()

    task_rejected.connect(count, weak=False)
    task_unknown.connect(count, weak=False)
    _log_as_chosen(settings)
    if problem := complaint(settings.broker_url):
        log.warning("the broker: %s", problem)
    worker_process_init.connect(begin, weak=False)
    worker_process_shutdown.connect(end, weak=False)
    worker_shutting_down.connect(hasten, weak=False)

    worker = celery.Worker(
        queues=list(lanes),
        concurrency=processes,
        pool="prefork",
        loglevel=settings.log_level,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    worker.start()
    raise SystemExit(worker.exitcode)


def run_scheduler(settings: Settings) -> None:
    """Sends the periodic wake-ups until it is told to stop."""
    celery = make_celery(settings.broker_url)
    celery.conf.beat_schedule = {
        "housekeeping": {"task": task_of("bulk"), "schedule": _HOUSEKEEPING_SECONDS, "options": {"queue": "bulk"}}
    }
    celery.conf.beat_scheduler = "celery.beat:Scheduler"  # in memory: every entry is safe to send again
    _log_as_chosen(settings)
    runtime = assemble(settings)
    threading.Thread(target=_beat, args=(runtime.database,), name="heartbeat", daemon=True).start()
    Beat(app=celery, loglevel=settings.log_level, quiet=True).run()


def _log_as_chosen(settings: Settings) -> None:
    """Celery would put its own handlers in place of ours, were nobody to answer this signal."""
    logs.configure(settings)
    setup_logging.connect(lambda **_: None, weak=False)


def _beat(database: Database) -> None:
    pause = threading.Event()
    while True:
        try:
            health.beat(database, [health.SCHEDULE])
        except DBAPIError:
            log.warning("the database does not answer")
        pause.wait(_BEAT_SECONDS)


def _register_tasks(celery: Celery) -> None:
    for lane in LANES:
        celery.task(name=task_of(lane))(_waking(lane))


def _waking(lane: str) -> Callable[[], None]:
    def wake() -> None:
        if _process is not None:
            _process.drain(lane)

    return wake
