"""Logging in and out: sessions, their refresh tokens, and the lock after too many failures."""
