-- Which exact places administrators have read of other users.

CREATE TABLE access_log (
    -- The user whose place was read.
    user_id uuid NOT NULL CONSTRAINT access_log_account REFERENCES account ON DELETE CASCADE,
    -- Not bound to the emergency, which may be deleted since.
    emergency_id uuid NOT NULL,
    -- The administrator. Not bound to the account, so that the entry stays when that is deleted.
    reader_id uuid NOT NULL,
    -- The number of the hour since 1970: there is one entry in it.
    hour bigint NOT NULL,
    at timestamptz NOT NULL,
    what text NOT NULL CONSTRAINT access_log_what CHECK (what IN ('emergency', 'list', 'timeline', 'helpers', 'room')),
    CONSTRAINT access_log_pkey PRIMARY KEY (user_id, emergency_id, reader_id, hour)
);
CREATE INDEX access_log_by_time ON access_log (user_id, at);
