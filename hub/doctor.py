"""`overwatch doctor`: says what keeps the hub from working, and with --audit whether its promise holds."""

from pathlib import Path

import click

from hub import auditor, health, settings
from hub.database import Database


def examine(data: Path, *, is_audit: bool) -> int:
    """Prints what is wrong; gives the exit code, 1 when anything is."""
    database = Database(settings.from_env(data).database_url)
    try:
        found = health.problems(database)
        if is_audit:
            found += [_line(violation) for violation in auditor.audit(database)]
    finally:
        database.dispose()
    for problem in found:
        click.echo(f"overwatch: {problem}", err=True)
    if not found:
        promised = f", {len(auditor.PROMISES)} promises hold in every organization" if is_audit else ""
        click.echo(f"Overwatch is well: it is migrated, every lane is worked on{promised}.")
    return 1 if found else 0


def _line(violation: auditor.Violation) -> str:
    told = "; ".join(violation.examples)
    return f"broken {violation.count} times in {violation.organization_id}: {violation.promise}: {told}"
