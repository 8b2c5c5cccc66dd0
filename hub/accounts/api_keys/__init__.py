"""API keys: what programs log in with, on behalf of the person who made the key."""
