"""The Postgres that ships with us, and the process supervisor behind `overwatch up` (Linux)."""
