-- What keeps strangers out of an account, and its owner in.

-- The refresh tokens that were presented in the last seconds, with the successor that each was exchanged for: a token that is
-- presented again has the same one.
create table refresh_presentation (
    session_id   blob    not null constraint refresh_presentation_session_fk references session (id) on delete cascade,
    token        blob    not null constraint refresh_presentation_token_is_uuid check (length(token) = 16),
    successor    blob    not null constraint refresh_presentation_successor_is_uuid check (length(successor) = 16),
    presented_at integer not null,
    primary key (session_id, token)
) strict, without rowid;

-- The addresses from which an account logged in, under a keyed hash: failed logins from elsewhere do not keep its owner out.
create table login_address (
    account_id    blob    not null constraint login_address_account_fk references account (id) on delete cascade,
    address_hash  blob    not null constraint login_address_hash_is_uuid check (length(address_hash) = 16),
    last_login_at integer not null,
    primary key (account_id, address_hash)
) strict, without rowid;

-- Failed logins. The account is the keyed hash of the email that was given, whether there is an account or not. Rows that do
-- not count any more are deleted by later ones.
create table login_failure (
    id           integer not null primary key,
    account_hash blob    not null constraint login_failure_account_is_uuid check (length(account_hash) = 16),
    address_hash blob    not null constraint login_failure_address_is_uuid check (length(address_hash) = 16),
    failed_at    integer not null
) strict;

-- The failures of one address, and of all.
create index login_failure_address on login_failure (account_hash, address_hash, failed_at);
create index login_failure_account on login_failure (account_hash, failed_at);
-- The oldest, to be deleted.
create index login_failure_age on login_failure (failed_at);
