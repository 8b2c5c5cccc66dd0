"""`overwatch doctor`: says what keeps the hub from working, and with --audit whether its promise holds."""

from pathlib import Path

import click

from hub import auditor, health, settings
from hub.runtime import assemble
from hub.search import auditing
from hub.search.embedding.loaded import embedders


def examine(data: Path, *, is_audit: bool) -> int:
    """Prints what is wrong; gives the exit code, 1 when anything is."""
    chosen = settings.from_env(data)
    runtime = assemble(chosen)
    database = runtime.database
    try:
        found = health.problems(database)
        if is_audit:
            model_id = embedders(chosen, runtime.connectors, runtime.egress).current_id
            found += [_line(each) for each in (*auditor.audit(database), *auditing.audit(database, model_id))]
    finally:
        runtime.plugins.close()
        database.dispose()
    for problem in found:
        click.echo(f"overwatch: {problem}", err=True)
    if not found:
        promised = f", {len(auditor.PROMISES) + 1} promises hold in every organization" if is_audit else ""
        click.echo(f"Overwatch is well: it is migrated, every lane is worked on{promised}.")
    return 1 if found else 0


def _line(violation: auditor.Violation) -> str:
    told = "; ".join(violation.examples)
    return f"broken {violation.count} times in {violation.organization_id}: {violation.promise}: {told}"
