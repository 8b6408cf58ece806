-- What helpers did with earlier alerts: how likely somebody comes is estimated from these counts, and from nothing else about a person.
--
-- An alert counts once its answer came or its emergency ended, and only if a device received it: otherwise it tells about the device.
-- No row stands for no alert. No foreign key, because the end of an emergency counts the alerts of many helpers, and must not lock their
-- accounts.
CREATE TABLE helper_history (
    account_id uuid CONSTRAINT helper_history_pkey PRIMARY KEY,
    alerts integer NOT NULL CONSTRAINT helper_history_alerts_check CHECK (alerts >= 0),
    accepted integer NOT NULL CONSTRAINT helper_history_accepted_check CHECK (accepted >= 0),
    declined integer NOT NULL CONSTRAINT helper_history_declined_check CHECK (declined >= 0),
    arrived integer NOT NULL CONSTRAINT helper_history_arrived_check CHECK (arrived >= 0),
    -- Acceptances that were neither cancelled nor stalled.
    kept integer NOT NULL CONSTRAINT helper_history_kept_check CHECK (kept >= 0)
);

-- The newest alert of a helper before a time.
CREATE INDEX alert_by_helper_time ON alert (helper_id, sent_at) WHERE wave IS NOT NULL;

-- Adds to the counts of a helper. No-op for one whose account was deleted: the alerts stand for a former user by then.
CREATE FUNCTION count_history_v1(_helper uuid, _alerts integer, _accepted integer, _declined integer, _arrived integer, _kept integer)
RETURNS void LANGUAGE sql AS $$
    INSERT INTO helper_history AS h (account_id, alerts, accepted, declined, arrived, kept)
    SELECT a.id, greatest(_alerts, 0), greatest(_accepted, 0), greatest(_declined, 0), greatest(_arrived, 0), greatest(_kept, 0)
    FROM account a WHERE a.id = _helper AND a.deleted_at IS NULL
    ON CONFLICT ON CONSTRAINT helper_history_pkey DO UPDATE SET
        alerts = greatest(h.alerts + _alerts, 0), accepted = greatest(h.accepted + _accepted, 0),
        declined = greatest(h.declined + _declined, 0), arrived = greatest(h.arrived + _arrived, 0),
        kept = greatest(h.kept + _kept, 0)
$$;

-- Who was told that they need not come may cancel.
CREATE FUNCTION is_kept_v1(status text, dispatch jsonb) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT ((status <> 'cancelled' OR dispatch ->> 'stood_down_at' IS NOT NULL) AND dispatch ->> 'stalled_at' IS NULL)::integer
$$;

-- Of a helper who was alerted: the first answer counts the alert, each acceptance and arrival counts, and what was cancelled or has
-- stalled is not kept.
CREATE FUNCTION count_response() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_new CONSTANT boolean := TG_OP = 'INSERT';
    was_declined boolean;
BEGIN
    SELECT l.declined_at IS NOT NULL INTO was_declined FROM alert l
    WHERE l.emergency_id = NEW.emergency_id AND l.helper_id = NEW.helper_id AND l.wave IS NOT NULL;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF is_new THEN
        PERFORM count_history_v1(NEW.helper_id, (NOT was_declined)::integer, 1, 0, (NEW.status = 'arrived')::integer,
            is_kept_v1(NEW.status, NEW.dispatch));
    ELSE
        PERFORM count_history_v1(NEW.helper_id, 0, (OLD.status = 'cancelled' AND NEW.status <> 'cancelled')::integer, 0,
            (OLD.status <> 'arrived' AND NEW.status = 'arrived')::integer,
            is_kept_v1(NEW.status, NEW.dispatch) - is_kept_v1(OLD.status, OLD.dispatch));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER response_counted AFTER INSERT ON response FOR EACH ROW EXECUTE FUNCTION count_response();
CREATE TRIGGER response_counted_again AFTER UPDATE OF status, dispatch ON response
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status
        OR (OLD.dispatch ->> 'stalled_at' IS NULL) <> (NEW.dispatch ->> 'stalled_at' IS NULL)
        OR (OLD.dispatch ->> 'stood_down_at' IS NULL) <> (NEW.dispatch ->> 'stood_down_at' IS NULL))
    EXECUTE FUNCTION count_response();

-- A decline is an answer. One that is taken back by accepting stays the first answer.
CREATE FUNCTION count_decline() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    declines CONSTANT boolean := NEW.declined_at IS NOT NULL;
    has_responded CONSTANT boolean := EXISTS (
        SELECT FROM response r WHERE r.emergency_id = NEW.emergency_id AND r.helper_id = NEW.helper_id);
BEGIN
    PERFORM count_history_v1(NEW.helper_id, (declines AND NOT has_responded)::integer, 0,
        CASE WHEN declines THEN 1 ELSE -1 END, 0, 0);
    RETURN NULL;
END $$;
CREATE TRIGGER decline_counted AFTER UPDATE OF declined_at ON alert
    FOR EACH ROW WHEN (NEW.wave IS NOT NULL AND (OLD.declined_at IS NULL) <> (NEW.declined_at IS NULL))
    EXECUTE FUNCTION count_decline();

-- Alerts that were received and never answered count at the end, and an end that is undone takes that back. In the order of helpers, so
-- that two ends do not wait for each other.
CREATE FUNCTION count_unanswered() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ends CONSTANT boolean := NEW.status NOT IN ('active', 'responding');
BEGIN
    PERFORM count_history_v1(l.helper_id, CASE WHEN ends THEN 1 ELSE -1 END, 0, 0, 0, 0)
    FROM (
        SELECT l.helper_id FROM alert l
        WHERE l.emergency_id = NEW.id AND l.wave IS NOT NULL AND l.declined_at IS NULL
            AND coalesce(l.acknowledged_at, l.received_at) IS NOT NULL
            AND NOT EXISTS (SELECT FROM response r WHERE r.emergency_id = l.emergency_id AND r.helper_id = l.helper_id)
        ORDER BY l.helper_id
    ) AS l;
    RETURN NULL;
END $$;
CREATE TRIGGER unanswered_counted AFTER UPDATE OF status ON emergency
    FOR EACH ROW WHEN ((OLD.status IN ('active', 'responding')) <> (NEW.status IN ('active', 'responding')))
    EXECUTE FUNCTION count_unanswered();

-- Nodes of the release before delete accounts, too.
CREATE FUNCTION remove_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM helper_history h WHERE h.account_id = OLD.id;
    RETURN NULL;
END $$;
CREATE TRIGGER history_removed AFTER DELETE ON account FOR EACH ROW EXECUTE FUNCTION remove_history();
