"""How the embedded Postgres is set up: for a small machine, with every accepted delivery on disk."""

import os

PORT = 5432  # only a part of the socket's name: no TCP

_LEAST_MB, _MOST_MB = 128, 512  # of shared buffers: memory is taken as they fill


def _shared_buffers() -> str:
    """A tenth of the machine: an index of vectors is read here and there, and what is not in them is copied first."""
    megabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return f"{min(_MOST_MB, max(_LEAST_MB, megabytes // 10))}MB"


CONF = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "cluster_name": "overwatch",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    # A small machine, where the hub itself wants most of the memory and an idle process is a waste.
    "shared_buffers": _shared_buffers(),
    "max_connections": "100",
    "io_method": "sync",
    "max_logical_replication_workers": "0",
    "max_wal_size": "512MB",
    "wal_compression": "on",
    "random_page_cost": "1.1",
    "jit": "off",
    # The defaults, said because the promise stands on them: what is answered 2xx is on disk.
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    # Lines about the server, never about what is in its rows: an error's DETAIL and STATEMENT would quote them.
    "log_line_prefix": "%m [%p] ",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}
