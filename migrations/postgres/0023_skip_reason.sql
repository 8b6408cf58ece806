-- Why a search passes over a helper: a pause is told from quiet hours.

-- A copy of the end of the pause in the preferences, as the columns before it are copies (0020).
ALTER TABLE position ADD COLUMN paused_until timestamptz;

CREATE FUNCTION paused_until_v1(preferences jsonb) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT (preferences ->> 'paused_until')::timestamptz
$$;

CREATE OR REPLACE FUNCTION copy_absence_to_position() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE position p SET away_from = NEW.away_from, away_until = NEW.away_until,
        away_from_critical = NEW.away_from_critical, max_alerts_per_day = NEW.max_alerts_per_day,
        paused_until = paused_until_v1(NEW.alert_preferences)
    WHERE p.account_id = NEW.id;
    RETURN NULL;
END $$;
DROP TRIGGER account_absence ON account;
CREATE TRIGGER account_absence
    AFTER UPDATE OF away_from, away_until, away_from_critical, max_alerts_per_day, alert_preferences ON account
    FOR EACH ROW WHEN ((OLD.away_from, OLD.away_until, OLD.away_from_critical, OLD.max_alerts_per_day,
            OLD.alert_preferences -> 'paused_until')
        IS DISTINCT FROM (NEW.away_from, NEW.away_until, NEW.away_from_critical, NEW.max_alerts_per_day,
            NEW.alert_preferences -> 'paused_until'))
    EXECUTE FUNCTION copy_absence_to_position();

-- As before (0020), and the new copy.
CREATE OR REPLACE FUNCTION copy_duty_from_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE position p SET duty = duty(a), proven_at = proven_at(a), away_from = a.away_from, away_until = a.away_until,
        away_from_critical = a.away_from_critical, max_alerts_per_day = a.max_alerts_per_day,
        paused_until = paused_until_v1(a.alert_preferences)
    FROM (SELECT * FROM account WHERE id = NEW.account_id FOR SHARE) AS a
    WHERE p.account_id = NEW.account_id;
    RETURN NULL;
END $$;

UPDATE position p SET paused_until = paused_until_v1(a.alert_preferences)
FROM account a WHERE a.id = p.account_id AND a.alert_preferences IS NOT NULL;

-- Why an emergency does not reach the helper at this position, given that it does not (`is_reached_v1`). The names are those of the
-- domain, `SkipReason`.
CREATE FUNCTION skip_reason_v1(p "position", critical boolean, now timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN p.away_until IS NULL OR p.away_until <= now OR p.away_from > now OR (critical AND NOT p.away_from_critical)
            THEN 'limit'
        WHEN p.paused_until > now THEN 'paused'
        ELSE 'quiet'
    END
$$;
