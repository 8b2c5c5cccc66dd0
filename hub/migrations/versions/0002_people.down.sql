DROP TABLE mails, login_failures, audit_log, api_keys, mail_tokens, refresh_tokens;
DROP INDEX sessions_of_user;
ALTER TABLE sessions DROP COLUMN last_seen_at, DROP COLUMN address, DROP COLUMN user_agent;

-- an invitation that waits has no password, and cannot be kept
DELETE FROM users WHERE password_hash IS NULL;
ALTER TABLE users
    DROP CONSTRAINT users_active_with_password,
    ALTER COLUMN password_hash SET NOT NULL,
    DROP COLUMN timezone,
    DROP COLUMN email_verified_at,
    DROP COLUMN last_login_at;
ALTER TABLE organizations DROP COLUMN plan_limits, DROP COLUMN plan_since;
