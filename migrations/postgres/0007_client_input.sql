-- What clients send about the order of their own positions and messages.

-- The newest time at which the device of a session took a position, by its own clock: an older one that arrives later,
-- from a buffer, is not stored.
ALTER TABLE session ADD COLUMN newest_fix_at timestamptz;

-- The number that a client gave a message, so that a repeated request is no second message.
CREATE TABLE message_request (
    emergency_id uuid NOT NULL,
    sender_id uuid NOT NULL,
    request_id text NOT NULL,
    message_id uuid NOT NULL CONSTRAINT message_request_message REFERENCES message ON DELETE CASCADE,
    CONSTRAINT message_request_pkey PRIMARY KEY (emergency_id, sender_id, request_id)
);
-- Deletes the numbers of a message with it.
CREATE INDEX message_request_by_message ON message_request (message_id);
