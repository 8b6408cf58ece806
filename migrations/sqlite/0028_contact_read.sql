-- A contact says that they have read the message: opening the page proves nothing, because mail programs open links by themselves.
alter table contact_notice add column read_at integer;
