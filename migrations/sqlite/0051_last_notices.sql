-- The end of an emergency is told to contacts although the account of its owner was deleted since.

-- Of a deleted account: its names, language and time zone, until its contacts were told of the end.
alter table contact_review add column owner_first_name text;
alter table contact_review add column owner_last_name text;
alter table contact_review add column owner_locale text;
alter table contact_review add column owner_zone text;
