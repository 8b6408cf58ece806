-- Emergencies that an address is told of are counted for ten minutes, as those that ring a helper are, and no more for an hour: an
-- owner who calls again within the hour needs their contacts again.

-- As before (0020), with the shorter period.
drop trigger contact_notice_counted;
create trigger contact_notice_counted after insert on contact_notice begin
    update contact_consent
    set alerts = iif(alerts_from > new.queued_at - 600000000, alerts + 1, 1),
        alerts_from = iif(alerts_from > new.queued_at - 600000000, alerts_from, new.queued_at)
    where id = new.consent_id;
end;
