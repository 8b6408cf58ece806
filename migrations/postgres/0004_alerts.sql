-- What the search for helpers keeps: its own state, how often and when each helper was rung, and which helpers are proven.

-- The state of a search that only the domain reads (crates/domain/src/search.rs); null for an emergency of the release
-- before.
ALTER TABLE emergency ADD COLUMN search jsonb;

ALTER TABLE alert
    -- The first ring, once there was another one; `sent_at` is the last.
    ADD COLUMN first_sent_at timestamptz,
    ADD COLUMN repeats integer NOT NULL DEFAULT 0 CONSTRAINT alert_repeats CHECK (repeats >= 0),
    -- When anything came from a device that had been sent the alert. Most clients never acknowledge.
    ADD COLUMN received_at timestamptz;

-- The first ring of each emergency at each helper, by its owner. In a table of its own, because an owner may delete an
-- emergency with its alerts. No foreign keys, as for alerts.
CREATE TABLE ring (
    owner_id uuid NOT NULL,
    rung_at timestamptz NOT NULL,
    helper_id uuid NOT NULL,
    CONSTRAINT ring_pkey PRIMARY KEY (owner_id, rung_at, helper_id)
);

-- When a push service first accepted the alert, when the helper saw it, and when sending it to their devices failed for good.
ALTER TABLE alert ADD COLUMN pushed_at timestamptz, ADD COLUMN seen_at timestamptz, ADD COLUMN failed_at timestamptz;

-- The first acknowledgement of any alert by a young account.
ALTER TABLE account ADD COLUMN acknowledged_at timestamptz;

-- From when on the account counts as proven: a day old, or an alert acknowledged. STABLE, because adding an interval to a
-- time is.
CREATE FUNCTION proven_at(a account) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT least(a.acknowledged_at, a.created_at + interval '24 hours')
$$;

-- A copy, as `duty` is, so that a search for helpers reads no other table.
ALTER TABLE position ADD COLUMN proven_at timestamptz;
UPDATE position p SET proven_at = proven_at(a) FROM account a WHERE a.id = p.account_id;

CREATE FUNCTION copy_proven_at_to_position() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE position p SET proven_at = proven_at(NEW) WHERE p.account_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER account_proven AFTER UPDATE OF acknowledged_at ON account
    FOR EACH ROW WHEN (OLD.acknowledged_at IS DISTINCT FROM NEW.acknowledged_at)
    EXECUTE FUNCTION copy_proven_at_to_position();

-- As before (0001), and the second copy.
CREATE OR REPLACE FUNCTION copy_duty_from_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE position p SET duty = duty(a), proven_at = proven_at(a)
    FROM (SELECT * FROM account WHERE id = NEW.account_id FOR SHARE) AS a
    WHERE p.account_id = NEW.account_id;
    RETURN NULL;
END $$;
