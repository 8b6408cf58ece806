-- Emails to users, the first of which resets a forgotten password.

-- The language of messages to the user.
alter table account add column locale text not null default 'en' constraint account_locale_check check (locale in ('en', 'de'));

drop view account_view;
create view account_view as
select id, email, first_name, last_name, phone, avatar, bio, role, blocked, verification, available, skills, trust_score,
       rating_sum, rating_count, created_at, locale
from account;

-- Tokens with which a forgotten password is replaced. A row stays for a day, since the tokens of a day are counted.
create table password_reset (
    account_id blob    not null constraint password_reset_account_fk references account (id) on delete cascade,
    created_at integer not null,
    -- A keyed hash; null once the token was used or replaced.
    token_hash blob    constraint password_reset_token_is_uuid check (length(token_hash) = 16),
    primary key (account_id, created_at)
) strict, without rowid;

create unique index password_reset_token on password_reset (token_hash) where token_hash is not null;
