"""An organization's configured use of a connector: its config, its secrets, its webhook address."""
