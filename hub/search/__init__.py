"""Search: finds by meaning and by words what solved it last time, and says how sure it is and why."""
