"""Another Postgres than the one that ships, under the same tests.

`OVERWATCH_TEST_POSTGRES=/usr/lib/postgresql/15/bin pytest tests/test_pipeline_accept.py` says where its programs are;
pgvector 0.8 or newer must be installed there.
"""

import os
import subprocess
from pathlib import Path

from hub.embedded import binaries, cluster, conf

VARIABLE = "OVERWATCH_TEST_POSTGRES"


def chosen(folder: Path) -> Path | None:
    """Where its programs are, once what ours alone can be told is left out; None where ours is to be used.

    Those before 16 look where they are by name, so `folder`, of the data, is opened for walking through.
    """
    if VARIABLE not in os.environ:
        return None
    for each in (folder, *folder.parents[:2]):
        each.chmod(0o711)
    bindir = Path(os.environ[VARIABLE])
    words = subprocess.check_output([bindir / "postgres", "--version"], text=True).split()
    binaries.MAJOR = cluster.MAJOR = int(words[2].partition(".")[0])
    cluster._INITDB = ("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", f"--username={cluster.SUPERUSER}")
    conf.CONF.pop("io_method", None)
    return bindir
