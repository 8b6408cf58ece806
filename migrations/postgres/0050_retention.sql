-- Records are kept for a while only: see `docs/retention.md`.

-- When the place was replaced by the centre of its cell and the texts were removed.
ALTER TABLE emergency ADD COLUMN thinned_at timestamptz;

-- Ends the retention of reports about accounts that were deleted before `_before`, of at most `_limit` accounts, unless one of them
-- is younger: a new account of the email has nothing to do with them any more. A row to which nothing refers any more is deleted. Returns the number of accounts.
CREATE FUNCTION forget_former_users_v1(_before timestamptz, _limit integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    former uuid;
    forgotten bigint := 0;
BEGIN
    FOR former IN
        SELECT a.id FROM account a WHERE a.former_email_hash IS NOT NULL AND a.deleted_at < _before
            AND NOT EXISTS (SELECT FROM report r WHERE r.about_id = a.id AND r.created_at >= _before)
        ORDER BY a.deleted_at LIMIT _limit FOR UPDATE SKIP LOCKED
    LOOP
        DELETE FROM report r WHERE r.about_id = former;
        IF EXISTS (SELECT FROM emergency e WHERE e.owner_id = former)
            OR EXISTS (SELECT FROM emergency e WHERE e.ended_by = former)
            OR EXISTS (SELECT FROM response r WHERE r.helper_id = former)
            OR alerts_of_account_v1(former) <> '{}'
            OR EXISTS (SELECT FROM message m WHERE m.sender_id = former)
            OR EXISTS (SELECT FROM message m WHERE m.recipient_id = former)
            OR EXISTS (SELECT FROM rating r WHERE r.helper_id = former)
            OR EXISTS (SELECT FROM report r WHERE r.reporter_id = former)
            OR EXISTS (SELECT FROM reputation_gain g WHERE g.owner_id = former)
            OR EXISTS (SELECT FROM deleted_emergency d WHERE d.owner_id = former)
            OR EXISTS (SELECT FROM contact_review c WHERE c.owner_id = former)
            OR EXISTS (SELECT FROM account_erasure x WHERE x.former_id = former)
        THEN
            UPDATE account a SET former_email_hash = NULL, successor_id = NULL WHERE a.id = former;
        ELSE
            DELETE FROM account a WHERE a.id = former;
        END IF;
        forgotten := forgotten + 1;
    END LOOP;
    RETURN forgotten;
END $$;

-- Thins the emergencies that ended before `_before`: see the port `Retention`. Returns whether their messages are gone, without which
-- nothing else is done.
CREATE FUNCTION thin_emergencies_v1(
    _ids uuid[], _latitudes double precision[], _longitudes double precision[], _before timestamptz, _at timestamptz, _limit integer
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    -- In the order of every change. One that is being changed is left to a later call.
    due CONSTANT uuid[] := ARRAY (
        SELECT e.id FROM emergency e WHERE e.id = ANY (_ids) AND e.thinned_at IS NULL AND e.ended_at < _before
            AND NOT EXISTS (SELECT FROM report r WHERE r.emergency_id = e.id HAVING min(r.created_at) >= _before)
        ORDER BY e.id FOR NO KEY UPDATE SKIP LOCKED);
    removed integer;
BEGIN
    DELETE FROM message WHERE id = ANY (ARRAY (SELECT m.id FROM message m WHERE m.emergency_id = ANY (due) LIMIT _limit));
    GET DIAGNOSTICS removed = ROW_COUNT;
    IF removed >= _limit THEN
        RETURN false;
    END IF;
    -- What was decided on the emergency before is stale.
    UPDATE emergency e SET latitude = g.latitude, longitude = g.longitude, category = NULL, description = NULL, address = NULL,
        place_description = NULL, ending_notes = NULL, movement = NULL,
        search = (coalesce(e.search, '{}') - 'unavailable_boxes') || '{"is_thinned": true}', thinned_at = _at,
        revision = e.revision + 1
    FROM unnest(_ids, _latitudes, _longitudes) AS g (id, latitude, longitude) WHERE e.id = g.id AND e.id = ANY (due);
    -- A box that a helper brought or took along tells where the place was.
    UPDATE response SET notes = NULL,
        dispatch = (dispatch #- '{assignment,resource}') #- '{suspended_role,resource}' #- '{taken_box}'
    WHERE emergency_id = ANY (due) AND (notes IS NOT NULL OR dispatch IS NOT NULL);
    UPDATE rating SET comment = NULL WHERE emergency_id = ANY (due) AND comment IS NOT NULL;
    DELETE FROM alert_receipt WHERE emergency_id = ANY (due);
    -- Events are erased as those of deleted emergencies: most are gone before.
    INSERT INTO erasure (emergency_id, deleted_at)
    SELECT d, _at FROM unnest(due) AS d WHERE EXISTS (SELECT FROM event v WHERE v.emergency_id = d) ORDER BY d
    ON CONFLICT ON CONSTRAINT erasure_pkey DO NOTHING;
    RETURN true;
END $$;

-- A rating may be decided before its emergency is thinned and stored afterwards, and nodes of the release before know nothing of it.
CREATE FUNCTION drop_comment_of_thinned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Waits for a transaction that thins it.
    IF (SELECT e.thinned_at FROM emergency e WHERE e.id = NEW.emergency_id FOR SHARE) IS NOT NULL THEN
        NEW.comment := NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER rating_of_thinned BEFORE INSERT ON rating
    FOR EACH ROW WHEN (NEW.comment IS NOT NULL) EXECUTE FUNCTION drop_comment_of_thinned();
