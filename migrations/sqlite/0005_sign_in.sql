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
