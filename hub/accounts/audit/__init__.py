"""The audit log: who did what, when, from where, and whether they were let; it can be added to and never changed."""
