-- Commits a whole change in one statement, and so in one round trip and one transaction.
--
-- `change` is what crates/postgres/src/writes.rs makes: {at, emergencies, writes, events, sends}. Each write has a key `op`, all
-- its other keys are named like the columns that they go to. A missing, unknown or misspelt key is refused (AN002), so
-- that it never becomes a NULL. All times come from the change, none from the clock of the database.
--
-- Errors of its own: AN001, what the change was decided on is no longer so; AN002, the change cannot be read; AN003, the
-- account may not help.
--
-- The name bears the version. A release that has to change it adds the next version in a new migration and leaves this
-- one to nodes of the release before, which go on calling it during an upgrade.
--
-- PL/pgSQL, because it keeps the plans of its statements for the life of a connection.
CREATE FUNCTION apply_change_v3(change jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    change_keys CONSTANT text[] := '{at,emergencies,writes,events,sends}';
    event_keys CONSTANT text[] := '{at,emergency_id,actor_id,kind,body}';
    send_keys CONSTANT text[] := '{kind,purpose,user_id,emergency_id,emergency_kind,event,distance,device_id,repeats,expires_at,unless_since}';
    delivery_keys CONSTANT text[] := '{id,channel,device_id,receipt_hash,lease_until}';
    note_keys CONSTANT text[] := '{id,lease_until,user_id,alert_of,sent,due_at,attempts,device_id,refused,unknown_since,gone}';
    notice_keys CONSTANT text[] := '{id,mail_id,consent_id,contact_id,queued,told,turn_at}';
    response_keys CONSTANT text[] := '{helper_id,status,notes,estimated_arrival,responded_at,updated_at,engaged,counts_until,cancellations,repeats,repeats_since,came_near,reopened,end_undone,dispatch}';
    recipient_keys CONSTANT text[] := '{helper,distance}';
    decided_at timestamptz := change ->> 'at';
    locked uuid[] := ARRAY (SELECT e::uuid FROM jsonb_array_elements_text(change -> 'emergencies') AS e);
    -- Acknowledgements that changed nothing, as `emergency/helper`.
    unchanged text[] := '{}';
    -- Helpers whose acknowledgement was their first of an alert.
    acknowledged uuid[] := '{}';
    -- The same for alerts that were seen.
    unseen text[] := '{}';
    -- The numbers of the events, in their order.
    numbers bigint[];
    w jsonb;
    note jsonb;
    note_is_current boolean;
    write_keys text[];
    -- The emergency and the account that a write is about.
    target uuid;
    person uuid;
    known_wave integer;
    owner uuid;
    new_wave integer;
    new_account account;
    new_emergency emergency;
    -- A row of user_block, which a later migration makes.
    new_block record;
    -- A row of device, which a later migration makes, too.
    new_device record;
    locked_rows uuid[];
    ended_blocks uuid[];
    removed integer;
BEGIN
    IF NOT change ?& change_keys OR change - change_keys <> '{}'
        OR EXISTS (SELECT FROM jsonb_array_elements(change -> 'events') AS e
                   WHERE NOT e ?& event_keys OR e - event_keys <> '{}')
        OR EXISTS (SELECT FROM jsonb_array_elements(change -> 'sends') AS s
                   WHERE NOT s ?& send_keys OR s - send_keys <> '{}')
    THEN
        RAISE EXCEPTION 'apply_change_v3: unexpected keys of a change, an event or a message' USING ERRCODE = 'AN002';
    END IF;

    -- Three orders matter. The transaction id comes before the first event number, or a reader of the log could pass an
    -- event that is still being committed. The emergencies are locked before that number is drawn, so that the numbers
    -- of one emergency's events follow the order of commits; and in the order of their ids, so that two changes do not
    -- wait for each other. And events come last, so that a change which breaks a rule draws no number, and leaves no gap
    -- for readers to wait at.
    PERFORM pg_current_xact_id();
    -- By an array, for which there is one plan, and a cheap one.
    PERFORM FROM emergency WHERE id = ANY (locked) ORDER BY id FOR NO KEY UPDATE;

    FOR w IN SELECT value FROM jsonb_array_elements(change -> 'writes') WITH ORDINALITY ORDER BY ordinality LOOP
        -- The first cast makes all of them constants of that type, which are not parsed again for each write.
        write_keys := CASE w ->> 'op'
            WHEN 'register_account' THEN '{op,id,email,password_hash,first_name,last_name,phone,avatar,bio,locale,role,blocked,verification,available,skills,trust_score,rating_sum,rating_count,created_at}'::text[]
            WHEN 'open_session' THEN '{op,id,account_id,confirmed_token,created_at}'
            WHEN 'record_login' THEN '{op,account_id,account_hash,address_hash,known_since,max_addresses}'
            WHEN 'revoke_sessions' THEN '{op,account_id,only,except}'
            WHEN 'register_device' THEN '{op,id,account_id,session_id,name,endpoint,p256dh,auth,push_key,created_at,last_sent_at,last_delivered_at,refused,replaced,max_devices}'
            WHEN 'send_open_alerts' THEN '{op,account_id,valid_for_ms}'
            WHEN 'remove_device' THEN '{op,account_id,id}'
            WHEN 'note_key_change' THEN '{op,id,key}'
            WHEN 'use_password_reset' THEN '{op,account_id,token_hash}'
            WHEN 'count_device_test' THEN '{op,account_id,id,before,last_test_at,tests_from,tests}'
            WHEN 'plan_step' THEN '{op,id,lease_until,step,next_step,next_due_at,deliveries}'
            WHEN 'note_deliveries' THEN '{op,notes}'
            WHEN 'record_receipt' THEN '{op,receipt_hash,state}'
            WHEN 'device_received' THEN '{op,emergency_id,session_id,id}'
            WHEN 'see_alert' THEN '{op,emergency_id,helper_id}'
            WHEN 'review_contacts' THEN '{op,emergency_id}'
            WHEN 'plan_notices' THEN '{op,emergency_id,lease_until,next_at,over,notices}'
            WHEN 'note_notice' THEN '{op,emergency_id,id,lease_until,sent,failed,undeliverable,retry_at}'
            WHEN 'note_contact_action' THEN '{op,emergency_id,id,action}'
            WHEN 'set_password' THEN '{op,account_id,password_hash}'
            WHEN 'expect_account' THEN '{op,id,role,blocked,verification,available,skills,tier,checked_skills,alert_preferences,alert_scope}'
            WHEN 'expect_may_help' THEN '{op,account_id,open}'
            WHEN 'expect_no_responses' THEN '{op,account_id}'
            WHEN 'set_helper' THEN '{op,account_id,verification,available,skills,transport,role}'
            WHEN 'set_alert_preferences' THEN '{op,account_id,alert_preferences,alert_scope,away_from,away_until,away_from_critical,notify_email,notify_sms,max_alerts_per_day,alert_review_at}'
            WHEN 'set_role' THEN '{op,account_id,role}'
            WHEN 'set_verification' THEN '{op,account_id,verification}'
            WHEN 'set_qualification' THEN '{op,account_id,tier,checked_skills}'
            WHEN 'set_blocked' THEN '{op,account_id,blocked,blocked_reason}'
            WHEN 'add_block' THEN '{op,id,owner_id,user_id,email,blocked_id,created_at,earliest_end,max_listed,max_in_effect,emergencies}'
            WHEN 'remove_block' THEN '{op,owner_id,key}'
            WHEN 'end_blocks' THEN '{op,owner_id,blocked_id,blocks}'
            WHEN 'add_trust' THEN '{op,emergency_id,owner_id,helpers,by,max,unless_since}'
            WHEN 'revoke_trust' THEN '{op,emergency_id}'
            WHEN 'raise_emergency' THEN '{op,id,owner_id,request_id,kind,category,description,latitude,longitude,address,place_description,priority,severity,silent,anonymous,status,alert_radius,wave,created_at,updated_at,first_response_at,ended_at,ended_by,resolution,ending_notes,next_alert_at,resume_at,renewed_at,search,revision,movement}'
            WHEN 'update_emergency' THEN '{op,id,status,alert_radius,updated_at,first_response_at,ended_at,ended_by,resolution,ending_notes,next_alert_at,resume_at,renewed_at,search,revision,responses}'
            WHEN 'decide_again' THEN '{op,helper_id,except,interval_ms,limit}'
            WHEN 'move_place' THEN '{op,emergency_id,latitude,longitude,address,place_description,movement}'
            WHEN 'expect_revision' THEN '{op,emergency_id,revision}'
            WHEN 'delete_emergency' THEN '{op,emergency_id,owner_id,request_id,kind,status,latitude,longitude,created_at,ended_at,deleted_at}'
            WHEN 'announce_emergency' THEN '{op,emergency_id}'
            WHEN 'send_alerts' THEN '{op,emergency_id,wave,recipients}'
            WHEN 'acknowledge_alert' THEN '{op,emergency_id,helper_id}'
            WHEN 'receive_alert' THEN '{op,emergency_id,helper_id}'
            WHEN 'set_declined' THEN '{op,emergency_id,helper_id,declined}'
            WHEN 'expect_messages_before' THEN '{op,emergency_id,before}'
            WHEN 'add_message_request' THEN '{op,emergency_id,sender_id,request_id,message_id}'
            WHEN 'post_message' THEN '{op,id,emergency_id,sender_role,sender_id,recipient,recipient_id,body,created_at}'
            WHEN 'delete_message' THEN '{op,emergency_id,id}'
            WHEN 'add_rating' THEN '{op,emergency_id,helper_id,score,comment,counts}'
            WHEN 'add_report' THEN '{op,emergency_id,reporter_id,about_id,reason}'
        END;
        IF write_keys IS NULL OR NOT w ?& write_keys OR w - write_keys <> '{}' THEN
            RAISE EXCEPTION 'apply_change_v3: unexpected keys of the write %', w ->> 'op' USING ERRCODE = 'AN002';
        END IF;
        target := w ->> 'emergency_id';
        person := coalesce(w ->> 'account_id', w ->> 'helper_id');

        CASE w ->> 'op'

        -- A block of this email that is committed at the same time waits, or this registration waits for it: see add_block.
        WHEN 'register_account' THEN
            PERFORM pg_advisory_xact_lock(hashtextextended(w ->> 'email', 0));
            UPDATE user_block SET blocked_id = (w ->> 'id')::uuid WHERE email_hash = email_hash_v1(w ->> 'email');
            INSERT INTO account (id, email, password_hash, first_name, last_name, phone, avatar, bio, locale, role, blocked,
                verification, available, skills, trust_score, rating_sum, rating_count, created_at)
            SELECT id, email, password_hash, first_name, last_name, phone, avatar, bio, locale, role, blocked,
                verification, available, skills, trust_score, rating_sum, rating_count, created_at
            FROM jsonb_populate_record(NULL::account, w);

        WHEN 'open_session' THEN
            INSERT INTO session (id, account_id, confirmed_token, created_at)
            SELECT id, account_id, confirmed_token, created_at FROM jsonb_populate_record(NULL::session, w);

        -- The failures of this address are forgotten; of the addresses, the newest and those that still count stay.
        WHEN 'record_login' THEN
            INSERT INTO login_address (account_id, address_hash, last_login_at)
            VALUES (person, (w ->> 'address_hash')::uuid, decided_at)
            ON CONFLICT (account_id, address_hash) DO UPDATE
                SET last_login_at = greatest(login_address.last_login_at, excluded.last_login_at);
            DELETE FROM login_address WHERE account_id = person AND last_login_at < (w ->> 'known_since')::timestamptz;
            DELETE FROM login_address WHERE account_id = person AND address_hash IN (
                SELECT a.address_hash FROM login_address a WHERE a.account_id = person
                ORDER BY a.last_login_at DESC, a.address_hash OFFSET (w ->> 'max_addresses')::integer);
            DELETE FROM login_failure
            WHERE account_hash = (w ->> 'account_hash')::uuid AND address_hash = (w ->> 'address_hash')::uuid;

        WHEN 'revoke_sessions' THEN
            UPDATE session SET revoked_at = decided_at
            WHERE account_id = person AND revoked_at IS NULL
                AND (w ->> 'only' IS NULL OR id = (w ->> 'only')::uuid)
                AND (w ->> 'except' IS NULL OR id <> (w ->> 'except')::uuid);
            -- Several devices are locked in the order of their ids, here and below, or two changes could wait for each other.
            PERFORM FROM device WHERE account_id = person ORDER BY id FOR UPDATE;
            DELETE FROM device
            WHERE account_id = person
                AND (w ->> 'only' IS NULL OR session_id = (w ->> 'only')::uuid)
                AND (w ->> 'except' IS NULL OR session_id <> (w ->> 'except')::uuid);

        -- The locks let a log-out and a block wait for this device, or this device for them; and of two registrations of one
        -- user the second counts the device of the first.
        WHEN 'register_device' THEN
            PERFORM FROM account WHERE id = person AND NOT blocked FOR NO KEY UPDATE;
            IF FOUND THEN
                PERFORM FROM session WHERE id = (w ->> 'session_id')::uuid AND revoked_at IS NULL FOR NO KEY UPDATE;
            END IF;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'the session is over' USING ERRCODE = 'AN001';
            END IF;
            locked_rows := ARRAY (SELECT d::uuid FROM jsonb_array_elements_text(w -> 'replaced') AS d);
            PERFORM FROM device WHERE id = ANY (locked_rows || (w ->> 'id')::uuid) ORDER BY id FOR UPDATE;
            DELETE FROM device WHERE id = ANY (locked_rows);
            new_device := jsonb_populate_record(NULL::device, w - '{op,replaced,max_devices}'::text[]);
            INSERT INTO device (id, account_id, session_id, name, endpoint, p256dh, auth, push_key, created_at,
                last_sent_at, last_delivered_at, refused)
            VALUES (new_device.id, new_device.account_id, new_device.session_id, new_device.name, new_device.endpoint,
                new_device.p256dh, new_device.auth, new_device.push_key, new_device.created_at,
                new_device.last_sent_at, new_device.last_delivered_at, new_device.refused)
            ON CONFLICT ON CONSTRAINT device_pkey DO UPDATE SET
                session_id = excluded.session_id, name = excluded.name, p256dh = excluded.p256dh,
                auth = excluded.auth, push_key = excluded.push_key, refused = excluded.refused, unknown_since = NULL;
            IF (SELECT count(*) FROM device WHERE account_id = person) > (w ->> 'max_devices')::integer THEN
                RAISE EXCEPTION 'too many devices' USING ERRCODE = 'AN001';
            END IF;

        -- The account is locked first, as by register_device, which comes next. A message whose steps are over has one more, for the
        -- devices that it was not sent to (crates/domain/src/outbox/ladder.rs); one that goes on finds them by itself.
        WHEN 'send_open_alerts' THEN
            PERFORM FROM account WHERE id = person FOR NO KEY UPDATE;
            INSERT INTO outbox (kind, user_id, emergency_id, emergency_kind, event_id, distance, created_at, counts_since,
                expires_at, due_at)
            SELECT 'alert', person, l.emergency_id, e.kind, v.seq, v.distance, decided_at, l.sent_at,
                l.sent_at + (w ->> 'valid_for_ms')::bigint * interval '1 millisecond', decided_at
            FROM alert l
            CROSS JOIN LATERAL (
                SELECT e.kind FROM emergency e
                WHERE e.id = l.emergency_id AND e.status IN ('active', 'responding') OFFSET 0
            ) AS e
            CROSS JOIN LATERAL (
                SELECT v.seq, (
                    SELECT coalesce(r ->> 'exact_distance', r ->> 'distance')::double precision
                    FROM jsonb_array_elements(v.body -> 'recipients') AS r WHERE (r ->> 'helper')::uuid = person
                ) AS distance
                FROM event v
                WHERE v.emergency_id = l.emergency_id AND v.kind = 'helpers_alerted' AND v.at = l.sent_at LIMIT 1
            ) AS v
            WHERE l.helper_id = person AND l.wave IS NOT NULL
                AND l.sent_at > decided_at - (w ->> 'valid_for_ms')::bigint * interval '1 millisecond'
            ORDER BY l.emergency_id
            ON CONFLICT (emergency_id, user_id) WHERE kind = 'alert' DO UPDATE SET step = 4, due_at = excluded.due_at
            WHERE outbox.due_at IS NULL;

        WHEN 'remove_device' THEN
            DELETE FROM device WHERE id = (w ->> 'id')::uuid AND account_id = person;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'there is no such device' USING ERRCODE = 'AN001';
            END IF;

        WHEN 'note_key_change' THEN
            UPDATE device SET told_key = (w ->> 'key')::bytea
            WHERE id = (w ->> 'id')::uuid AND told_key IS DISTINCT FROM (w ->> 'key')::bytea;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'there is no such device, or its user was told' USING ERRCODE = 'AN001';
            END IF;

        -- The lock lets a new token and a block wait for this password, or this password for them.
        WHEN 'use_password_reset' THEN
            PERFORM FROM account WHERE id = person AND NOT blocked FOR NO KEY UPDATE;
            IF FOUND THEN
                UPDATE password_reset SET token_hash = NULL
                WHERE token_hash = (w ->> 'token_hash')::uuid AND account_id = person;
            END IF;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'the token was used or replaced' USING ERRCODE = 'AN001';
            END IF;

        WHEN 'count_device_test' THEN
            UPDATE device SET last_test_at = (w ->> 'last_test_at')::timestamptz,
                tests_from = (w ->> 'tests_from')::timestamptz, tests = (w ->> 'tests')::integer
            WHERE id = (w ->> 'id')::uuid AND account_id = person
                AND last_test_at IS NOT DISTINCT FROM (w ->> 'before')::timestamptz;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'there is no such device, or another test was counted' USING ERRCODE = 'AN001';
            END IF;

        -- No effect if the claim was lost: the message was stored again, or another node has it.
        WHEN 'plan_step' THEN
            IF EXISTS (SELECT FROM jsonb_array_elements(w -> 'deliveries') AS d
                       WHERE NOT d ?& delivery_keys OR d - delivery_keys <> '{}')
            THEN
                RAISE EXCEPTION 'apply_change_v3: unexpected keys of a delivery' USING ERRCODE = 'AN002';
            END IF;
            UPDATE outbox SET step = coalesce((w ->> 'next_step')::smallint, step),
                due_at = (w ->> 'next_due_at')::timestamptz
            WHERE id = (w ->> 'id')::uuid AND due_at = (w ->> 'lease_until')::timestamptz
                AND step = (w ->> 'step')::smallint;
            IF FOUND THEN
                INSERT INTO delivery AS v (id, outbox_id, channel, device_id, step, planned_at, due_at)
                SELECT d.id, (w ->> 'id')::uuid, d.channel, d.device_id, (w ->> 'step')::smallint, decided_at, d.lease_until
                FROM jsonb_to_recordset(w -> 'deliveries')
                    AS d (id uuid, channel text, device_id uuid, lease_until timestamptz)
                -- One that was removed since the claim.
                WHERE d.device_id IS NULL OR EXISTS (SELECT FROM device x WHERE x.id = d.device_id)
                ORDER BY d.id
                ON CONFLICT (outbox_id, channel, coalesce(device_id, outbox_id)) DO UPDATE SET
                    step = excluded.step, planned_at = excluded.planned_at, due_at = excluded.due_at, attempts = 0;
                INSERT INTO message_receipt (receipt_hash, delivery_id, planned_at)
                SELECT d.receipt_hash, v.id, decided_at
                FROM jsonb_to_recordset(w -> 'deliveries') AS d (id uuid, receipt_hash uuid)
                -- OFFSET keeps a plan that was made for an empty table from reading all of it.
                CROSS JOIN LATERAL (SELECT x.id FROM delivery x WHERE x.id = d.id OFFSET 0) AS v;
            END IF;

        WHEN 'note_deliveries' THEN
            IF EXISTS (SELECT FROM jsonb_array_elements(w -> 'notes') AS n
                       WHERE NOT n ?& note_keys OR n - note_keys <> '{}')
            THEN
                RAISE EXCEPTION 'apply_change_v3: unexpected keys of a note' USING ERRCODE = 'AN002';
            END IF;
            -- The deliveries are locked as plan_step takes them, and then the devices, since answers come in any order.
            locked_rows := ARRAY (SELECT (n ->> 'id')::uuid FROM jsonb_array_elements(w -> 'notes') AS n);
            PERFORM FROM delivery WHERE id = ANY (locked_rows) ORDER BY outbox_id, id FOR NO KEY UPDATE;
            locked_rows := ARRAY (SELECT (n ->> 'device_id')::uuid FROM jsonb_array_elements(w -> 'notes') AS n
                                  WHERE n ->> 'device_id' IS NOT NULL);
            PERFORM FROM device WHERE id = ANY (locked_rows) ORDER BY id FOR NO KEY UPDATE;
            FOR note IN SELECT value FROM jsonb_array_elements(w -> 'notes') LOOP
                -- Another claim decides when to try again: only that it was sent, and what is known of the device, holds then, too.
                note_is_current := (SELECT v.due_at = (note ->> 'lease_until')::timestamptz FROM delivery v
                                    WHERE v.id = (note ->> 'id')::uuid);
                UPDATE delivery SET
                    due_at = CASE WHEN note_is_current THEN (note ->> 'due_at')::timestamptz ELSE due_at END,
                    attempts = CASE WHEN note_is_current THEN (note ->> 'attempts')::integer ELSE attempts END,
                    sent_at = CASE WHEN (note ->> 'sent')::boolean THEN decided_at ELSE sent_at END,
                    -- What was sent just now is not to be sent again by the next step of an alert that was repeated meanwhile.
                    planned_at = CASE WHEN note_is_current AND (note ->> 'sent')::boolean THEN decided_at ELSE planned_at END
                WHERE id = (note ->> 'id')::uuid;
                CONTINUE WHEN NOT FOUND;
                IF (note ->> 'sent')::boolean THEN
                    UPDATE alert SET pushed_at = coalesce(pushed_at, decided_at)
                    WHERE emergency_id = (note ->> 'alert_of')::uuid AND helper_id = (note ->> 'user_id')::uuid;
                ELSIF note ->> 'due_at' IS NULL THEN
                    UPDATE alert a SET failed_at = coalesce(a.failed_at, decided_at)
                    WHERE a.emergency_id = (note ->> 'alert_of')::uuid AND a.helper_id = (note ->> 'user_id')::uuid
                        AND NOT EXISTS (
                            SELECT FROM outbox o JOIN delivery v ON v.outbox_id = o.id
                            WHERE o.emergency_id = a.emergency_id AND o.user_id = a.helper_id AND o.kind = 'alert'
                                AND v.due_at IS NOT NULL);
                END IF;
                IF (note ->> 'gone')::boolean THEN
                    DELETE FROM device WHERE id = (note ->> 'device_id')::uuid;
                ELSIF note ->> 'device_id' IS NOT NULL THEN
                    UPDATE device SET refused = (note ->> 'refused')::integer,
                        unknown_since = (note ->> 'unknown_since')::timestamptz,
                        last_sent_at = CASE WHEN (note ->> 'sent')::boolean THEN decided_at ELSE last_sent_at END
                    WHERE id = (note ->> 'device_id')::uuid;
                END IF;
            END LOOP;

        WHEN 'record_receipt' THEN
            UPDATE message_receipt c SET delivered_at = coalesce(c.delivered_at, decided_at),
                seen_at = CASE WHEN w ->> 'state' = 'seen' THEN coalesce(c.seen_at, decided_at) ELSE c.seen_at END
            WHERE c.receipt_hash = (w ->> 'receipt_hash')::uuid;
            UPDATE device SET last_delivered_at = decided_at, refused = 0, unknown_since = NULL
            WHERE id = (SELECT v.device_id FROM message_receipt c JOIN delivery v ON v.id = c.delivery_id
                        WHERE c.receipt_hash = (w ->> 'receipt_hash')::uuid);

        -- An emergency that was deleted since has no receipts.
        WHEN 'device_received' THEN
            INSERT INTO alert_receipt (emergency_id, device_id, received_at)
            SELECT target, d.id, decided_at FROM device d
            WHERE (d.session_id = (w ->> 'session_id')::uuid OR d.id = (w ->> 'id')::uuid)
                AND EXISTS (SELECT FROM emergency e WHERE e.id = target)
            ON CONFLICT ON CONSTRAINT alert_receipt_pkey DO UPDATE SET received_at = excluded.received_at;

        -- Seen once more it has the new time, since the alert may have been renewed, and no other event.
        WHEN 'see_alert' THEN
            UPDATE alert SET seen_at = decided_at
            WHERE emergency_id = target AND helper_id = person AND wave IS NOT NULL AND seen_at IS NULL;
            IF NOT FOUND THEN
                unseen := unseen || concat(target, '/', person);
                UPDATE alert SET seen_at = decided_at
                WHERE emergency_id = target AND helper_id = person AND wave IS NOT NULL;
            END IF;

        -- Most owners have no contact that agreed.
        WHEN 'review_contacts' THEN
            INSERT INTO contact_review (emergency_id, owner_id, due_at)
            SELECT e.id, e.owner_id, decided_at FROM emergency e
            WHERE e.id = target AND EXISTS (SELECT FROM contact_consent k
                                            WHERE k.account_id = e.owner_id AND k.confirmed_at IS NOT NULL)
            ON CONFLICT ON CONSTRAINT contact_review_pkey DO UPDATE SET due_at = excluded.due_at;

        -- The claim is lost if the emergency has changed since: what was decided is not so any more.
        WHEN 'plan_notices' THEN
            IF EXISTS (SELECT FROM jsonb_array_elements(w -> 'notices') AS n
                       WHERE NOT n ?& notice_keys OR n - notice_keys <> '{}')
            THEN
                RAISE EXCEPTION 'apply_change_v3: unexpected keys of a notice' USING ERRCODE = 'AN002';
            END IF;
            UPDATE contact_review SET due_at = (w ->> 'next_at')::timestamptz
            WHERE emergency_id = target AND due_at = (w ->> 'lease_until')::timestamptz;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'the claim of the review was lost' USING ERRCODE = 'AN001';
            END IF;
            IF (w ->> 'over')::boolean THEN
                DELETE FROM contact_review WHERE emergency_id = target RETURNING owner_id INTO owner;
                -- Nothing is left to tell for a deleted account.
                IF EXISTS (SELECT FROM account a WHERE a.id = owner AND a.deleted_at IS NOT NULL)
                    AND NOT EXISTS (SELECT FROM contact_review r WHERE r.owner_id = owner)
                THEN
                    DELETE FROM contact_consent WHERE account_id = owner;
                END IF;
            ELSE
                INSERT INTO contact_notice AS c (id, emergency_id, consent_id, contact_id, queued, told, mail_id, queued_at,
                    due_at, turn_at)
                SELECT n.id, target, n.consent_id, n.contact_id, n.queued, n.told, n.mail_id, decided_at,
                    CASE WHEN n.queued IS NOT NULL THEN decided_at END, n.turn_at
                FROM jsonb_to_recordset(w -> 'notices') AS n (id uuid, mail_id uuid, consent_id uuid, contact_id uuid,
                    queued text, told text, turn_at timestamptz)
                ON CONFLICT ON CONSTRAINT contact_notice_once DO UPDATE SET
                    queued = excluded.queued, told = excluded.told, mail_id = excluded.mail_id,
                    queued_at = excluded.queued_at, due_at = excluded.due_at, turn_at = excluded.turn_at,
                    claimed_until = NULL, attempts = 0
                -- One that a node has begun to send since is reviewed when that is noted.
                WHERE c.claimed_until IS NULL OR c.claimed_until <= decided_at;
            END IF;

        -- The review is locked first, as by plan_notices, or the two could wait for each other.
        WHEN 'note_notice' THEN
            PERFORM FROM contact_review WHERE emergency_id = target FOR NO KEY UPDATE;
            UPDATE contact_notice SET
                told = CASE WHEN (w ->> 'sent')::boolean THEN queued ELSE told END,
                queued = CASE WHEN w ->> 'retry_at' IS NOT NULL THEN queued END,
                due_at = (w ->> 'retry_at')::timestamptz,
                turn_at = coalesce((w ->> 'retry_at')::timestamptz, turn_at),
                claimed_until = NULL, attempts = attempts + 1,
                failed_at = CASE WHEN (w ->> 'failed')::boolean THEN decided_at ELSE failed_at END
            WHERE id = (w ->> 'id')::uuid AND claimed_until = (w ->> 'lease_until')::timestamptz;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'the claim of the notice was lost' USING ERRCODE = 'AN001';
            END IF;
            IF (w ->> 'undeliverable')::boolean THEN
                UPDATE contact_consent SET undeliverable = true
                WHERE id = (SELECT c.consent_id FROM contact_notice c WHERE c.id = (w ->> 'id')::uuid);
            END IF;
            -- The emergency may have changed while the notice was sent.
            UPDATE contact_review SET due_at = decided_at WHERE emergency_id = target AND due_at > decided_at;

        WHEN 'note_contact_action' THEN
            UPDATE contact_notice SET
                with_owner_at = CASE WHEN w ->> 'action' = 'with_owner' THEN decided_at ELSE with_owner_at END,
                called_at = CASE WHEN w ->> 'action' = 'called_number' THEN decided_at ELSE called_at END,
                read_at = CASE WHEN w ->> 'action' = 'read' THEN decided_at ELSE read_at END
            WHERE id = (w ->> 'id')::uuid AND emergency_id = target
                AND CASE w ->> 'action'
                    WHEN 'with_owner' THEN with_owner_at
                    WHEN 'called_number' THEN called_at
                    ELSE coalesce(read_at, with_owner_at, called_at)
                END IS NULL;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'the contact said so before' USING ERRCODE = 'AN001';
            END IF;

        WHEN 'set_password' THEN
            UPDATE account SET password_hash = w ->> 'password_hash' WHERE id = person;
            UPDATE password_reset SET token_hash = NULL WHERE account_id = person AND token_hash IS NOT NULL;

        -- Locked until the end, so that the rights are still these when the change is visible.
        WHEN 'expect_account' THEN
            new_account := jsonb_populate_record(NULL::account, w);
            PERFORM FROM account a
            WHERE a.id = new_account.id AND a.role = new_account.role AND a.blocked = new_account.blocked
                AND a.verification IS NOT DISTINCT FROM new_account.verification
                AND a.available IS NOT DISTINCT FROM new_account.available AND a.skills = new_account.skills
                AND a.tier IS NOT DISTINCT FROM new_account.tier
                AND a.checked_skills IS NOT DISTINCT FROM new_account.checked_skills
                AND a.alert_preferences IS NOT DISTINCT FROM new_account.alert_preferences
                AND a.alert_scope = new_account.alert_scope
            FOR NO KEY UPDATE;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'the account has other rights' USING ERRCODE = 'AN001';
            END IF;

        -- Shared, so that accepting helpers do not wait for each other, but a change of the account waits for them or they for
        -- it.
        WHEN 'expect_may_help' THEN
            PERFORM FROM account a
            WHERE a.id = person AND NOT a.blocked
                AND (a.verification = 'verified'
                    OR (w ->> 'open')::boolean AND a.verification IS DISTINCT FROM 'rejected')
            FOR SHARE;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'the account may not help' USING ERRCODE = 'AN003';
            END IF;

        -- The account is locked by `expect_account`, so that no response can be accepted any more.
        WHEN 'expect_no_responses' THEN
            PERFORM FROM response r JOIN emergency e ON e.id = r.emergency_id
            WHERE r.helper_id = person AND r.status <> 'cancelled' AND e.status IN ('active', 'responding');
            IF FOUND THEN
                RAISE EXCEPTION 'the account has responses' USING ERRCODE = 'AN001';
            END IF;

        -- Only an administrator changes the verification of a helper record that is there.
        WHEN 'set_helper' THEN
            new_account := jsonb_populate_record(NULL::account, w);
            UPDATE account SET verification = coalesce(verification, new_account.verification),
                available = new_account.available, skills = new_account.skills, transport = new_account.transport,
                role = new_account.role
            WHERE id = person;

        WHEN 'set_alert_preferences' THEN
            new_account := jsonb_populate_record(NULL::account, w);
            UPDATE account SET alert_preferences = new_account.alert_preferences, alert_scope = new_account.alert_scope,
                away_from = new_account.away_from, away_until = new_account.away_until,
                away_from_critical = new_account.away_from_critical, notify_email = new_account.notify_email,
                notify_sms = new_account.notify_sms, max_alerts_per_day = new_account.max_alerts_per_day, alert_review_at = new_account.alert_review_at
            WHERE id = person;

        WHEN 'set_role' THEN
            UPDATE account SET role = w ->> 'role' WHERE id = person;

        WHEN 'set_verification' THEN
            UPDATE account SET verification = w ->> 'verification' WHERE id = person AND verification IS NOT NULL;

        WHEN 'set_qualification' THEN
            new_account := jsonb_populate_record(NULL::account, w);
            UPDATE account SET tier = new_account.tier, checked_skills = new_account.checked_skills
            WHERE id = person AND verification IS NOT NULL;

        WHEN 'set_blocked' THEN
            UPDATE account SET blocked = (w ->> 'blocked')::boolean, blocked_reason = w ->> 'blocked_reason'
            WHERE id = person;
            IF (w ->> 'blocked')::boolean THEN
                PERFORM FROM device WHERE account_id = person ORDER BY id FOR UPDATE;
                DELETE FROM device WHERE account_id = person;
            END IF;

        -- An emergency that one of the two raises, and a first response, lock their accounts for the foreign key. FOR UPDATE
        -- conflicts with that: either they see this block, or this statement sees them among the emergencies.
        WHEN 'add_block' THEN
            new_block := jsonb_populate_record(NULL::user_block, w - '{op,max_listed,max_in_effect,emergencies}'::text[]);
            IF new_block.email IS NOT NULL THEN
                PERFORM pg_advisory_xact_lock(hashtextextended(new_block.email, 0));
            END IF;
            PERFORM FROM account WHERE id IN (new_block.owner_id, new_block.blocked_id) ORDER BY id FOR UPDATE;
            IF new_block.blocked_id IS DISTINCT FROM
                    (SELECT a.id FROM account a WHERE a.id = new_block.user_id OR a.email = new_block.email)
                OR new_block.blocked_id IS NOT NULL
                    AND live_emergencies_of_v1(ARRAY[new_block.owner_id, new_block.blocked_id])
                        <> ARRAY (SELECT e::uuid FROM jsonb_array_elements_text(w -> 'emergencies') AS e ORDER BY 1)
            THEN
                RAISE EXCEPTION 'the block was decided on other emergencies' USING ERRCODE = 'AN001';
            END IF;
            IF NOT EXISTS (SELECT FROM user_block b
                           WHERE b.owner_id = new_block.owner_id AND b.ends_at IS NULL
                               AND (b.user_id = new_block.user_id OR b.email = new_block.email))
            THEN
                -- One that was removed from the list and still has effect.
                DELETE FROM user_block b
                WHERE b.owner_id = new_block.owner_id
                    AND (b.user_id = new_block.user_id OR b.email = new_block.email);
                IF (SELECT count(*) FILTER (WHERE b.ends_at IS NULL) >= (w ->> 'max_listed')::integer
                        OR count(*) >= (w ->> 'max_in_effect')::integer
                    FROM user_block b WHERE b.owner_id = new_block.owner_id)
                THEN
                    RAISE EXCEPTION 'too many blocks' USING ERRCODE = '23514', CONSTRAINT = 'user_block_limit';
                END IF;
                INSERT INTO user_block (id, owner_id, user_id, email, email_hash, blocked_id, created_at, earliest_end)
                VALUES (new_block.id, new_block.owner_id, new_block.user_id, new_block.email,
                    email_hash_v1(coalesce(new_block.email,
                        (SELECT a.email FROM account a WHERE a.id = new_block.user_id))),
                    new_block.blocked_id, new_block.created_at, new_block.earliest_end);
            END IF;

        WHEN 'remove_block' THEN
            UPDATE user_block SET ends_at = greatest(decided_at, earliest_end)
            WHERE owner_id = (w ->> 'owner_id')::uuid AND ends_at IS NULL
                AND (id = (w ->> 'key')::uuid OR user_id = (w ->> 'key')::uuid);

        WHEN 'end_blocks' THEN
            ended_blocks := ARRAY (SELECT b::uuid FROM jsonb_array_elements_text(w -> 'blocks') AS b);
            PERFORM FROM account WHERE id = (w ->> 'owner_id')::uuid FOR UPDATE;
            DELETE FROM user_block WHERE id = ANY (ended_blocks) AND ends_at <= decided_at;
            GET DIAGNOSTICS removed = ROW_COUNT;
            IF removed <> cardinality(ended_blocks)
                OR EXISTS (SELECT FROM user_block b WHERE b.owner_id = (w ->> 'owner_id')::uuid
                               AND b.blocked_id = (w ->> 'blocked_id')::uuid)
            THEN
                RAISE EXCEPTION 'the blocks are not over' USING ERRCODE = 'AN001';
            END IF;

        -- Locked in the order of ids, or two emergencies with the same helpers could wait for each other.
        WHEN 'add_trust' THEN
            WITH helper AS (
                SELECT id FROM account
                WHERE id IN (SELECT h::uuid FROM jsonb_array_elements_text(w -> 'helpers') AS h)
                ORDER BY id FOR NO KEY UPDATE
            ),
            gain AS (
                INSERT INTO reputation_gain (emergency_id, helper_id, kind, owner_id, points, gained_at)
                SELECT target, h.id, 'trust', (w ->> 'owner_id')::uuid, (w ->> 'by')::integer, decided_at
                FROM helper h
                WHERE NOT EXISTS (SELECT FROM reputation_gain g
                                  WHERE g.helper_id = h.id AND g.owner_id = (w ->> 'owner_id')::uuid AND g.kind = 'trust'
                                      AND g.gained_at > (w ->> 'unless_since')::timestamptz)
                RETURNING helper_id
            )
            UPDATE account a SET trust_score = least(a.trust_score + (w ->> 'by')::integer, (w ->> 'max')::integer)
            FROM gain WHERE a.id = gain.helper_id;

        WHEN 'revoke_trust' THEN
            WITH helper AS (
                SELECT a.id FROM account a JOIN reputation_gain g ON g.helper_id = a.id
                WHERE g.emergency_id = target AND g.kind = 'trust'
                ORDER BY a.id FOR NO KEY UPDATE OF a
            ),
            lost AS (
                DELETE FROM reputation_gain g USING helper h
                WHERE g.emergency_id = target AND g.helper_id = h.id AND g.kind = 'trust'
                RETURNING g.helper_id, g.points
            )
            UPDATE account a SET trust_score = greatest(a.trust_score - lost.points, 0)
            FROM lost WHERE a.id = lost.helper_id;

        WHEN 'raise_emergency' THEN
            INSERT INTO emergency (id, owner_id, request_id, kind, category, description, latitude, longitude, address,
                place_description, priority, severity, silent, anonymous, status, alert_radius, wave, created_at,
                updated_at, first_response_at, ended_at, ended_by, resolution, ending_notes, next_alert_at, resume_at,
                renewed_at, search, revision, movement)
            SELECT id, owner_id, request_id, kind, category, description, latitude, longitude, address,
                place_description, priority, severity, silent, anonymous, status, alert_radius, wave, created_at,
                updated_at, first_response_at, ended_at, ended_by, resolution, ending_notes, next_alert_at, resume_at,
                renewed_at, search, revision, movement
            FROM jsonb_populate_record(NULL::emergency, w);

        WHEN 'update_emergency' THEN
            IF EXISTS (SELECT FROM jsonb_array_elements(w -> 'responses') AS r
                       WHERE NOT r ?& response_keys OR r - response_keys <> '{}')
            THEN
                RAISE EXCEPTION 'apply_change_v3: unexpected keys of a response' USING ERRCODE = 'AN002';
            END IF;
            new_emergency := jsonb_populate_record(NULL::emergency, w - 'responses');
            UPDATE emergency e SET
                status = new_emergency.status, alert_radius = new_emergency.alert_radius,
                updated_at = new_emergency.updated_at, first_response_at = new_emergency.first_response_at,
                ended_at = new_emergency.ended_at, ended_by = new_emergency.ended_by,
                resolution = new_emergency.resolution, ending_notes = new_emergency.ending_notes,
                next_alert_at = new_emergency.next_alert_at, resume_at = new_emergency.resume_at,
                renewed_at = new_emergency.renewed_at, search = new_emergency.search, revision = e.revision + 1
            WHERE e.id = new_emergency.id AND e.revision = new_emergency.revision;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'the emergency has another revision' USING ERRCODE = 'AN001';
            END IF;
            -- Most updates have none, and then this statement would cost as much as the one above.
            IF jsonb_array_length(w -> 'responses') > 0 THEN
                INSERT INTO response (emergency_id, helper_id, status, notes, estimated_arrival, first_responded_at,
                    responded_at, updated_at, engaged, counts_until, cancellations, repeats, repeats_since, came_near,
                    reopened, end_undone, dispatch)
                SELECT new_emergency.id, helper_id, status, notes, estimated_arrival, responded_at,
                    responded_at, updated_at, engaged, counts_until, cancellations, repeats, repeats_since, came_near,
                    reopened, end_undone, dispatch
                FROM jsonb_populate_recordset(NULL::response, w -> 'responses')
                ON CONFLICT ON CONSTRAINT response_pkey DO UPDATE SET
                    status = excluded.status, notes = excluded.notes, estimated_arrival = excluded.estimated_arrival,
                    responded_at = excluded.responded_at, updated_at = excluded.updated_at, engaged = excluded.engaged,
                    counts_until = excluded.counts_until, cancellations = excluded.cancellations,
                    repeats = excluded.repeats, repeats_since = excluded.repeats_since,
                    came_near = excluded.came_near, reopened = excluded.reopened, end_undone = excluded.end_undone,
                    dispatch = excluded.dispatch;
                -- A helper who answers has seen the alert, whatever the devices reported.
                UPDATE alert SET seen_at = decided_at
                WHERE emergency_id = new_emergency.id AND wave IS NOT NULL AND seen_at IS NULL
                    AND helper_id = ANY (ARRAY (
                        SELECT (r ->> 'helper_id')::uuid FROM jsonb_array_elements(w -> 'responses') AS r));
            END IF;
            -- All helpers of an emergency that ended may respond elsewhere.
            IF new_emergency.ended_at IS NOT NULL THEN
                UPDATE response SET engaged = false WHERE emergency_id = new_emergency.id AND engaged;
            END IF;

        -- Other changes lock emergencies in the order of their ids, so this one waits for none of them.
        WHEN 'decide_again' THEN
            UPDATE emergency e SET revision = e.revision + 1,
                next_alert_at = CASE e.status WHEN 'active' THEN least(e.next_alert_at, greatest(decided_at,
                    (e.search ->> 'decided_at')::timestamptz + (w ->> 'interval_ms')::bigint * interval '1 millisecond')) END,
                resume_at = CASE e.status WHEN 'responding' THEN least(e.resume_at, greatest(decided_at,
                    (e.search ->> 'decided_at')::timestamptz + (w ->> 'interval_ms')::bigint * interval '1 millisecond')) END
            WHERE e.id = ANY (ARRAY (
                SELECT o.id FROM emergency o
                WHERE o.id = ANY (ARRAY (
                        SELECT l.emergency_id FROM (
                            SELECT a.emergency_id, a.declined_at FROM alert a
                            WHERE a.helper_id = person AND a.wave IS NOT NULL
                            ORDER BY a.sent_at DESC LIMIT (w ->> 'limit')::integer
                        ) l WHERE l.declined_at IS NULL))
                    AND o.id IS DISTINCT FROM (w ->> 'except')::uuid
                    AND o.status IN ('active', 'responding') AND (o.search ->> 'by_gain')::boolean
                FOR NO KEY UPDATE SKIP LOCKED));

        -- The change updates the emergency, too, on condition of its revision.
        WHEN 'move_place' THEN
            UPDATE emergency SET latitude = (w ->> 'latitude')::float8, longitude = (w ->> 'longitude')::float8,
                address = w ->> 'address', place_description = w ->> 'place_description', movement = w -> 'movement'
            WHERE id = target;

        WHEN 'expect_revision' THEN
            PERFORM FROM emergency WHERE id = target AND revision = (w ->> 'revision')::bigint;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'the emergency has another revision' USING ERRCODE = 'AN001';
            END IF;

        -- Responses, messages and ratings go by their foreign keys. The events go a minute later (erasure).
        WHEN 'delete_emergency' THEN
            INSERT INTO erasure (emergency_id, deleted_at) SELECT id, decided_at FROM emergency WHERE id = target;
            IF FOUND THEN
                INSERT INTO deleted_emergency (id, owner_id, request_id, kind, status, latitude, longitude, created_at,
                    ended_at, deleted_at)
                SELECT target, owner_id, request_id, kind, status, latitude, longitude, created_at, ended_at, deleted_at
                FROM jsonb_populate_record(NULL::deleted_emergency, w);
            END IF;
            DELETE FROM alert WHERE emergency_id = target;
            DELETE FROM emergency WHERE id = target;

        -- To all helpers on duty: a ring at the owner.
        WHEN 'announce_emergency' THEN
            INSERT INTO ring (owner_id, rung_at, helper_id)
            SELECT e.owner_id, decided_at, e.owner_id FROM emergency e WHERE e.id = target
            ON CONFLICT DO NOTHING;

        -- The wave of an emergency only grows. A helper who is alerted again stays in the first wave that alerted them.
        WHEN 'send_alerts' THEN
            IF EXISTS (SELECT FROM jsonb_array_elements(w -> 'recipients') AS r
                       WHERE NOT r ?& recipient_keys OR r - recipient_keys <> '{}')
            THEN
                RAISE EXCEPTION 'apply_change_v3: unexpected keys of a recipient' USING ERRCODE = 'AN002';
            END IF;
            new_wave := w ->> 'wave';
            SELECT e.wave, e.owner_id INTO known_wave, owner FROM emergency e WHERE e.id = target;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'the emergency is gone' USING ERRCODE = 'AN001';
            END IF;
            IF known_wave < new_wave THEN
                UPDATE emergency e SET wave = new_wave WHERE e.id = target;
            END IF;
            -- Each emergency counts once at a helper, however often it rings. Rings of days ago limit nothing any more.
            DELETE FROM ring WHERE owner_id = owner AND rung_at < decided_at - interval '2 days';
            INSERT INTO ring (owner_id, rung_at, helper_id)
            SELECT owner, decided_at, r.helper
            FROM jsonb_to_recordset(w -> 'recipients') AS r (helper uuid, distance double precision)
            WHERE NOT EXISTS (SELECT FROM alert a
                              WHERE a.emergency_id = target AND a.helper_id = r.helper AND a.wave IS NOT NULL)
            ON CONFLICT DO NOTHING;
            -- A first wave conflicts with nothing, and a plain insert of fifty rows is cheaper.
            IF EXISTS (SELECT FROM alert a WHERE a.emergency_id = target) THEN
                INSERT INTO alert AS a (emergency_id, helper_id, wave, distance, sent_at)
                SELECT target, r.helper, new_wave, r.distance, decided_at
                FROM jsonb_to_recordset(w -> 'recipients') AS r (helper uuid, distance double precision)
                ON CONFLICT ON CONSTRAINT alert_pkey DO UPDATE SET
                    wave = coalesce(a.wave, excluded.wave), distance = coalesce(a.distance, excluded.distance),
                    first_sent_at = coalesce(a.first_sent_at, a.sent_at),
                    repeats = a.repeats + CASE WHEN a.wave IS NULL THEN 0 ELSE 1 END, sent_at = excluded.sent_at;
            ELSE
                INSERT INTO alert (emergency_id, helper_id, wave, distance, sent_at)
                SELECT target, r.helper, new_wave, r.distance, decided_at
                FROM jsonb_to_recordset(w -> 'recipients') AS r (helper uuid, distance double precision);
            END IF;

        -- Idempotent: an alert that was acknowledged before or never sent stays as it is, and the event of this
        -- acknowledgement is left out below.
        WHEN 'acknowledge_alert' THEN
            UPDATE alert SET acknowledged_at = decided_at
            WHERE emergency_id = target AND helper_id = person AND wave IS NOT NULL AND acknowledged_at IS NULL;
            IF FOUND THEN
                acknowledged := acknowledged || person;
            ELSE
                unchanged := unchanged || concat(target, '/', person);
            END IF;

        -- Something came from a device of the helper: no acknowledgement, and no event.
        WHEN 'receive_alert' THEN
            UPDATE alert SET received_at = decided_at
            WHERE emergency_id = target AND helper_id = person AND wave IS NOT NULL AND received_at IS NULL;

        WHEN 'set_declined' THEN
            PERFORM FROM emergency e WHERE e.id = target;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'the emergency is gone' USING ERRCODE = 'AN001';
            END IF;
            IF (w ->> 'declined')::boolean THEN
                INSERT INTO alert AS a (emergency_id, helper_id, declined_at) VALUES (target, person, decided_at)
                ON CONFLICT ON CONSTRAINT alert_pkey DO UPDATE SET
                    declined_at = coalesce(a.declined_at, excluded.declined_at);
            ELSE
                DELETE FROM alert WHERE emergency_id = target AND helper_id = person AND wave IS NULL;
                UPDATE alert SET declined_at = NULL
                WHERE emergency_id = target AND helper_id = person AND declined_at IS NOT NULL;
            END IF;

        -- The emergency is locked, so no other message comes in between.
        WHEN 'expect_messages_before' THEN
            IF EXISTS (SELECT FROM message WHERE emergency_id = target AND created_at >= (w ->> 'before')::timestamptz) THEN
                RAISE EXCEPTION 'the emergency has a newer message' USING ERRCODE = 'AN001';
            END IF;

        WHEN 'add_message_request' THEN
            INSERT INTO message_request (emergency_id, sender_id, request_id, message_id)
            SELECT emergency_id, sender_id, request_id, message_id
            FROM jsonb_populate_record(NULL::message_request, w);

        WHEN 'post_message' THEN
            INSERT INTO message (id, emergency_id, sender_role, sender_id, recipient, recipient_id, body, created_at)
            SELECT id, emergency_id, sender_role, sender_id, recipient, recipient_id, body, created_at
            FROM jsonb_populate_record(NULL::message, w);

        -- The log holds the text too, and must not keep it.
        WHEN 'delete_message' THEN
            DELETE FROM message WHERE id = (w ->> 'id')::uuid AND emergency_id = target;
            DELETE FROM event
            WHERE emergency_id = target AND kind = 'message_posted' AND body -> 'message' ->> 'id' = w ->> 'id';

        WHEN 'add_rating' THEN
            INSERT INTO rating (emergency_id, helper_id, score, comment, created_at)
            VALUES (target, person, (w ->> 'score')::smallint, w ->> 'comment', decided_at);
            IF w -> 'counts' <> 'null' THEN
                -- Two ratings of one pair wait for each other here, and the second sees the first.
                PERFORM FROM account WHERE id = person FOR NO KEY UPDATE;
                IF EXISTS (SELECT FROM reputation_gain g
                           WHERE g.helper_id = person AND g.owner_id = (w -> 'counts' ->> 'owner')::uuid
                               AND g.kind = 'rating' AND g.gained_at > (w -> 'counts' ->> 'unless_since')::timestamptz)
                THEN
                    RAISE EXCEPTION 'another rating of this pair counts' USING ERRCODE = 'AN001';
                END IF;
                INSERT INTO reputation_gain (emergency_id, helper_id, kind, owner_id, points, gained_at)
                VALUES (target, person, 'rating', (w -> 'counts' ->> 'owner')::uuid, 0, decided_at);
                UPDATE account SET rating_sum = rating_sum + (w ->> 'score')::integer, rating_count = rating_count + 1
                WHERE id = person;
            END IF;

        WHEN 'add_report' THEN
            INSERT INTO report (emergency_id, reporter_id, about_id, reason, created_at)
            VALUES (target, (w ->> 'reporter_id')::uuid, (w ->> 'about_id')::uuid, w ->> 'reason', decided_at);

        END CASE;
    END LOOP;

    -- A young account is proven by its first acknowledgement. Locked in the order of ids, as everywhere.
    IF acknowledged <> '{}' THEN
        WITH helper AS (
            SELECT id FROM account
            WHERE id = ANY (acknowledged) AND acknowledged_at IS NULL AND created_at > decided_at - interval '24 hours'
            ORDER BY id FOR NO KEY UPDATE
        )
        UPDATE account a SET acknowledged_at = decided_at FROM helper WHERE a.id = helper.id;
    END IF;

    WITH appended AS (
        INSERT INTO event (at, emergency_id, actor_id, kind, body)
        SELECT e.at, e.emergency_id, e.actor_id, e.kind, e.body
        FROM ROWS FROM (
            jsonb_to_recordset(change -> 'events')
                AS (at timestamptz, emergency_id uuid, actor_id uuid, kind text, body jsonb)
        ) WITH ORDINALITY AS e (at, emergency_id, actor_id, kind, body, ordinality)
        WHERE (e.kind <> 'alert_acknowledged' OR concat(e.emergency_id, '/', e.body ->> 'helper') <> ALL (unchanged))
            AND (e.kind <> 'alert_seen' OR concat(e.emergency_id, '/', e.body ->> 'helper') <> ALL (unseen))
        ORDER BY e.ordinality
        RETURNING seq
    )
    SELECT array_agg(seq ORDER BY seq) INTO numbers FROM appended;

    IF jsonb_array_length(change -> 'sends') = 0 THEN
        RETURN;
    END IF;
    -- A change with messages has no event that is left out, so the nth number belongs to the nth event. Most users have no
    -- device and want nothing else, and get none.
    INSERT INTO outbox (kind, purpose, user_id, emergency_id, emergency_kind, event_id, distance, device_id, created_at,
        counts_since, expires_at, due_at)
    SELECT s.kind, s.purpose, s.user_id, s.emergency_id, s.emergency_kind, numbers[s.event + 1], s.distance, s.device_id, decided_at,
        CASE WHEN s.repeats THEN coalesce(
            (SELECT o.counts_since FROM outbox o
             WHERE o.emergency_id = s.emergency_id AND o.user_id = s.user_id AND o.kind = 'alert'), decided_at)
        ELSE decided_at END,
        s.expires_at, decided_at
    FROM jsonb_to_recordset(change -> 'sends') AS s (kind text, purpose text, user_id uuid, emergency_id uuid, emergency_kind text,
        event integer, distance double precision, device_id uuid, repeats boolean, expires_at timestamptz,
        unless_since timestamptz)
    WHERE (EXISTS (SELECT FROM device d WHERE d.account_id = s.user_id)
            OR s.kind = 'alert' AND EXISTS (
                SELECT FROM account a WHERE a.id = s.user_id AND (a.notify_email OR a.notify_sms)))
        AND (s.unless_since IS NULL OR NOT EXISTS (
            SELECT FROM outbox o
            WHERE o.emergency_id = s.emergency_id AND o.user_id = s.user_id AND o.kind = s.kind
                AND o.purpose IS NOT DISTINCT FROM s.purpose AND o.created_at >= s.unless_since))
    ON CONFLICT (emergency_id, user_id) WHERE kind = 'alert' DO UPDATE SET
        event_id = excluded.event_id, distance = excluded.distance, created_at = excluded.created_at,
        counts_since = excluded.counts_since, expires_at = excluded.expires_at, step = 0, due_at = excluded.due_at;
END $$;

-- Commits a change with writes to accounts that `apply_change_v3` does not know: `account_writes`, made by
-- crates/postgres/src/account_writes.rs.
CREATE FUNCTION apply_account_change_v3(change jsonb, account_writes jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    w jsonb;
    deletion CONSTANT jsonb := (SELECT d FROM jsonb_array_elements(account_writes) d WHERE d ->> 'op' = 'delete_account');
    deleted CONSTANT uuid := deletion ->> 'id';
    records uuid[];
BEGIN
    -- Before events are numbered: readers of the log wait at a number whose change waits for a lock, or takes long.
    IF deleted IS NOT NULL THEN
        records := lock_account_v1(deleted, ARRAY (SELECT e::uuid FROM jsonb_array_elements_text(change -> 'emergencies') AS e));
        PERFORM forget_in_events_v1(deleted, (deletion ->> 'former_id')::uuid,
            records || alerts_of_account_v1(deleted) || administered_by_v1(deleted),
            (SELECT coalesce(max(seq), 0) FROM event));
    END IF;
    PERFORM apply_change_v3(change);
    FOR w IN SELECT value FROM jsonb_array_elements(account_writes) WITH ORDINALITY ORDER BY ordinality LOOP
        CASE w ->> 'op'
        WHEN 'describe_session' THEN
            UPDATE session SET user_agent = w ->> 'user_agent' WHERE id = (w ->> 'id')::uuid;
        WHEN 'delete_account' THEN
            PERFORM delete_account_v2((w ->> 'id')::uuid, (w ->> 'former_id')::uuid, records, (change ->> 'at')::timestamptz);
        WHEN 'succeed_account' THEN
            UPDATE account SET successor_id = (w ->> 'id')::uuid WHERE former_email_hash = email_hash_v1(w ->> 'email');
        ELSE
            RAISE EXCEPTION 'apply_account_change_v3: unknown write %', w ->> 'op' USING ERRCODE = 'AN002';
        END CASE;
    END LOOP;
END
$$;

-- Commits a change with new details of an emergency, which `apply_change_v3` does not know: {emergency_id, kind, category,
-- description, priority, severity}, made by crates/postgres/src/detail_writes.rs.
--
-- The change also updates the emergency, on condition of its revision, and holds the lock of its row.
CREATE FUNCTION change_details_v2(change jsonb, details jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    detail_keys CONSTANT text[] := '{emergency_id,kind,category,description,priority,severity}';
    target CONSTANT uuid := details ->> 'emergency_id';
BEGIN
    IF NOT details ?& detail_keys OR details - detail_keys <> '{}' THEN
        RAISE EXCEPTION 'change_details_v2: unexpected keys' USING ERRCODE = 'AN002';
    END IF;
    -- In the order in which the steps of messages are locked, and before the event is numbered: readers of the log wait at a number
    -- whose change waits for a lock.
    PERFORM FROM emergency WHERE id = target FOR NO KEY UPDATE;
    PERFORM FROM outbox WHERE emergency_id = target AND due_at IS NOT NULL AND emergency_kind <> details ->> 'kind'
    ORDER BY id FOR NO KEY UPDATE;
    PERFORM apply_change_v3(change);
    UPDATE emergency SET kind = details ->> 'kind', category = details ->> 'category',
        description = details ->> 'description', priority = details ->> 'priority',
        severity = (details ->> 'severity')::smallint
    WHERE id = target;
    -- Later steps of messages that are being sent say what the emergency is.
    UPDATE outbox SET emergency_kind = details ->> 'kind'
    WHERE emergency_id = target AND due_at IS NOT NULL AND emergency_kind <> details ->> 'kind';
END
$$;
