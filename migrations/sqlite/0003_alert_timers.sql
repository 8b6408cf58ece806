-- The timer of the next wave of alerts is a row, so that it survives a restart and any process may find it due. It runs
-- only while nobody responds.

alter table emergency add column next_alert_at integer
    constraint emergency_next_alert_check check (next_alert_at is null or status = 'active');

-- Those that wait since before there were timers have waited long enough.
update emergency set next_alert_at = updated_at where status = 'active';

create index emergency_due on emergency (next_alert_at, id) where next_alert_at is not null;
