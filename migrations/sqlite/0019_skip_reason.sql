-- Why a search passes over a helper: a pause is told from quiet hours.

-- A copy of the end of the pause in the preferences, as the columns before it are copies (0016).
alter table position add column paused_until integer;

drop trigger position_inserted_absence;
create trigger position_inserted_absence after insert on position begin
    update position
    set (away_from, away_until, away_from_critical, max_alerts_per_day, paused_until) =
        (select a.away_from, a.away_until, a.away_from_critical, a.max_alerts_per_day,
             unixepoch(json_extract(a.alert_preferences, '$.paused_until')) * 1000000
         from account a where a.id = new.account_id)
    where account_id = new.account_id;
end;

drop trigger account_absence;
create trigger account_absence
after update of away_from, away_until, away_from_critical, max_alerts_per_day, alert_preferences on account
begin
    update position
    set away_from = new.away_from, away_until = new.away_until, away_from_critical = new.away_from_critical,
        max_alerts_per_day = new.max_alerts_per_day,
        paused_until = unixepoch(json_extract(new.alert_preferences, '$.paused_until')) * 1000000
    where account_id = new.id;
end;

update position
set paused_until = (select unixepoch(json_extract(a.alert_preferences, '$.paused_until')) * 1000000
                    from account a where a.id = position.account_id)
where account_id in (select id from account where alert_preferences is not null);
