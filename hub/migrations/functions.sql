-- What must look across organizations: a small reviewed set, laid anew after every migration. Each is owned by
-- overwatch_owner, pins its search_path, and returns the least that its caller needs.

-- accounts -----------------------------------------------------------------------------------------------------------

-- Login knows an e-mail address only.
CREATE OR REPLACE FUNCTION find_login(p_email text)
RETURNS TABLE (organization_id uuid, user_id uuid, password_hash text, status text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT u.organization_id, u.id, u.password_hash, u.status FROM users u WHERE lower(u.email) = lower(p_email)
$$;

-- Every request asks: does the session still stand, and is its user still active?
CREATE OR REPLACE FUNCTION find_session(p_session_id uuid)
RETURNS TABLE (organization_id uuid, user_id uuid, role text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT u.organization_id, u.id, u.role
    FROM sessions s JOIN users u ON u.organization_id = s.organization_id AND u.id = s.user_id
    WHERE s.id = p_session_id AND s.revoked_at IS NULL AND s.expires_at > overwatch_now() AND u.status = 'active'
$$;

-- The first organization of a self-hosted hub gets the plan without limits.
CREATE OR REPLACE FUNCTION is_first_organization() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT NOT EXISTS (SELECT FROM organizations)
$$;

-- deliveries ---------------------------------------------------------------------------------------------------------

-- A signature is checked before the delivery is stored, and for that the secret must be known.
CREATE OR REPLACE FUNCTION find_signed_integration(p_integration_id uuid, p_platform text)
RETURNS TABLE (organization_id uuid, config jsonb, secrets jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT i.organization_id, i.config, i.secrets FROM integrations i
    WHERE i.id = p_integration_id AND i.platform = p_platform AND i.is_signed AND i.enabled AND i.deleted_at IS NULL
$$;

-- Proof, duplicate check and commit of one webhook in ONE statement. Without a key every delivery is stored; p_recent
-- is the key that the same body had in the window before, which would otherwise slip through at a window's edge.
-- Outcomes: accepted, duplicate (with the id of the first), unknown, wrong_platform, untrusted.
CREATE OR REPLACE FUNCTION accept_delivery(
    p_id uuid, p_integration_id uuid, p_platform text, p_token_hash bytea, p_is_verified boolean,
    p_key text, p_recent_key text, p_recent_seconds integer, p_headers jsonb, p_query jsonb, p_body bytea)
RETURNS TABLE (outcome text, delivery_id uuid)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    found_integration record;
    first_id uuid;
BEGIN
    SELECT i.organization_id, i.platform, i.token_hash, i.is_signed INTO found_integration
    FROM integrations i WHERE i.id = p_integration_id AND i.enabled AND i.deleted_at IS NULL;
    IF NOT FOUND THEN
        RETURN QUERY SELECT 'unknown', NULL::uuid; RETURN;
    END IF;
    IF found_integration.platform <> p_platform THEN
        RETURN QUERY SELECT 'wrong_platform', NULL::uuid; RETURN;
    END IF;
    IF NOT (p_is_verified OR (NOT found_integration.is_signed AND found_integration.token_hash = p_token_hash)) THEN
        RETURN QUERY SELECT 'untrusted', NULL::uuid; RETURN;
    END IF;
    IF p_recent_key IS NOT NULL THEN
        SELECT d.id INTO first_id FROM deliveries d
        WHERE d.organization_id = found_integration.organization_id AND d.integration_id = p_integration_id
          AND d.delivery_key = p_recent_key AND d.received_at > overwatch_now() - make_interval(secs => p_recent_seconds);
        IF FOUND THEN
            RETURN QUERY SELECT 'duplicate', first_id; RETURN;
        END IF;
    END IF;
    INSERT INTO deliveries (organization_id, id, integration_id, delivery_key, headers, query, body)
    VALUES (found_integration.organization_id, p_id, p_integration_id, p_key, p_headers, p_query, p_body)
    ON CONFLICT (organization_id, integration_id, delivery_key) DO NOTHING;
    IF FOUND THEN
        RETURN QUERY SELECT 'accepted', p_id; RETURN;
    END IF;
    RETURN QUERY SELECT 'duplicate', d.id FROM deliveries d
    WHERE d.organization_id = found_integration.organization_id AND d.integration_id = p_integration_id
      AND d.delivery_key = p_key;
END $$;

-- The turn of one organization: whoever holds its advisory lock works on its deliveries, alone and in their order, on
-- the connection that holds the lock; a killed worker's connection closes and gives the turn back at once. Turns are
-- drawn by lot among the organizations that wait, so a herd of one delays another by a batch, not by the herd.
-- Fresh deliveries come in batches; one that was tried before comes alone, so that a poisonous one stands out. The
-- attempt is counted and the next one set before the work begins, so it counts even when the process dies.
CREATE OR REPLACE FUNCTION claim_deliveries(
    p_token uuid, p_most integer, p_most_bytes bigint, p_lease_seconds integer)
RETURNS TABLE (organization_id uuid, id uuid, integration_id uuid, platform text, config jsonb, secrets jsonb,
               headers jsonb, query jsonb, body bytea, received_at timestamptz, attempts smallint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    chosen uuid;
BEGIN
    FOR chosen IN
        WITH RECURSIVE waiting (organization_id) AS (
            (SELECT d.organization_id FROM deliveries d WHERE d.status = 'pending'
             ORDER BY d.organization_id LIMIT 1)
            UNION ALL
            SELECT (SELECT d.organization_id FROM deliveries d
                    WHERE d.status = 'pending' AND d.organization_id > w.organization_id
                    ORDER BY d.organization_id LIMIT 1)
            FROM waiting w WHERE w.organization_id IS NOT NULL
        )
        SELECT w.organization_id FROM waiting w WHERE w.organization_id IS NOT NULL ORDER BY random()
    LOOP
        CONTINUE WHEN NOT pg_try_advisory_lock(hashtextextended('turn:' || chosen::text, 0));
        RETURN QUERY
        WITH due AS (
            SELECT d.id, d.attempts, d.received_at, octet_length(d.body) AS bytes
            FROM deliveries d
            WHERE d.organization_id = chosen AND d.status = 'pending' AND d.next_at <= overwatch_now()
            ORDER BY d.received_at, d.id LIMIT p_most
        ), placed AS (
            SELECT due.id, due.attempts,
                   row_number() OVER in_order AS place,
                   bool_or(due.attempts > 0) OVER in_order AS has_tried,
                   sum(due.bytes) OVER in_order AS bytes
            FROM due WINDOW in_order AS (ORDER BY due.received_at, due.id)
        ), claimed AS (
            UPDATE deliveries d
            SET attempts = d.attempts + 1, lease_token = p_token,
                lease_until = overwatch_now() + make_interval(secs => p_lease_seconds),
                next_at = overwatch_now() + make_interval(secs => (power(2, least(d.attempts, 6)) - 1) * random())
            FROM placed
            WHERE d.organization_id = chosen AND d.id = placed.id
              AND (placed.place = 1 OR (NOT placed.has_tried AND placed.bytes <= p_most_bytes))
            RETURNING d.*
        )
        SELECT c.organization_id, c.id, c.integration_id, i.platform, i.config, i.secrets, c.headers, c.query, c.body,
               c.received_at, c.attempts
        FROM claimed c
        JOIN integrations i ON i.organization_id = c.organization_id AND i.id = c.integration_id
        ORDER BY c.received_at, c.id;
        IF FOUND THEN
            RETURN;
        END IF;
        PERFORM pg_advisory_unlock(hashtextextended('turn:' || chosen::text, 0));
    END LOOP;
END $$;

-- outbox -------------------------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION claim_jobs(p_lane text, p_token uuid, p_most integer, p_lease_seconds integer)
RETURNS TABLE (organization_id uuid, id uuid, kind text, subject_id uuid, attempts smallint)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE jobs j
    SET attempts = j.attempts + 1, lease_token = p_token,
        lease_until = overwatch_now() + make_interval(secs => p_lease_seconds),
        next_at = overwatch_now() + make_interval(secs => p_lease_seconds)
    FROM (SELECT d.organization_id, d.id FROM jobs d
          WHERE d.lane = p_lane AND NOT d.is_dead AND d.next_at <= overwatch_now()
          ORDER BY d.next_at LIMIT p_most FOR UPDATE SKIP LOCKED) due
    WHERE j.organization_id = due.organization_id AND j.id = due.id
    RETURNING j.organization_id, j.id, j.kind, j.subject_id, j.attempts
$$;

-- readiness ----------------------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION oldest_pending_seconds() RETURNS double precision
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(extract(epoch FROM overwatch_now() - min(d.received_at)), 0)
    FROM deliveries d WHERE d.status = 'pending'
$$;

-- search -------------------------------------------------------------------------------------------------------------

-- Full-text search is not leakproof, so under the policy its index would be ignored; here the same predicate stands
-- written out, and the tenant is no argument: it is the transaction's.
CREATE OR REPLACE FUNCTION search_text(p_query tsquery, p_kinds text[], p_most integer)
RETURNS TABLE (document_id uuid, ordinal integer, rank real)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT c.document_id, c.ordinal, ts_rank(c.lexemes, p_query, 1) AS rank
    FROM chunks c
    JOIN documents d ON d.organization_id = c.organization_id AND d.id = c.document_id AND d.kind = ANY (p_kinds)
    WHERE c.organization_id = nullif(current_setting('app.organization_id', true), '')::uuid
      AND c.lexemes @@ p_query
    ORDER BY rank DESC LIMIT p_most
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
