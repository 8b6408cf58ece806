-- What clients send about the order of their own positions and messages.

-- The newest time at which the device of a session took a position, by its own clock: an older one that arrives later,
-- from a buffer, is not stored.
alter table session add column newest_fix_at integer;

-- The number that a client gave a message, so that a repeated request is no second message.
create table message_request (
    emergency_id blob not null,
    sender_id    blob not null,
    request_id   text not null,
    message_id   blob not null constraint message_request_message_fk references message (id) on delete cascade,
    constraint message_request_pk primary key (emergency_id, sender_id, request_id)
) strict, without rowid;

-- Deletes the numbers of a message with it.
create index message_request_by_message on message_request (message_id);
