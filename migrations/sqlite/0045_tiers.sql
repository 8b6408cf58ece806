-- What an administrator has checked of a helper: how far the account was checked, and skills until when.
--
-- `tier` is null for an account that was verified by a node of a release before, or never: a verified one counts as registered.
-- `checked_skills` is a list of {name, until}, or null without any; `until` is null for a skill that does not expire.
alter table account add column tier text constraint account_tier_check check (tier in ('public', 'registered', 'professional'));
alter table account add column checked_skills text;

-- As before (0040), with what was checked.
drop view account_view;
create view account_view as
select id, email, first_name, last_name, phone, avatar, bio, role, blocked, verification, available, alert_preferences,
       alert_scope, skills, transport, tier, checked_skills, trust_score, rating_sum, rating_count, created_at, locale
from account where deleted_at is null;
