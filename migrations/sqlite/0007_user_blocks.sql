-- Blocks between users. A row is a block in effect. It stays after its user has removed it from the list, for as long as
-- its effects last, and is deleted then, so that no query compares times.

-- The key of the hashes of emails. It never changes. Exactly one row.
create table block_key (
    the_only integer not null primary key constraint block_key_only_check check (the_only = 1),
    key      blob    not null
) strict;

insert into block_key (the_only, key) values (1, randomblob(32));

create table user_block (
    id           blob    not null primary key constraint user_block_id_is_uuid check (length(id) = 16),
    -- The user that blocks.
    owner_id     blob    not null constraint user_block_owner_fk references account (id) on delete cascade,
    -- What is blocked, as the user named it: an account that need not exist, or an email in lower case.
    user_id      blob    constraint user_block_user_is_uuid check (length(user_id) = 16),
    email        text,
    -- The email of the blocked account; null if there is no account with the id.
    email_hash   blob,
    -- The account that the block applies to; null while there is none. No reference, because a block outlives it.
    blocked_id   blob    constraint user_block_blocked_is_uuid check (length(blocked_id) = 16),
    created_at   integer not null,
    -- The earliest end of its effects.
    earliest_end integer not null,
    -- When its effects end; null while it is in the list.
    ends_at      integer,
    constraint user_block_target_check check ((user_id is null) <> (email is null))
) strict;

-- One block per user and target.
create unique index user_block_user on user_block (owner_id, user_id) where user_id is not null;
create unique index user_block_email on user_block (owner_id, email) where email is not null;
-- Who blocks whom, in both directions.
create index user_block_by_owner on user_block (owner_id, blocked_id);
create index user_block_by_blocked on user_block (blocked_id, owner_id);
-- A new account looks for blocks that wait for its email.
create index user_block_by_email on user_block (email_hash);
-- Timers.
create index user_block_ending on user_block (ends_at) where ends_at is not null;
