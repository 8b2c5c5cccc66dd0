"""The caller's organization: its name and settings, its plan and what it uses of it."""
