-- Emergency contacts are told of emergencies by email, if they agreed.

alter table contact add column phone text;
-- Smaller numbers come first in lists.
alter table contact add column sort_order integer not null default 0
    constraint contact_sort_order_check check (sort_order between 0 and 1000);
-- The delay after which the contact is told, and what it begins with.
alter table contact add column after_seconds integer not null default 0
    constraint contact_after_seconds_check check (after_seconds between 0 and 86400);
alter table contact add column told_on text not null default 'created'
    constraint contact_told_on_check check (told_on in ('created', 'unanswered'));
alter table contact add column lives_with_owner integer not null default 0
    constraint contact_lives_with_owner_check check (lives_with_owner in (0, 1));

-- The addresses that want no messages, of no user.
create table contact_stop (
    email      text    not null primary key,
    stopped_at integer not null
) strict, without rowid;

-- Whether an address agreed to messages about a user. One row for both, which outlives the contact: an address is invited once.
create table contact_consent (
    id            blob    not null primary key constraint contact_consent_id_is_uuid check (length(id) = 16),
    account_id    blob    not null constraint contact_consent_account_fk references account (id) on delete cascade,
    email         text    not null,
    -- When the invitation was planned for: the invitations of a day are counted.
    planned_at    integer not null,
    -- When it is to be sent; null when it is not any more. A claim moves it to its end.
    due_at        integer,
    attempts      integer not null default 0,
    invited_at    integer,
    confirmed_at  integer,
    undeliverable integer not null default 0 constraint contact_consent_undeliverable_check check (undeliverable in (0, 1))
) strict;

create unique index contact_consent_address on contact_consent (account_id, email);
create index contact_consent_due on contact_consent (due_at) where due_at is not null;
create index contact_consent_plan on contact_consent (account_id, planned_at);
create index contact_consent_email on contact_consent (email);

-- Contacts from before are invited as well, five a day of each user.
insert into contact_consent (id, account_id, email, planned_at, due_at)
select randomblob(16), account_id, email, due, due
from (
    select account_id, email,
           unixepoch() * 1000000
               + (row_number() over (partition by account_id order by min(created_at)) - 1) / 5 * 86400000000 as due
    from contact group by account_id, email
);
