DROP TABLE rate_limits, idempotency_keys;
