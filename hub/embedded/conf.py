"""How the embedded Postgres is set up: for a small machine, with every accepted delivery on disk."""

PORT = 5432  # only a part of the socket's name: no TCP

CONF = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "cluster_name": "overwatch",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    # A small machine, where the hub itself wants most of the memory and an idle process is a waste.
    "shared_buffers": "128MB",
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
