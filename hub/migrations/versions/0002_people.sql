-- People and organizations: invitations, API keys, mail tokens, lockout, audit, plans.

ALTER TABLE organizations
    ADD COLUMN plan_limits jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN plan_since timestamptz NOT NULL DEFAULT overwatch_now();

-- A pending user is an invitation that waits: it has no password, so it cannot log in.
ALTER TABLE users
    ADD COLUMN timezone text NOT NULL DEFAULT 'UTC',
    ADD COLUMN email_verified_at timestamptz,
    ADD COLUMN last_login_at timestamptz,
    ALTER COLUMN password_hash DROP NOT NULL,
    ADD CONSTRAINT users_active_with_password CHECK (status <> 'active' OR password_hash IS NOT NULL);

ALTER TABLE sessions
    ADD COLUMN last_seen_at timestamptz NOT NULL DEFAULT overwatch_now(),
    ADD COLUMN address text NOT NULL DEFAULT '',
    ADD COLUMN user_agent text NOT NULL DEFAULT '';
CREATE INDEX sessions_of_user ON sessions (organization_id, user_id) WHERE revoked_at IS NULL;

-- A session is a family of refresh tokens, of which each may be spent once.
CREATE TABLE refresh_tokens (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    session_id uuid NOT NULL,
    jti_hash bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT overwatch_now(),
    spent_at timestamptz,
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, jti_hash),
    FOREIGN KEY (organization_id, session_id) REFERENCES sessions (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX refresh_tokens_of_session ON refresh_tokens (organization_id, session_id);

-- What a link in a mail proves: the reader has that address.
CREATE TABLE mail_tokens (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    purpose text NOT NULL CHECK (purpose IN ('reset', 'verify', 'invite')),
    token_hash bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT overwatch_now(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX mail_tokens_of_user ON mail_tokens (organization_id, user_id, purpose);

CREATE TABLE api_keys (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    name text NOT NULL,
    key_hash bytea NOT NULL UNIQUE,
    hint text NOT NULL,
    permissions text[] NOT NULL,
    ip_allowlist text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT overwatch_now(),
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);

-- No foreign keys to people or keys: an entry outlives what it tells of.
CREATE TABLE audit_log (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT overwatch_now(),
    actor_kind text NOT NULL CHECK (actor_kind IN ('user', 'api_key', 'system', 'anonymous')),
    user_id uuid,
    api_key_id uuid,
    action text NOT NULL,
    subject_id uuid,
    result text NOT NULL CHECK (result IN ('done', 'refused')),
    address text NOT NULL DEFAULT '',
    user_agent text NOT NULL DEFAULT '',
    request_id text NOT NULL DEFAULT '',
    detail jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX audit_log_created ON audit_log (organization_id, created_at, id);

SELECT raise_tenant_wall(name::regclass)
FROM unnest(ARRAY['refresh_tokens', 'mail_tokens', 'api_keys', 'audit_log']) AS name;

-- Not tenant data, because they are about addresses that may belong to nobody; the runtime role reaches both through
-- reviewed functions only.

CREATE TABLE login_failures (
    subject text PRIMARY KEY,
    failure_count integer NOT NULL DEFAULT 0,
    lock_count integer NOT NULL DEFAULT 0,
    locked_until timestamptz,
    last_at timestamptz NOT NULL DEFAULT overwatch_now()
);

-- Mail that somebody asked for. Whether the address has an account is looked at by a worker, after the answer.
CREATE TABLE mails (
    id uuid PRIMARY KEY,
    purpose text NOT NULL CHECK (purpose IN ('reset', 'verify', 'invite')),
    email text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT overwatch_now(),
    attempts smallint NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL DEFAULT overwatch_now(),
    lease_token uuid,
    is_dead boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX mails_waiting ON mails (purpose, lower(email)) WHERE lease_token IS NULL AND NOT is_dead;
CREATE INDEX mails_due ON mails (next_at) WHERE NOT is_dead;
