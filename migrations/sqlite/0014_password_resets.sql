-- Emails to users, the first of which resets a forgotten password.

-- The language of messages to the user.
alter table account add column locale text not null default 'en' constraint account_locale_check check (locale in ('en', 'de'));

drop view account_view;
create view account_view as
select id, email, first_name, last_name, phone, avatar, bio, role, blocked, verification, available, skills, trust_score,
       rating_sum, rating_count, created_at, locale
from account;
