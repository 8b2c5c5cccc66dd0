-- What must look across organizations: a small reviewed set, laid anew after every migration. Each is owned by
-- overwatch_owner, pins its search_path, and returns the least that its caller needs.

-- accounts -----------------------------------------------------------------------------------------------------------

-- Login knows an e-mail address only.
CREATE OR REPLACE FUNCTION find_login(p_email text)
RETURNS TABLE (organization_id uuid, user_id uuid, password_hash text, status text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT u.organization_id, u.id, u.password_hash, u.status FROM users u WHERE lower(u.email) = lower(p_email)
$$;

-- Every request asks: does the session still stand, is it in use, and is its user still active? Who is found is let in:
-- the transaction sees their organization from here on.
CREATE OR REPLACE FUNCTION find_session(p_session_id uuid, p_user_id uuid)
RETURNS TABLE (organization_id uuid, role text, plan text, plan_limits jsonb, idle_seconds double precision)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    SELECT u.organization_id, u.role, o.plan, o.plan_limits, extract(epoch FROM overwatch_now() - s.last_seen_at)
    INTO organization_id, role, plan, plan_limits, idle_seconds
    FROM sessions s
    JOIN users u ON u.organization_id = s.organization_id AND u.id = s.user_id
    JOIN organizations o ON o.id = s.organization_id
    WHERE s.id = p_session_id AND s.user_id = p_user_id AND u.status = 'active'
      AND s.revoked_at IS NULL AND s.expires_at > overwatch_now()
      AND s.last_seen_at > overwatch_now()
          - make_interval(mins => coalesce((o.settings ->> 'session_timeout_minutes')::integer, 480));
    IF FOUND THEN
        PERFORM set_config('app.organization_id', organization_id::text, true);
        RETURN NEXT;
    END IF;
END $$;

-- An API key lives as long as its maker is active, and can do no more than its maker can now. It lets in as well.
CREATE OR REPLACE FUNCTION find_api_key(p_key_hash bytea)
RETURNS TABLE (organization_id uuid, api_key_id uuid, user_id uuid, role text, plan text, plan_limits jsonb,
               permissions text[], ip_allowlist text[], idle_seconds double precision)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    SELECT k.organization_id, k.id, u.id, u.role, o.plan, o.plan_limits, k.permissions, k.ip_allowlist,
           coalesce(extract(epoch FROM overwatch_now() - k.last_used_at), 'Infinity')
    INTO organization_id, api_key_id, user_id, role, plan, plan_limits, permissions, ip_allowlist, idle_seconds
    FROM api_keys k
    JOIN users u ON u.organization_id = k.organization_id AND u.id = k.user_id
    JOIN organizations o ON o.id = k.organization_id
    WHERE k.key_hash = p_key_hash AND k.revoked_at IS NULL AND u.status = 'active'
      AND (k.expires_at IS NULL OR k.expires_at > overwatch_now());
    IF FOUND THEN
        PERFORM set_config('app.organization_id', organization_id::text, true);
        RETURN NEXT;
    END IF;
END $$;

-- Counts a request in each of these windows in turn, in a new one where the last is over, up to the first that is spent.
-- Gives each window's count with this request, and when it ends in epoch seconds.
CREATE OR REPLACE FUNCTION count_requests(p_keys text[], p_most bigint[], p_seconds integer)
RETURNS TABLE (key text, hits bigint, ends_at double precision)
LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
BEGIN
    FOR place IN 1 .. cardinality(p_keys) LOOP
        INSERT INTO rate_limits AS l (key, hits, expires_at)
        VALUES (p_keys[place], 1, overwatch_now() + make_interval(secs => p_seconds))
        ON CONFLICT ON CONSTRAINT rate_limits_pkey DO UPDATE SET
            hits = CASE WHEN l.expires_at <= overwatch_now() THEN 0 ELSE l.hits END + excluded.hits,
            expires_at = CASE WHEN l.expires_at <= overwatch_now() THEN excluded.expires_at ELSE l.expires_at END
        RETURNING l.key, l.hits, extract(epoch FROM l.expires_at) INTO key, hits, ends_at;
        RETURN NEXT;
        EXIT WHEN hits > p_most[place];
    END LOOP;
END $$;

-- A link in a mail names nobody; its token finds whom it was for.
CREATE OR REPLACE FUNCTION find_mail_token(p_token_hash bytea, p_purpose text)
RETURNS TABLE (organization_id uuid, token_id uuid, user_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT t.organization_id, t.id, t.user_id FROM mail_tokens t
    WHERE t.token_hash = p_token_hash AND t.purpose = p_purpose
      AND t.used_at IS NULL AND t.expires_at > overwatch_now()
$$;

-- The first organization of a self-hosted hub gets the plan without limits; two that come at once take turns.
CREATE OR REPLACE FUNCTION is_first_organization() RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM organizations) THEN
        RETURN false;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('first organization', 0));
    RETURN NOT EXISTS (SELECT FROM organizations);
END $$;

-- Counts a login as failed before its password is looked at, so that a hundred guesses at once are a hundred guesses;
-- a right password takes it back. Gives the seconds to wait when one of the subjects is locked, and then counts nothing.
-- Every lock is twice as long as the one before, until a day without a failure has passed.
CREATE OR REPLACE FUNCTION begin_login(
    p_subjects text[], p_limits integer[], p_lock_seconds integer, p_longest_seconds integer)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    wait_until timestamptz;
BEGIN
    IF random() < 0.01 THEN
        DELETE FROM login_failures f WHERE f.last_at < overwatch_now() - interval '3 days';
    END IF;
    INSERT INTO login_failures (subject) SELECT unnest(p_subjects) ORDER BY 1 ON CONFLICT DO NOTHING;
    PERFORM FROM login_failures f WHERE f.subject = ANY (p_subjects) ORDER BY f.subject FOR UPDATE;
    SELECT max(f.locked_until) INTO wait_until FROM login_failures f
    WHERE f.subject = ANY (p_subjects) AND f.locked_until > overwatch_now();
    IF wait_until IS NOT NULL THEN
        RETURN ceil(extract(epoch FROM wait_until - overwatch_now()));
    END IF;
    UPDATE login_failures f
    SET failure_count = after.failures, lock_count = after.locks + after.is_locking::integer, last_at = overwatch_now(),
        locked_until = CASE WHEN after.is_locking THEN overwatch_now() + make_interval(
            secs => least(p_lock_seconds * power(2, least(after.locks, 20)), p_longest_seconds)) END
    FROM (
        SELECT counted.*, counted.failures >= counted.most AS is_locking
        FROM (
            SELECT old.subject, asked.most,
                   CASE WHEN old.locked_until IS NOT NULL OR old.last_at < overwatch_now() - interval '1 day' THEN 1
                        ELSE old.failure_count + 1 END AS failures,
                   CASE WHEN old.last_at < overwatch_now() - interval '2 days' THEN 0 ELSE old.lock_count END AS locks
            FROM login_failures old
            JOIN unnest(p_subjects, p_limits) AS asked (subject, most) ON asked.subject = old.subject
        ) counted
    ) after
    WHERE f.subject = after.subject;
    RETURN 0;
END $$;

-- The password was right: the account starts anew, the address takes back what this login had counted against it.
CREATE OR REPLACE FUNCTION end_login(p_account text, p_address text) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DELETE FROM login_failures f WHERE f.subject = p_account;
    UPDATE login_failures f
    SET failure_count = greatest(f.failure_count - 1, 0), locked_until = NULL,
        lock_count = f.lock_count - (f.locked_until IS NOT NULL)::integer
    WHERE f.subject = p_address
$$;

-- A person with the permission to, or a new password, ends the lock of an account.
CREATE OR REPLACE FUNCTION unlock_login(p_account text) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DELETE FROM login_failures f WHERE f.subject = p_account
$$;

-- A failed login stands in the audit log of the account's organization, where there is one; the same statement is run
-- for an address without an account, so that the answer takes as long.
CREATE OR REPLACE FUNCTION note_failed_login(
    p_id uuid, p_email text, p_address text, p_user_agent text, p_request_id text)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO audit_log (organization_id, id, actor_kind, action, subject_id, result, address, user_agent, request_id)
    SELECT u.organization_id, p_id, 'anonymous', 'sessions:create', u.id, 'refused', p_address, p_user_agent, p_request_id
    FROM users u WHERE lower(u.email) = lower(p_email)
$$;

-- Asking twice while the first still waits is asking once.
CREATE OR REPLACE FUNCTION request_mail(p_id uuid, p_purpose text, p_email text) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO mails (id, purpose, email) VALUES (p_id, p_purpose, p_email) ON CONFLICT DO NOTHING
$$;

CREATE OR REPLACE FUNCTION claim_mails(p_token uuid, p_most integer, p_lease_seconds integer)
RETURNS TABLE (id uuid, purpose text, email text, attempts smallint, organization_id uuid, user_id uuid, status text,
               organization text)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH claimed AS (
        UPDATE mails m
        SET attempts = m.attempts + 1, lease_token = p_token,
            next_at = overwatch_now() + make_interval(secs => p_lease_seconds)
        FROM (SELECT d.id FROM mails d WHERE NOT d.is_dead AND d.next_at <= overwatch_now()
              ORDER BY d.next_at LIMIT p_most FOR UPDATE SKIP LOCKED) due
        WHERE m.id = due.id
        RETURNING m.*
    )
    SELECT c.id, c.purpose, c.email, c.attempts, u.organization_id, u.id, u.status, o.name
    FROM claimed c
    LEFT JOIN users u ON lower(u.email) = lower(c.email)
    LEFT JOIN organizations o ON o.id = u.organization_id
$$;

-- Sent, or nobody to send it to: gone. Otherwise it is tried again after p_retry_seconds, or never (NULL).
CREATE OR REPLACE FUNCTION finish_mail(p_id uuid, p_token uuid, p_is_done boolean, p_retry_seconds integer)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DELETE FROM mails m WHERE m.id = p_id AND m.lease_token = p_token AND p_is_done;
    UPDATE mails m
    SET is_dead = p_retry_seconds IS NULL,
        next_at = overwatch_now() + make_interval(secs => coalesce(p_retry_seconds, 0))
    WHERE m.id = p_id AND m.lease_token = p_token AND NOT p_is_done
$$;

-- deliveries ---------------------------------------------------------------------------------------------------------

-- A signature is checked before the delivery is stored, and for that the secret must be known: one row for the secret,
-- and while it is being rotated one for that before it.
CREATE OR REPLACE FUNCTION find_signed_integration(p_integration_id uuid, p_platform text)
RETURNS TABLE (organization_id uuid, config jsonb, secrets jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT i.organization_id, i.config, valid.secrets
    FROM integrations i CROSS JOIN LATERAL (
        SELECT i.secrets UNION ALL
        SELECT i.secrets || i.previous_secrets WHERE i.previous_secrets <> '{}' AND i.previous_until > overwatch_now()
    ) valid (secrets)
    WHERE i.id = p_integration_id AND i.platform = p_platform AND i.is_signed AND i.enabled AND i.deleted_at IS NULL
$$;

-- Proof, duplicate check and commit of the webhooks that arrived together, in one call. Without a key every delivery
-- is stored; a recent key is the one that the same body had in the window before, which would otherwise slip through
-- at a window's edge. Rows go in by key, so that two such calls never wait for each other in a circle.
-- Outcomes, by place from 1: accepted, duplicate (with the id of the first), unknown, wrong_platform, untrusted.
DROP FUNCTION IF EXISTS accept_delivery(uuid, uuid, text, bytea, boolean, text, text, integer, jsonb, jsonb, bytea);
CREATE OR REPLACE FUNCTION accept_deliveries(
    p_ids uuid[], p_integration_ids uuid[], p_platforms text[], p_token_hashes bytea[], p_are_verified boolean[],
    p_keys text[], p_recent_keys text[], p_headers jsonb[], p_queries jsonb[], p_bodies bytea[],
    p_recent_seconds integer)
RETURNS TABLE (place bigint, outcome text, delivery_id uuid)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    stored uuid[];
BEGIN
    WITH asked AS (
        SELECT a.*, i.organization_id
        FROM unnest(p_ids, p_integration_ids, p_platforms, p_token_hashes, p_are_verified, p_keys, p_recent_keys,
                    p_headers, p_queries, p_bodies)
             AS a (id, integration_id, platform, token_hash, is_verified, key, recent_key, headers, query, body)
        JOIN integrations i ON i.id = a.integration_id AND i.enabled AND i.deleted_at IS NULL
             AND i.platform = a.platform
        WHERE a.is_verified OR (NOT i.is_signed AND (i.token_hash = a.token_hash
              OR coalesce(i.previous_token_hash = a.token_hash AND i.previous_until > overwatch_now(), false)))
    ), inserted AS (
        INSERT INTO deliveries (organization_id, id, integration_id, delivery_key, headers, query, body)
        SELECT a.organization_id, a.id, a.integration_id, a.key, a.headers, a.query, a.body
        FROM asked a
        WHERE a.recent_key IS NULL OR NOT EXISTS (
            SELECT FROM deliveries d
            WHERE d.organization_id = a.organization_id AND d.integration_id = a.integration_id
              AND d.delivery_key = a.recent_key
              AND d.received_at > overwatch_now() - make_interval(secs => p_recent_seconds))
        ORDER BY a.integration_id, a.key, a.id
        ON CONFLICT (organization_id, integration_id, delivery_key) DO NOTHING
        RETURNING id
    )
    SELECT coalesce(array_agg(n.id), '{}') INTO stored FROM inserted n;
    IF stored @> p_ids THEN
        RETURN QUERY SELECT a.ordinality, 'accepted', a.id FROM unnest(p_ids) WITH ORDINALITY AS a (id, ordinality);
        RETURN;
    END IF;
    -- a statement of its own, because it must see what others have committed meanwhile
    RETURN QUERY
    WITH judged AS (
        SELECT a.*, i.organization_id,
               CASE WHEN a.id = ANY (stored) THEN 'accepted'
                    WHEN i.id IS NULL THEN 'unknown'
                    WHEN i.platform <> a.platform THEN 'wrong_platform'
                    WHEN NOT (a.is_verified OR (NOT i.is_signed AND (i.token_hash = a.token_hash
                         OR coalesce(i.previous_token_hash = a.token_hash
                                     AND i.previous_until > overwatch_now(), false))))
                    THEN 'untrusted'
                    ELSE 'duplicate' END AS outcome
        FROM unnest(p_ids, p_integration_ids, p_platforms, p_token_hashes, p_are_verified, p_keys, p_recent_keys)
             WITH ORDINALITY AS a (id, integration_id, platform, token_hash, is_verified, key, recent_key, place)
        LEFT JOIN integrations i ON i.id = a.integration_id AND i.enabled AND i.deleted_at IS NULL
    )
    SELECT j.place, j.outcome,
           CASE j.outcome WHEN 'accepted' THEN j.id WHEN 'duplicate' THEN (
               SELECT d.id FROM deliveries d
               WHERE d.organization_id = j.organization_id AND d.integration_id = j.integration_id
                 AND (d.delivery_key = j.key OR (d.delivery_key = j.recent_key
                      AND d.received_at > overwatch_now() - make_interval(secs => p_recent_seconds)))
               ORDER BY d.received_at LIMIT 1) END
    FROM judged j;
END $$;

-- The turn of one organization: whoever holds its advisory lock works on its deliveries, alone and in their order, on
-- the connection that holds the lock; a killed worker's connection closes and gives the turn back at once. Turns are
-- drawn by lot among the organizations that wait, so a herd of one delays another by a batch, not by the herd.
-- Fresh deliveries come in batches; one that was tried before comes alone, so that a poisonous one stands out, and lets
-- fresh ones go first for five seconds. The attempt is counted and the next one set before the work begins, so it
-- counts even when the process dies.
DROP FUNCTION IF EXISTS claim_deliveries(uuid, integer, bigint, integer);
CREATE FUNCTION claim_deliveries(
    p_token uuid, p_most integer, p_most_bytes bigint, p_lease_seconds integer)
RETURNS TABLE (organization_id uuid, id uuid, integration_id uuid, platform text, config jsonb, secrets jsonb,
               headers jsonb, query jsonb, body bytea, received_at timestamptz, attempts smallint, origin text,
               is_replay boolean, claimed_at timestamptz, has_breaker boolean,
               others_wait boolean)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    chosen uuid;
    are_others boolean;
BEGIN
    FOR chosen, are_others IN
        WITH RECURSIVE waiting (organization_id) AS (
            (SELECT d.organization_id FROM deliveries d WHERE d.status = 'pending'
             ORDER BY d.organization_id LIMIT 1)
            UNION ALL
            SELECT (SELECT d.organization_id FROM deliveries d
                    WHERE d.status = 'pending' AND d.organization_id > w.organization_id
                    ORDER BY d.organization_id LIMIT 1)
            FROM waiting w WHERE w.organization_id IS NOT NULL
        )
        SELECT w.organization_id, count(*) OVER () > 1
        FROM waiting w WHERE w.organization_id IS NOT NULL ORDER BY random()
    LOOP
        CONTINUE WHEN NOT pg_try_advisory_lock(hashtextextended('turn:' || chosen::text, 0));
        RETURN QUERY
        WITH due AS (
            SELECT d.id, d.attempts, d.received_at, octet_length(d.body) AS bytes,
                   d.attempts > 0 AND d.next_at > overwatch_now() - interval '5 seconds' AS gives_way
            FROM deliveries d
            WHERE d.organization_id = chosen AND d.status = 'pending' AND d.next_at <= overwatch_now()
            ORDER BY d.received_at, d.id LIMIT p_most
        ), placed AS MATERIALIZED (  -- with old statistics it would be computed anew for every delivery
            SELECT due.id,
                   row_number() OVER in_order AS place,
                   bool_or(due.attempts > 0) OVER in_order AS has_tried,
                   sum(due.bytes) OVER in_order AS bytes
            FROM due WINDOW in_order AS (ORDER BY due.gives_way, due.received_at, due.id)
        ), claimed AS (
            UPDATE deliveries d
            SET attempts = d.attempts + 1, lease_token = p_token, claimed_at = overwatch_now(),
                lease_until = overwatch_now() + make_interval(secs => p_lease_seconds),
                next_at = overwatch_now() + make_interval(secs => (power(2, least(d.attempts, 6)) - 1) * random())
            FROM placed
            WHERE d.organization_id = chosen AND d.id = placed.id
              AND (placed.place = 1 OR (NOT placed.has_tried AND placed.bytes <= p_most_bytes))
            RETURNING d.*
        )
        SELECT c.organization_id, c.id, c.integration_id, i.platform, i.config, i.secrets, c.headers, c.query, c.body,
               c.received_at, c.attempts, c.origin, c.replay_count > 0, c.claimed_at, EXISTS (
                   SELECT FROM breakers b
                   WHERE b.organization_id = c.organization_id AND b.integration_id = c.integration_id), are_others
        FROM claimed c
        JOIN integrations i ON i.organization_id = c.organization_id AND i.id = c.integration_id
        ORDER BY c.received_at, c.id;
        IF FOUND THEN
            RETURN;
        END IF;
        PERFORM pg_advisory_unlock(hashtextextended('turn:' || chosen::text, 0));
    END LOOP;
END $$;

-- heartbeats ---------------------------------------------------------------------------------------------------------

-- A ping knows the heartbeat's id and token only. One that is switched off is heard, but waits for nothing.
CREATE OR REPLACE FUNCTION hear_heartbeat(p_id uuid, p_token_hash bytea)
RETURNS TABLE (organization_id uuid, was_missing boolean, heard_at timestamptz)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE expected_heartbeats h
    SET last_ping_at = overwatch_now(), status = CASE WHEN h.enabled THEN 'alive' ELSE h.status END,
        due_at = overwatch_now() + make_interval(secs => h.interval_seconds + h.grace_seconds)
    FROM (SELECT e.organization_id, e.id, e.status FROM expected_heartbeats e
          WHERE e.id = p_id AND e.token_hash = p_token_hash FOR UPDATE) before
    WHERE h.organization_id = before.organization_id AND h.id = before.id
    RETURNING h.organization_id, before.status = 'missing', h.last_ping_at
$$;

-- Which organizations have a heartbeat that is overdue. After a sleep of the watch itself every heartbeat that seems
-- overdue gets its whole time again, because nobody could have heard it.
CREATE OR REPLACE FUNCTION find_silent_organizations(p_asleep_seconds integer) RETURNS SETOF uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    before timestamptz;
BEGIN
    SELECT looked_at INTO before FROM heartbeat_watch;
    IF before < clock_timestamp() - make_interval(secs => p_asleep_seconds / 6.0) THEN
        UPDATE heartbeat_watch SET looked_at = clock_timestamp();
    END IF;
    IF before < clock_timestamp() - make_interval(secs => p_asleep_seconds) THEN
        UPDATE expected_heartbeats h
        SET due_at = overwatch_now() + make_interval(secs => h.interval_seconds + h.grace_seconds)
        WHERE h.enabled AND h.status <> 'missing' AND h.due_at <= overwatch_now();
    END IF;
    RETURN QUERY
    SELECT DISTINCT h.organization_id FROM expected_heartbeats h
    WHERE h.enabled AND h.status <> 'missing' AND h.due_at <= overwatch_now();
END $$;

-- outbox -------------------------------------------------------------------------------------------------------------

-- The lock by which a worker holds the jobs that it has claimed, until it lets go of it or its connection ends.
CREATE OR REPLACE FUNCTION lock_of_lease(p_token uuid) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT hashtextextended('lease:' || p_token::text, 0)
$$;

CREATE OR REPLACE FUNCTION is_abandoned(p_token uuid) RETURNS boolean LANGUAGE sql VOLATILE AS $$
    SELECT CASE WHEN pg_try_advisory_lock(lock_of_lease(p_token))
                THEN pg_advisory_unlock(lock_of_lease(p_token)) ELSE false END
$$;

-- Jobs of these kinds that are due, from the organizations in turn: the oldest of each, then the second oldest of each,
-- so that whoever imports thousands of procedures keeps nobody else waiting. The organizations that have jobs are found
-- by going from one to the next in the index. Whoever `holds` what is claimed has the lock of the lease from then on, and
-- finds what others held that have died.
DROP FUNCTION IF EXISTS claim_jobs(text, uuid, integer, integer);
DROP FUNCTION IF EXISTS claim_jobs(text, text[], uuid, integer, integer);
CREATE OR REPLACE FUNCTION claim_jobs(
    p_lane text, p_kinds text[], p_token uuid, p_most integer, p_lease_seconds integer, p_holds boolean)
RETURNS TABLE (organization_id uuid, id uuid, kind text, subject_id uuid, attempts smallint, traceparent text)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH RECURSIVE waiting AS (
        (SELECT j.organization_id FROM jobs j WHERE j.lane = p_lane AND NOT j.is_dead ORDER BY 1 LIMIT 1)
        UNION ALL
        SELECT (SELECT j.organization_id FROM jobs j
                WHERE j.lane = p_lane AND NOT j.is_dead AND j.organization_id > w.organization_id ORDER BY 1 LIMIT 1)
        FROM waiting w WHERE w.organization_id IS NOT NULL
    ), queued AS (
        SELECT d.*, row_number() OVER (PARTITION BY d.organization_id ORDER BY d.next_at) AS place
        FROM waiting w, LATERAL (
            SELECT j.organization_id, j.id, j.next_at FROM jobs j
            WHERE j.lane = p_lane AND j.organization_id = w.organization_id AND j.kind = ANY (p_kinds) AND NOT j.is_dead
              AND CASE WHEN j.next_at <= overwatch_now() THEN true
                       WHEN p_holds AND j.lease_until > overwatch_now() THEN is_abandoned(j.lease_token) END
            ORDER BY j.next_at LIMIT p_most FOR UPDATE SKIP LOCKED) d
    )
    UPDATE jobs j
    SET attempts = j.attempts + 1,
        lease_token = CASE WHEN NOT p_holds OR pg_try_advisory_lock(lock_of_lease(p_token)) THEN p_token END,
        lease_until = overwatch_now() + make_interval(secs => p_lease_seconds),
        next_at = overwatch_now() + make_interval(secs => p_lease_seconds)
    FROM (SELECT q.organization_id, q.id FROM queued q ORDER BY q.place, q.next_at LIMIT p_most) due
    WHERE j.organization_id = due.organization_id AND j.id = due.id
    RETURNING j.organization_id, j.id, j.kind, j.subject_id, j.attempts, j.traceparent
$$;

-- housekeeping -------------------------------------------------------------------------------------------------------

-- Chores go through the organizations one by one; their ids are all that this tells.
CREATE OR REPLACE FUNCTION organization_ids() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT o.id FROM organizations o ORDER BY o.id
$$;

-- readiness ----------------------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION oldest_pending_seconds() RETURNS double precision
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    -- a replay waits since it was asked for, not since its delivery came
    SELECT coalesce(extract(epoch FROM overwatch_now() - min(greatest(d.received_at, d.next_at))), 0)
    FROM deliveries d WHERE d.status = 'pending'
$$;

-- metrics ------------------------------------------------------------------------------------------------------------

-- What /metrics tells: figures of the whole hub, never of an organization; read by indexes, or from tables that stay
-- small. A delivery that is being replayed waits since it was asked for.
CREATE OR REPLACE FUNCTION hub_figures() RETURNS TABLE (figure text, labels jsonb, value double precision)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT 'deliveries_last_minute', jsonb_build_object('platform', i.platform, 'outcome', d.status), count(*)
    FROM organizations o
    JOIN deliveries d ON d.organization_id = o.id AND d.received_at > overwatch_now() - interval '1 minute'
    JOIN integrations i ON i.organization_id = d.organization_id AND i.id = d.integration_id
    GROUP BY i.platform, d.status
    UNION ALL SELECT 'deliveries_pending', '{}', count(*) FROM deliveries d WHERE d.status = 'pending'
    UNION ALL SELECT 'oldest_pending_seconds', '{}', greatest(oldest_pending_seconds(), 0)
    UNION ALL
    SELECT unnest(ARRAY['lane_jobs_waiting', 'lane_jobs_dead', 'lane_lag_seconds']), jsonb_build_object('lane', l.lane),
           unnest(ARRAY[l.waiting, l.dead, greatest(l.lag, 0)])
    FROM (SELECT lane.name AS lane, count(*) FILTER (WHERE NOT j.is_dead)::double precision AS waiting,
                 count(*) FILTER (WHERE j.is_dead)::double precision AS dead,
                 coalesce(greatest(extract(epoch FROM overwatch_now() - min(j.next_at) FILTER (WHERE NOT j.is_dead)),
                     -- what waits in a table of its own
                     CASE lane.name
                         WHEN 'ingest' THEN oldest_pending_seconds()
                         WHEN 'notify' THEN (SELECT extract(epoch FROM overwatch_now() - min(d.next_at))
                                             FROM dispatches d WHERE d.status = 'pending')
                         WHEN 'poll' THEN (SELECT extract(epoch FROM overwatch_now() - min(p.next_at))
                                           FROM polls p JOIN integrations i ON i.organization_id = p.organization_id
                                           AND i.id = p.integration_id AND i.enabled AND i.deleted_at IS NULL)
                     END), 0)::double precision AS lag
          FROM unnest('{ingest,index,notify,poll,bulk}'::text[]) AS lane (name)
          LEFT JOIN jobs j ON j.lane = lane.name GROUP BY lane.name) l
    UNION ALL
    SELECT 'lane_workers', jsonb_build_object('lane', w.lane), count(*)
    FROM (SELECT unnest(h.lanes) AS lane FROM heartbeats h WHERE h.beat_at > now() - interval '15 seconds') w
    GROUP BY w.lane
    UNION ALL SELECT 'broker_messages_rejected', '{}', r.message_count FROM rejected_messages r
    UNION ALL SELECT 'mails_waiting', '{}', count(*) FROM mails m WHERE NOT m.is_dead
    UNION ALL SELECT 'mails_dead', '{}', count(*) FROM mails m WHERE m.is_dead
    UNION ALL
    SELECT 'breakers_open', jsonb_build_object('platform', i.platform), count(*)
    FROM breakers b JOIN integrations i ON i.organization_id = b.organization_id AND i.id = b.integration_id
    WHERE b.retry_at IS NOT NULL GROUP BY i.platform
    UNION ALL
    SELECT 'breakers', jsonb_build_object('platform', i.platform, 'state', i.state), count(*)
    FROM (SELECT i.platform, CASE WHEN b.retry_at IS NULL THEN 'closed' WHEN b.retry_at > overwatch_now() THEN 'open'
                                  ELSE 'half_open' END AS state
          FROM integrations i
          LEFT JOIN breakers b ON b.organization_id = i.organization_id AND b.integration_id = i.id
          WHERE i.enabled AND i.deleted_at IS NULL) i
    GROUP BY i.platform, i.state
    UNION ALL
    -- of a minute's deliveries: those that failed for good, and those that failed and will be tried again
    SELECT 'plugin_errors_last_minute', jsonb_build_object('platform', i.platform), count(*)
    FROM (SELECT d.organization_id, d.integration_id
          FROM organizations o
          JOIN deliveries d ON d.organization_id = o.id AND d.status = 'dead'
               AND d.finished_at > overwatch_now() - interval '1 minute'
          UNION ALL
          SELECT d.organization_id, d.integration_id FROM deliveries d
          WHERE d.status = 'pending' AND d.attempts > 0 AND d.reason IS NOT NULL) failed
    JOIN integrations i ON i.organization_id = failed.organization_id AND i.id = failed.integration_id
    GROUP BY i.platform
    UNION ALL
    SELECT unnest(ARRAY['plugin_delivery_seconds', 'plugin_delivery_seconds']),
           jsonb_build_object('platform', p.platform, 'statistic', unnest(ARRAY['median', 'p99'])), unnest(p.seconds)
    FROM (SELECT i.platform, percentile_cont('{0.5,0.99}'::double precision[]) WITHIN GROUP (
                     ORDER BY extract(epoch FROM d.finished_at - d.received_at)) AS seconds
          FROM organizations o
          JOIN deliveries d ON d.organization_id = o.id AND d.received_at > overwatch_now() - interval '1 minute'
               AND d.status <> 'pending'
          JOIN integrations i ON i.organization_id = d.organization_id AND i.id = d.integration_id
          GROUP BY i.platform) p
    UNION ALL
    SELECT 'embeddings_last_minute', '{}', count(*)
    FROM documents d JOIN chunks c ON c.organization_id = d.organization_id AND c.document_id = d.id
    WHERE d.indexed_at > overwatch_now() - interval '1 minute'
    UNION ALL
    SELECT 'notifications_last_minute', jsonb_build_object('platform', i.platform, 'outcome', d.status), count(*)
    FROM integrations i
    JOIN dispatches d ON d.organization_id = i.organization_id AND d.integration_id = i.id
         AND d.created_at > overwatch_now() - interval '1 minute'
    GROUP BY i.platform, d.status
    UNION ALL
    SELECT 'notifications_waiting', jsonb_build_object('platform', i.platform), count(*)
    FROM dispatches d
    JOIN integrations i ON i.organization_id = d.organization_id AND i.id = d.integration_id
    WHERE d.status = 'pending' GROUP BY i.platform
$$;

-- search -------------------------------------------------------------------------------------------------------------

-- What a search asks of a document besides its text; NULL asks nothing. Plain SQL, so the planner writes it out in place.
DROP FUNCTION IF EXISTS document_fits(documents, text[], text[], text[], text[], text[], timestamptz, timestamptz);
CREATE FUNCTION document_fits(
    d documents, p_kinds text[], p_services text[], p_severities text[], p_statuses text[], p_tags text[],
    p_created_after timestamptz, p_created_before timestamptz)
RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT d.kind = ANY (p_kinds)
       AND (p_services IS NULL OR d.services && p_services)
       AND (p_severities IS NULL OR d.severities && p_severities)
       AND (p_statuses IS NULL OR d.status = ANY (p_statuses))
       AND (p_tags IS NULL OR d.tags @> p_tags)
       AND (p_created_after IS NULL OR d.created_at >= p_created_after)
       AND (p_created_before IS NULL OR d.created_at < p_created_before)
$$;

-- Up to 4,000 chunks everything is looked at: an exact scan is as fast as an index there, and misses nothing; the indexes
-- hold other tenants too. Counted where the words are, so it may have been more than there are now.
DROP FUNCTION IF EXISTS had_many_chunks(uuid);
CREATE OR REPLACE FUNCTION had_many_chunks(p_tenant uuid, p_many integer) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM vocabularies v WHERE v.organization_id = p_tenant AND v.chunk_count + v.written > p_many)
$$;

-- The chunks of a large tenant that are the richest in some words, which can be looked for while the query's vector is
-- still being made. Text operators are not leakproof, so under the policy their index would be ignored; here the same
-- predicate stands written out, and the tenant is no argument: it is the transaction's. Words that are common after all
-- must not cost more than 3,000 chunks.
CREATE OR REPLACE FUNCTION search_words(p_query tsquery, p_most integer)
RETURNS TABLE (document_id uuid, ordinal integer)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    tenant uuid := nullif(current_setting('app.organization_id', true), '')::uuid;
BEGIN
    IF had_many_chunks(tenant, 4000) THEN
        RETURN QUERY
        SELECT c.document_id, c.ordinal
        FROM (SELECT c.document_id, c.ordinal, c.lexemes FROM chunks c
              WHERE c.organization_id = tenant AND c.lexemes @@ p_query LIMIT 3000) c
        ORDER BY ts_rank(c.lexemes, p_query, 1) DESC LIMIT p_most;
    END IF;
END $$;

-- The chunks worth ranking: nearest in meaning, richest in shared words (of a large tenant those that search_words gave,
-- p_documents and p_ordinals), and those of documents with one of the names or with evidence of their own (p_sources);
-- each with its cosine (null: another model's), its distinct lexemes counted, and ts_rank for each of p_lexemes alone,
-- which says how often it stands there. The tenant is the transaction's, as above.
-- Few documents, of a small tenant or left by a narrow filter, are all looked at: HNSW gives up long before it meets
-- them. All else goes by the indexes.
DROP FUNCTION IF EXISTS search_candidates(
    halfvec, text, tsquery, text[], uuid[], integer, text[], text[], text[], text[], text[], timestamptz, timestamptz);
CREATE OR REPLACE FUNCTION search_candidates(
    p_vector halfvec, p_model text, p_query tsquery, p_documents uuid[], p_ordinals integer[], p_lexemes tsquery[],
    p_names text[], p_sources uuid[], p_most integer, p_kinds text[], p_services text[], p_severities text[],
    p_statuses text[], p_tags text[], p_created_after timestamptz, p_created_before timestamptz)
RETURNS TABLE (document_id uuid, ordinal integer, kind text, source_id uuid, title text, said text, is_named boolean,
               cosine float8, length integer, ranks real[])
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = public, pg_temp SET jit = off
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_sort = off AS $$
DECLARE
    tenant uuid := nullif(current_setting('app.organization_id', true), '')::uuid;
    is_filtered boolean := cardinality(p_kinds) < 3 OR p_services IS NOT NULL OR p_severities IS NOT NULL
        OR p_statuses IS NOT NULL OR p_tags IS NOT NULL OR p_created_after IS NOT NULL OR p_created_before IS NOT NULL;
    -- of more than 20,000 four in five would have to be deleted before they are few, and the index still finds the nearest
    is_large boolean := had_many_chunks(tenant, 20000) OR had_many_chunks(tenant, 4000)
        AND EXISTS (SELECT FROM chunks c WHERE c.organization_id = tenant OFFSET 4000);
    documents_fitting uuid[];
    documents_found uuid[];
    ordinals_found integer[];
BEGIN
    IF is_filtered THEN
        -- which index there is for a filter depends on what is asked for, so this plan is made anew
        PERFORM set_config('plan_cache_mode', 'force_custom_plan', true);
        documents_fitting := ARRAY(
            SELECT d.id FROM documents d
            WHERE d.organization_id = tenant AND document_fits(
                d, p_kinds, p_services, p_severities, p_statuses, p_tags, p_created_after, p_created_before)
            LIMIT CASE WHEN is_large THEN 2001 END);
        PERFORM set_config('plan_cache_mode', 'force_generic_plan', true);
        is_large := is_large AND cardinality(documents_fitting) > 2000;
    END IF;
    IF is_large THEN
        PERFORM set_config('hnsw.ef_search', '400', true), set_config('hnsw.iterative_scan', 'relaxed_order', true);
        -- the filter stands in a subquery of its own, so that no plan begins with what it leaves of the documents
        SELECT array_agg(f.document_id), array_agg(f.ordinal) INTO documents_found, ordinals_found FROM (
            (SELECT c.document_id, c.ordinal FROM chunks c
             WHERE c.organization_id = tenant AND c.model = p_model AND (NOT is_filtered OR (
                 SELECT document_fits(
                     d, p_kinds, p_services, p_severities, p_statuses, p_tags, p_created_after, p_created_before)
                 FROM documents d WHERE d.organization_id = tenant AND d.id = c.document_id))
             ORDER BY c.embedding <=> p_vector LIMIT p_most)
            UNION ALL
            (SELECT w.document_id, w.ordinal FROM unnest(p_documents, p_ordinals) AS w (document_id, ordinal)
             WHERE NOT is_filtered OR (
                 SELECT document_fits(
                     d, p_kinds, p_services, p_severities, p_statuses, p_tags, p_created_after, p_created_before)
                 FROM documents d WHERE d.organization_id = tenant AND d.id = w.document_id)
             LIMIT p_most)) f;
    ELSE
        WITH looked_at AS MATERIALIZED (
            SELECT c.document_id, c.ordinal,
                   CASE WHEN c.model = p_model THEN c.embedding <=> p_vector END AS distance,
                   CASE WHEN c.lexemes @@ p_query THEN ts_rank(c.lexemes, p_query, 1) END AS shared
            FROM (SELECT * FROM chunks c WHERE NOT is_filtered AND c.organization_id = tenant
                  UNION ALL
                  SELECT c.* FROM unnest(documents_fitting) AS fitting (id)
                  JOIN chunks c ON c.organization_id = tenant AND c.document_id = fitting.id) c)
        SELECT array_agg(f.document_id), array_agg(f.ordinal) INTO documents_found, ordinals_found FROM (
            (SELECT l.document_id, l.ordinal FROM looked_at l
             WHERE l.distance IS NOT NULL ORDER BY l.distance LIMIT p_most)
            UNION ALL
            (SELECT l.document_id, l.ordinal FROM looked_at l
             WHERE l.shared IS NOT NULL ORDER BY l.shared DESC LIMIT p_most)) f;
    END IF;
    RETURN QUERY
    WITH named AS (
        SELECT d.id FROM documents d
        WHERE d.organization_id = tenant AND d.id IN (
              SELECT n.id FROM documents n WHERE n.organization_id = tenant AND n.names && p_names
              UNION ALL
              SELECT n.id FROM documents n
              WHERE n.organization_id = tenant AND n.kind = ANY (p_kinds) AND n.source_id = ANY (p_sources))
          AND document_fits(d, p_kinds, p_services, p_severities, p_statuses, p_tags, p_created_after, p_created_before)
        ORDER BY d.source_id = ANY (p_sources) DESC, d.kind = 'procedures' DESC, d.created_at DESC, d.id
        LIMIT p_most / 4),
    found AS MATERIALIZED (
        SELECT * FROM unnest(documents_found, ordinals_found) AS f (document_id, ordinal)
        UNION
        SELECT named.id, first.ordinal FROM named, generate_series(0, 3) AS first (ordinal))
    SELECT c.document_id, c.ordinal, d.kind, d.source_id, d.title, left(c.text, 1000), d.names && p_names,
           CASE WHEN c.model = p_model THEN 1 - (c.embedding <=> p_vector) END, length(c.lexemes),
           ARRAY(SELECT ts_rank('{1, 1, 1, 1}', c.lexemes, lexeme) FROM unnest(p_lexemes) AS lexeme)
    FROM found f
    JOIN chunks c ON c.organization_id = tenant AND c.document_id = f.document_id AND c.ordinal = f.ordinal
    JOIN documents d ON d.organization_id = tenant AND d.id = f.document_id
    WHERE document_fits(d, p_kinds, p_services, p_severities, p_statuses, p_tags, p_created_after, p_created_before);
END $$;

-- The titles that a few words begin to spell, for type-ahead; of very many, some.
CREATE OR REPLACE FUNCTION documents_titled(p_query tsquery, p_most integer)
RETURNS TABLE (kind text, source_id uuid, title text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT d.kind, d.source_id, d.title FROM documents d
    WHERE d.organization_id = nullif(current_setting('app.organization_id', true), '')::uuid
      AND words_of(d.title) @@ p_query
    LIMIT p_most
$$;

-- lists --------------------------------------------------------------------------------------------------------------

-- The plain text of a list's q. Text search operators are not leakproof: under the policy their indexes would be
-- ignored; the tenant is no argument, it is the transaction's.
CREATE OR REPLACE FUNCTION incidents_saying(p_query tsquery) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER ROWS 10000
SET search_path = public, pg_temp SET enable_seqscan = off SET enable_indexscan = off AS $$
    SELECT i.id FROM incidents i
    WHERE i.organization_id = nullif(current_setting('app.organization_id', true), '')::uuid
      AND words_of(i.title, i.service, i.description) @@ p_query
$$;

CREATE OR REPLACE FUNCTION alerts_saying(p_query tsquery) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER ROWS 10000
SET search_path = public, pg_temp SET enable_seqscan = off SET enable_indexscan = off AS $$
    SELECT a.id FROM alerts a
    WHERE a.organization_id = nullif(current_setting('app.organization_id', true), '')::uuid
      AND words_of(a.title, a.service, a.resource) @@ p_query
$$;

-- suggestions --------------------------------------------------------------------------------------------------------

-- What was suggested when the incident opened, as whoever is told of it hears it; the wall lets nobody ask of others'.
CREATE OR REPLACE FUNCTION suggestions_of(p_organization_id uuid, p_incident_id uuid) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce(jsonb_agg(
        jsonb_strip_nulls(jsonb_build_object(
            'type', CASE s.kind WHEN 'procedures' THEN 'procedure' ELSE 'incident' END,
            'id', CASE s.kind WHEN 'procedures' THEN 'proc_' ELSE 'inc_' END || replace(s.source_id::text, '-', ''),
            'title', s.title, 'confidence', round(s.confidence::numeric, 4),
            'label', CASE WHEN s.is_explicit THEN 'evidence' ELSE 'suggestion' END,
            'resolution', left(i.resolution ->> 'summary', 300)))
        ORDER BY s.kind = 'procedures' DESC, s.place), '[]')
    FROM suggestions s
    LEFT JOIN incidents i ON i.organization_id = s.organization_id AND i.id = s.source_id AND s.kind <> 'procedures'
    WHERE s.organization_id = p_organization_id AND s.incident_id = p_incident_id
$$;

-- Whether what is told of a new incident should wait for its suggestions: a moment, and no longer than three seconds.
CREATE OR REPLACE FUNCTION awaits_suggestions(p_organization_id uuid, p_incident_id uuid, p_since timestamptz)
RETURNS boolean LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT p_since > overwatch_now() - interval '3 seconds' AND EXISTS (
        SELECT FROM jobs j
        WHERE j.organization_id = p_organization_id AND j.subject_id = p_incident_id AND j.lane = 'index'
          AND j.kind IN ('incident', 'suggest') AND NOT j.is_dead)
$$;

-- outbound -----------------------------------------------------------------------------------------------------------

-- Of each integration the oldest change that is due, and of each incident never a later one before an earlier one; so a
-- receiver that hangs holds up itself. The next attempt is set before the work begins.
CREATE OR REPLACE FUNCTION claim_dispatches(p_token uuid, p_most integer, p_lease_seconds integer)
RETURNS TABLE (organization_id uuid, id uuid, integration_id uuid, platform text, config jsonb, secrets jsonb,
               kind text, incident jsonb, attempts smallint, previous_secrets jsonb, reference text, alerts text[])
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH due AS (
        SELECT DISTINCT ON (d.organization_id, d.integration_id) d.organization_id, d.id
        FROM dispatches d
        JOIN integrations i ON i.organization_id = d.organization_id AND i.id = d.integration_id
        WHERE d.status = 'pending' AND d.next_at <= overwatch_now()
          AND i.enabled AND i.deleted_at IS NULL AND i.notify_disabled_at IS NULL
          AND NOT (d.kind = 'incident.opened' AND awaits_suggestions(d.organization_id, d.incident_id, d.created_at))
          AND NOT EXISTS (
              SELECT FROM dispatches e
              WHERE e.organization_id = d.organization_id AND e.integration_id = d.integration_id
                AND e.incident_id = d.incident_id AND e.status = 'pending' AND e.number < d.number)
        ORDER BY d.organization_id, d.integration_id, d.number
    ), claimed AS (
        UPDATE dispatches d
        SET attempts = d.attempts + 1, lease_token = p_token,
            next_at = overwatch_now() + make_interval(secs => p_lease_seconds)
        FROM (SELECT * FROM due ORDER BY random() LIMIT p_most) chosen
        WHERE d.organization_id = chosen.organization_id AND d.id = chosen.id
          AND d.status = 'pending' AND d.next_at <= overwatch_now()
        RETURNING d.*
    )
    SELECT c.organization_id, c.id, c.integration_id, i.platform, i.config, i.secrets, c.kind,
           CASE WHEN c.kind <> 'incident.opened' THEN c.incident ELSE c.incident
                || jsonb_build_object('suggestions', suggestions_of(c.organization_id, c.incident_id)) END, c.attempts,
           CASE WHEN i.previous_until > overwatch_now() THEN i.previous_secrets ELSE '{}' END,
           coalesce((SELECT e.reference FROM dispatches e
                     WHERE e.organization_id = c.organization_id AND e.integration_id = c.integration_id
                       AND e.incident_id = c.incident_id AND e.status = 'sent' AND e.reference <> ''
                     ORDER BY e.number LIMIT 1), ''),
           ARRAY(SELECT a.dedup_key FROM alerts a
                 WHERE a.organization_id = c.organization_id AND a.incident_id = c.incident_id
                   AND a.integration_id = c.integration_id
                 ORDER BY a.started_at, a.id LIMIT 50)
    FROM claimed c
    JOIN integrations i ON i.organization_id = c.organization_id AND i.id = c.integration_id
$$;

-- polling ------------------------------------------------------------------------------------------------------------

-- Integrations of these platforms that are due to be asked. The next time is set before the work begins.
CREATE OR REPLACE FUNCTION claim_polls(p_platforms text[], p_token uuid, p_most integer, p_lease_seconds integer)
RETURNS TABLE (organization_id uuid, integration_id uuid, platform text, config jsonb, secrets jsonb, cursor jsonb,
               failure_count integer)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH claimed AS (
        INSERT INTO polls AS p (organization_id, integration_id, lease_token, next_at)
        SELECT i.organization_id, i.id, p_token, overwatch_now() + make_interval(secs => p_lease_seconds)
        FROM integrations i
        LEFT JOIN polls q ON q.organization_id = i.organization_id AND q.integration_id = i.id
        WHERE i.platform = ANY (p_platforms) AND i.enabled AND i.deleted_at IS NULL
          AND coalesce(q.next_at, '-infinity') <= overwatch_now()
        ORDER BY random() LIMIT p_most
        ON CONFLICT (organization_id, integration_id) DO UPDATE
            SET lease_token = excluded.lease_token, next_at = excluded.next_at
            WHERE p.next_at <= overwatch_now()
        RETURNING p.*
    )
    SELECT c.organization_id, c.integration_id, i.platform, i.config, i.secrets, c.cursor, c.failure_count
    FROM claimed c
    JOIN integrations i ON i.organization_id = c.organization_id AND i.id = c.integration_id
$$;

-- drop-in endpoints --------------------------------------------------------------------------------------------------

-- Their senders name no integration: its token finds it.
CREATE OR REPLACE FUNCTION find_integration_by_token(p_platform text, p_token_hash bytea)
RETURNS TABLE (organization_id uuid, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT i.organization_id, i.id FROM integrations i
    WHERE (i.token_hash = p_token_hash
           OR (i.previous_token_hash = p_token_hash AND i.previous_until > overwatch_now()))
      AND i.platform = p_platform AND i.enabled AND i.deleted_at IS NULL
$$;

-- The functions above answer the runtime role and nobody else.
DO $$
DECLARE
    definer regprocedure;
BEGIN
    FOR definer IN SELECT p.oid::regprocedure FROM pg_proc p
                   WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', definer);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO overwatch_app', definer);
    END LOOP;
END $$;
