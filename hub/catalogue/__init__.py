"""The service catalogue: who owns a service, what it depends on, and who suffers when it fails."""
