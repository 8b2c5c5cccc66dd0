"""Passwords: how they are kept, which are good enough, and how one gets a new one."""
