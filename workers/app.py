"""How the workers run: Celery's prefork pool with our lanes in each of its processes."""

import logging
from collections.abc import Callable, Sequence

from celery import Celery
from celery.signals import (
    task_rejected,
    task_unknown,
    worker_process_init,
    worker_process_shutdown,
    worker_shutting_down,
)
from sqlalchemy.exc import DBAPIError

from hub import logs, progress, telemetry
from hub.broker import LANES, complaint, make_celery, task_of
from hub.database import Database
from hub.embedded import gate
from hub.embedded.lifeline import die_with_parent
from hub.outbox import Waker
from hub.runtime import assemble
from hub.settings import Settings
from workers.lanes import Process

log = logging.getLogger(__name__)

_process: Process | None = None


def run_worker(settings: Settings, lanes: Sequence[str], processes: int, at_gate: int | None = None) -> None:
    """Works on the lanes, once the gate is open, until it is told to stop; a killed pool process is replaced."""
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
            progress.count_rejected(database)
        except DBAPIError:
            log.warning("a rejected message could not be counted")
        finally:
            database.dispose()

    task_rejected.connect(count, weak=False)
    task_unknown.connect(count, weak=False)
    logs.configure(settings)
    if problem := complaint(settings.broker_url):
        log.warning("the broker: %s", problem)
    worker_process_init.connect(begin, weak=False)
    worker_process_shutdown.connect(end, weak=False)
    worker_shutting_down.connect(hasten, weak=False)

    gate.wait(at_gate)  # what comes now asks the broker
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


def _register_tasks(celery: Celery) -> None:
    for lane in LANES:
        celery.task(name=task_of(lane))(_waking(lane))


def _waking(lane: str) -> Callable[[], None]:
    def wake() -> None:
        if _process is not None:
            _process.drain(lane)

    return wake
