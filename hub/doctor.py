"""`overwatch doctor`: one page about the hub, each line with what to do where it is not well."""

import platform
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import click
from sqlalchemy import text

from hub import auditor, broker, metrics, progress, settings
from hub.metrics import Sample
from hub.runtime import Runtime, assemble
from hub.search import auditing
from hub.search.embedding.loaded import embedders

_LARGEST_SKEW_SECONDS = 1.0
_LEAST_FREE_PART = 0.1
_VERSIONS = text(
    "SELECT current_setting('server_version') AS postgres,"
    " pg_size_pretty(pg_database_size(current_database())) AS size,"
    " (SELECT extversion FROM pg_extension WHERE extname = 'vector') AS pgvector,"
    " (SELECT max(version_num) FROM alembic_version) AS revision, clock_timestamp() AS clock"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how it is, and what to do; nothing where it is well."""

    what: str
    how: str
    advice: str = ""

    @property
    def is_well(self) -> bool:
        return not self.advice


def examine(data: Path, *, is_audit: bool) -> int:
    """Prints the page, and what is wrong once more on stderr; gives the exit code, 1 when anything is."""
    runtime = assemble(settings.from_env(data))
    try:
        found = [each for look in _LOOKS for each in _guarded(look, runtime)]
        if is_audit:
            found += _audited(runtime)
    finally:
        runtime.plugins.close()
        runtime.database.dispose()
    for each in found:
        click.echo(f"{'ok   ' if each.is_well else 'WRONG'} {each.what:<11} {each.how}")
    for each in found:
        if not each.is_well:
            click.echo(f"overwatch: {each.what}: {each.advice}", err=True)
    return 0 if all(each.is_well for each in found) else 1


def _guarded(look: "_Look", runtime: Runtime) -> Iterator[Finding]:
    """One look that fails hides no other."""
    try:
        yield from look(runtime)
    except Exception as error:  # noqa: BLE001  # whatever it is, it stands on the page
        name = look.__name__.strip("_")
        yield Finding(name, f"cannot be told: {type(error).__name__}", "mend what else stands here, and look again")


def _versions(runtime: Runtime) -> Iterator[Finding]:
    ours = f"Overwatch {version('overwatch-hub')}, Python {platform.python_version()}"
    yield Finding("versions", f"{ours}, {platform.system()} {platform.release()}")
    before = time.time()
    with runtime.database.engine.connect() as connection:
        row = connection.execute(_VERSIONS).one()
    skew = row.clock.timestamp() - (before + time.time()) / 2
    kind = "embedded" if runtime.settings.embedded else "external"
    yield Finding("database", f"Postgres {row.postgres} ({kind}), pgvector {row.pgvector}, {row.size}")
    yield Finding("migrations", f"at {row.revision}")
    is_well = abs(skew) <= _LARGEST_SKEW_SECONDS
    yield Finding("clock", f"{skew:+.3f} s from the database's", "" if is_well else "synchronise both by NTP")


def _progress(runtime: Runtime) -> Iterator[Finding]:
    for problem in progress.problems(runtime.database):
        yield Finding("progress", problem, problem)


def _queues(runtime: Runtime) -> Iterator[Finding]:
    found = metrics.read(runtime.database)
    lag, waiting = _by(found, "lane_lag_seconds", "lane"), _by(found, "lane_jobs_waiting", "lane")
    workers, dead = _by(found, "lane_workers", "lane"), _by(found, "lane_jobs_dead", "lane")
    pending = sum(each.value for each in found if each.metric == "overwatch_deliveries_pending")
    yield Finding("deliveries", f"{pending:.0f} wait, the oldest {lag.get('ingest', 0):.0f} s")
    for lane in broker.LANES:
        how = (
            f"{workers.get(lane, 0):.0f} at work, {waiting.get(lane, 0):.0f} jobs wait, {lag.get(lane, 0):.0f} s behind"
        )
        lost = dead.get(lane, 0)
        yield Finding(f"lane {lane}", how, f"{lost:.0f} jobs failed for good: see the worker's log" if lost else "")
    yield Finding("scheduler", f"{workers.get(progress.SCHEDULE, 0):.0f} at work")
    for name, count in _by(found, "breakers_open", "platform").items():
        advice = f"GET /api/v1/integrations names them; {name}'s deliveries wait and come back by themselves"
        yield Finding("breakers", f"{count:.0f} integrations of {name} keep failing", advice)


def _plugins(runtime: Runtime) -> Iterator[Finding]:
    yield Finding("plugins", f"{len(runtime.plugins.connectors)} connectors")
    for name, why in runtime.plugins.unavailable.items():
        yield Finding("plugins", f"{name} is not available", f"{name}: {why}")


def _broker(runtime: Runtime) -> Iterator[Finding]:
    url = runtime.settings.broker_url
    problem = broker.complaint(url)
    yield Finding("broker", f"{url.partition(':')[0]}, {problem or 'answers'}", problem)


def _disk(runtime: Runtime) -> Iterator[Finding]:
    folder = runtime.settings.data_dir
    usage = shutil.disk_usage(folder)
    free = usage.free / usage.total
    how = f"{usage.free / 1e9:.1f} of {usage.total / 1e9:.1f} GB free below {folder}"
    yield Finding("disk", how, "" if free >= _LEAST_FREE_PART else "make room, or shorten the organizations' retention")


def _model(runtime: Runtime) -> Iterator[Finding]:
    chosen = runtime.settings
    if chosen.embedder_url:
        yield Finding("model", f"{chosen.embedder_model} at {chosen.embedder_url}")
    elif (chosen.model_dir / "model.onnx").exists():
        yield Finding("model", f"in {chosen.model_dir}")
    else:
        yield Finding("model", f"none in {chosen.model_dir}", "run `make setup`, or set OVERWATCH_MODEL_DIR")


_Look = Callable[[Runtime], Iterator[Finding]]
_LOOKS: Sequence[_Look] = (_versions, _progress, _queues, _plugins, _broker, _disk, _model)


def _audited(runtime: Runtime) -> list[Finding]:
    model_id = embedders(runtime.settings, runtime.connectors, runtime.egress).current_id
    broken = (*auditor.audit(runtime.database), *auditing.audit(runtime.database, model_id))
    found = [Finding("audit", each.promise, _told(each)) for each in broken]
    return found or [Finding("audit", f"{len(auditor.PROMISES) + 1} promises hold in every organization")]


def _told(violation: auditor.Violation) -> str:
    examples = "; ".join(violation.examples)
    return f"broken {violation.count} times in {violation.organization_id}: {violation.promise}: {examples}"


def _by(samples: Sequence[Sample], figure: str, label: str) -> Mapping[str, float]:
    return {each.labels[label]: each.value for each in samples if each.metric == f"overwatch_{figure}"}
