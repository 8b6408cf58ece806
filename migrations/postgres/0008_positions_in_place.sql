-- A position is reported every few seconds, and looked at in every call for help, so both are made cheap. The place is
-- two numbers that no index holds: most reports then change one row where it is (a heap-only update). What the spatial
-- index holds is an anchor, which moves only when somebody has gone further than 100 m from it; searches look that much
-- further, and decide by the place. And whether somebody is on duty is kept beside the place, so that a search looks
-- nobody up: by triggers, whoever writes the account.

CREATE TEMPORARY TABLE before ON COMMIT DROP AS SELECT * FROM position;
DROP TABLE position;

CREATE TABLE position (
    account_id uuid CONSTRAINT position_pkey PRIMARY KEY
        CONSTRAINT position_account REFERENCES account ON DELETE CASCADE,
    latitude double precision NOT NULL CONSTRAINT position_latitude CHECK (latitude BETWEEN -90 AND 90),
    longitude double precision NOT NULL CONSTRAINT position_longitude CHECK (longitude BETWEEN -180 AND 180),
    at timestamptz NOT NULL,
    anchor geography(Point, 4326) NOT NULL,
    -- 0: not on duty; 1: on duty where everybody may help; 2: on duty where helpers are verified, too.
    duty smallint NOT NULL DEFAULT 0 CONSTRAINT position_duty CHECK (duty BETWEEN 0 AND 2)
    -- Half of each page is left free for the next version of each row in it.
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

CREATE FUNCTION duty(a account) RETURNS smallint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN a.blocked THEN 0
        WHEN a.verification = 'verified' AND a.available THEN 2
        WHEN coalesce(a.available, true) THEN 1
        ELSE 0
    END::smallint
$$;

INSERT INTO position (account_id, latitude, longitude, at, anchor, duty)
SELECT b.account_id, ST_Y(b.place::geometry), ST_X(b.place::geometry), b.at, b.place, duty(a)
FROM before b JOIN account a ON a.id = b.account_id;

CREATE INDEX position_anchor ON position USING gist (anchor);

CREATE FUNCTION pass_duty_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE position p SET duty = duty(NEW) WHERE p.account_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER account_duty AFTER UPDATE OF blocked, verification, available ON account
    FOR EACH ROW WHEN (duty(OLD) <> duty(NEW)) EXECUTE FUNCTION pass_duty_on();

-- The account stays locked until this position is seen by whoever changes it, or its change is seen here.
CREATE FUNCTION take_duty_over() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE position p SET duty = duty(a)
    FROM (SELECT * FROM account WHERE id = NEW.account_id FOR SHARE) AS a
    WHERE p.account_id = NEW.account_id AND p.duty <> duty(a);
    RETURN NULL;
END $$;
CREATE TRIGGER position_duty AFTER INSERT ON position FOR EACH ROW EXECUTE FUNCTION take_duty_over();
