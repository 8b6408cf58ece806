-- The end of an emergency is told to contacts although the account of its owner was deleted since.

-- Of a deleted account: its names, language and time zone, until its contacts were told of the end.
ALTER TABLE contact_review
    ADD COLUMN owner_first_name text,
    ADD COLUMN owner_last_name text,
    ADD COLUMN owner_locale text,
    ADD COLUMN owner_zone text;

-- As version 1 (0028), and contacts who were told of an emergency are told of its end, by the name that they know.
CREATE FUNCTION delete_account_v2(_user uuid, _former uuid, _records uuid[], _at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    alerted uuid[] := alerts_of_account_v1(_user);
BEGIN
    PERFORM FROM response r JOIN emergency e ON e.id = r.emergency_id
    WHERE r.helper_id = _user AND r.status <> 'cancelled' AND e.status IN ('active', 'responding');
    IF FOUND THEN
        RAISE EXCEPTION 'the account has responses' USING ERRCODE = 'AN001';
    END IF;

    -- Blocked, so that it is neither on duty nor logged in. Its email is none.
    INSERT INTO account (id, email, password_hash, first_name, last_name, role, blocked, created_at, former_email_hash, deleted_at)
    SELECT _former, _former::text, '', 'Former', 'user', 'user', true, _at, email_hash_v1(a.email), _at
    FROM account a WHERE a.id = _user;
    UPDATE account SET successor_id = NULL WHERE successor_id = _user;

    -- What was decided on the emergency before is stale.
    UPDATE emergency SET owner_id = CASE WHEN owner_id = _user THEN _former ELSE owner_id END,
        request_id = CASE WHEN owner_id = _user THEN NULL ELSE request_id END,
        ended_by = CASE WHEN ended_by = _user THEN _former ELSE ended_by END, revision = revision + 1
    WHERE id = ANY (_records);
    UPDATE response SET helper_id = _former WHERE helper_id = _user AND emergency_id = ANY (_records);
    UPDATE alert SET helper_id = _former WHERE helper_id = _user AND emergency_id = ANY (alerted);
    UPDATE message SET sender_id = _former WHERE sender_id = _user;
    UPDATE message SET recipient_id = _former WHERE recipient_id = _user;
    DELETE FROM message_request WHERE emergency_id = ANY (_records) AND sender_id = _user;
    UPDATE rating SET helper_id = _former WHERE helper_id = _user;
    UPDATE report SET reporter_id = _former WHERE reporter_id = _user;
    UPDATE report SET about_id = _former WHERE about_id = _user;
    DELETE FROM reputation_gain WHERE helper_id = _user;
    UPDATE reputation_gain SET owner_id = _former WHERE owner_id = _user;
    UPDATE deleted_emergency SET owner_id = _former, request_id = NULL WHERE owner_id = _user;
    DELETE FROM ring WHERE owner_id = _user;
    DELETE FROM ring WHERE helper_id = _user;
    -- Blocks of others wait for a new account of the email.
    UPDATE user_block SET blocked_id = NULL WHERE blocked_id = _user;
    UPDATE contact_consent k SET account_id = _former
    WHERE k.account_id = _user AND k.confirmed_at IS NOT NULL AND EXISTS (
        SELECT FROM contact_notice n WHERE n.consent_id = k.id AND (n.told <> 'ended' OR n.queued IS NOT NULL));
    UPDATE contact_review r SET owner_id = _former, owner_first_name = a.first_name, owner_last_name = a.last_name,
        owner_locale = a.locale, owner_zone = a.alert_preferences ->> 'zone'
    FROM account a
    WHERE a.id = _user AND r.owner_id = _user AND EXISTS (
        SELECT FROM contact_notice n JOIN contact_consent k ON k.id = n.consent_id
        WHERE n.emergency_id = r.emergency_id AND k.account_id = _former);
    INSERT INTO account_erasure (user_id, former_id, deleted_at) VALUES (_user, _former, _at);
    DELETE FROM account WHERE id = _user;
END $$;

-- The emergencies with an event that an administrator caused, though no other record of it names them. Reads the whole log: of other
-- users the records are enough.
CREATE FUNCTION administered_by_v1(_user uuid) RETURNS uuid[] LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM account a WHERE a.id = _user AND a.role = 'admin') THEN
        RETURN '{}';
    END IF;
    RETURN ARRAY (SELECT DISTINCT e.emergency_id FROM event e WHERE e.actor_id = _user AND e.emergency_id IS NOT NULL);
END $$;
