-- Accounts are deleted. What others have a part in is kept under another id, as that of a "Former user".

-- These three are of a row that stands for a deleted account: the hash of its email, until reports about it do not count any more;
-- when it was deleted; and the account that has the email since.
alter table account add column former_email_hash blob;
alter table account add column deleted_at integer;
alter table account add column successor_id blob constraint account_successor_is_uuid check (length(successor_id) = 16);
create index account_former_email on account (former_email_hash) where former_email_hash is not null;
create index account_successor on account (successor_id) where successor_id is not null;

-- As before (0016), without those rows.
drop view account_view;
create view account_view as
select id, email, first_name, last_name, phone, avatar, bio, role, blocked, verification, available, alert_preferences,
       alert_scope, skills, trust_score, rating_sum, rating_count, created_at, locale
from account where deleted_at is null;

-- Deleted accounts whose id may still be in events that clients have to be sent.
create table account_erasure (
    user_id    blob    not null primary key constraint account_erasure_user_is_uuid check (length(user_id) = 16),
    former_id  blob    not null constraint account_erasure_former_is_uuid check (length(former_id) = 16),
    deleted_at integer not null
) strict, without rowid;

-- What is kept of an account is found by the account.
create index emergency_end on emergency (ended_by) where ended_by is not null;
create index message_recipient on message (recipient_id) where recipient_id is not null;
create index reputation_gain_owner on reputation_gain (owner_id);
create index deleted_emergency_owner on deleted_emergency (owner_id, created_at);
create index alert_of_helper on alert (helper_id);
