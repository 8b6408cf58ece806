-- When helpers want to be alerted: their preferences, what follows from them, and copies for the search for helpers.

ALTER TABLE account
    -- Read by the domain only (crates/domain/src/availability.rs). Null for the default.
    ADD COLUMN alert_preferences jsonb,
    -- Which emergencies reach the helper while on duty, as the log says.
    ADD COLUMN alert_scope text NOT NULL DEFAULT 'all' CONSTRAINT account_alert_scope CHECK (alert_scope IN ('none', 'critical', 'all')),
    -- The present absence because of quiet hours or a pause, or else the next one. A search compares times only.
    ADD COLUMN away_from timestamptz,
    ADD COLUMN away_until timestamptz,
    -- Whether critical emergencies do not reach the helper in it either.
    ADD COLUMN away_from_critical boolean NOT NULL DEFAULT false,
    -- By which further channels the helper wants to be alerted.
    ADD COLUMN notify_email boolean NOT NULL DEFAULT false,
    ADD COLUMN notify_sms boolean NOT NULL DEFAULT false,
    -- Maximum number of different owners whose emergencies ring the helper in 24 hours.
    ADD COLUMN max_alerts_per_day integer CONSTRAINT account_max_alerts CHECK (max_alerts_per_day BETWEEN 1 AND 50),
    -- When all of this is computed again.
    ADD COLUMN alert_review_at timestamptz,
    ADD CONSTRAINT account_away CHECK ((away_from IS NULL) = (away_until IS NULL));
-- Timers.
CREATE INDEX account_alert_review ON account (alert_review_at) WHERE alert_review_at IS NOT NULL;

-- Copies, as `duty` is, so that a search for helpers reads no other table.
ALTER TABLE position
    ADD COLUMN away_from timestamptz,
    ADD COLUMN away_until timestamptz,
    ADD COLUMN away_from_critical boolean NOT NULL DEFAULT false,
    ADD COLUMN max_alerts_per_day integer;

CREATE FUNCTION copy_absence_to_position() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE position p SET away_from = NEW.away_from, away_until = NEW.away_until,
        away_from_critical = NEW.away_from_critical, max_alerts_per_day = NEW.max_alerts_per_day
    WHERE p.account_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER account_absence AFTER UPDATE OF away_from, away_until, away_from_critical, max_alerts_per_day ON account
    FOR EACH ROW WHEN ((OLD.away_from, OLD.away_until, OLD.away_from_critical, OLD.max_alerts_per_day)
        IS DISTINCT FROM (NEW.away_from, NEW.away_until, NEW.away_from_critical, NEW.max_alerts_per_day))
    EXECUTE FUNCTION copy_absence_to_position();

-- As before (0004), and the new copies.
CREATE OR REPLACE FUNCTION copy_duty_from_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE position p SET duty = duty(a), proven_at = proven_at(a), away_from = a.away_from, away_until = a.away_until,
        away_from_critical = a.away_from_critical, max_alerts_per_day = a.max_alerts_per_day
    FROM (SELECT * FROM account WHERE id = NEW.account_id FOR SHARE) AS a
    WHERE p.account_id = NEW.account_id;
    RETURN NULL;
END $$;

-- The rings of a helper in a day; and the newest rings of all.
CREATE INDEX ring_by_helper ON ring (helper_id, rung_at);
CREATE INDEX ring_by_time ON ring (rung_at);

-- Whether emergencies of as many other owners as the limit says rang the helper in the last 24 hours. Called for the few helpers
-- with a limit only. Rings at oneself are those of announcements.
CREATE FUNCTION alert_limit_reached_v1(helper uuid, max_alerts integer, owner uuid, now timestamptz)
RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT count(DISTINCT r.owner_id) >= max_alerts FROM ring r
    WHERE r.helper_id = helper AND r.rung_at > now - interval '24 hours' AND r.owner_id <> helper AND r.owner_id <> owner
$$;

-- Whether an emergency of this owner reaches the helper at this position now. A plain expression, so that the planner makes it part
-- of the statement that asks.
CREATE FUNCTION is_reached_v1(p "position", owner uuid, critical boolean, now timestamptz)
RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT (p.away_until IS NULL OR p.away_until <= now OR p.away_from > now OR (critical AND NOT p.away_from_critical))
        AND (p.max_alerts_per_day IS NULL OR critical
            OR NOT alert_limit_reached_v1(p.account_id, p.max_alerts_per_day, owner, now))
$$;

-- See the domain, `Details::is_critical`.
CREATE FUNCTION is_critical_v1(e emergency) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT e.priority = 'critical' OR e.severity >= 8
$$;
