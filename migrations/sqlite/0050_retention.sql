-- Records are kept for a while only: see `docs/retention.md`.

-- When the place was replaced by the centre of its cell and the texts were removed.
alter table emergency add column thinned_at integer;
create index emergency_retention on emergency (ended_at, id) where thinned_at is null and ended_at is not null;

-- What is removed is found by its age.
create index session_by_last_use on session (coalesce(revoked_at, last_used_at, created_at));
create index login_address_by_age on login_address (last_login_at);
create index password_reset_by_age on password_reset (created_at);
create index access_log_by_age on access_log (at);
create index account_former on account (deleted_at) where former_email_hash is not null;

-- A rating may be decided before its emergency is thinned, and stored afterwards.
create trigger rating_of_thinned after insert on rating
when new.comment is not null
    and exists (select 1 from emergency where id = new.emergency_id and thinned_at is not null)
begin
    update rating set comment = null where emergency_id = new.emergency_id and helper_id = new.helper_id;
end;
