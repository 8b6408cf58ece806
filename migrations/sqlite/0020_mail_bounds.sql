-- Bounds on emails to people who have no account, or not this one.

-- The addresses that want no alerts by email, whichever account has them: that an account's address is its user's was never
-- checked.
create table alert_mail_stop (
    email      text not null primary key,
    stopped_at integer not null
) strict, without rowid;

-- How many emergencies an address was told of in the present period. Beside the consent, because notices are deleted with their
-- emergency.
alter table contact_consent add column alerts_from integer;
alter table contact_consent add column alerts integer not null default 0;

-- An address has one notice for each emergency, and the first that it is told is the alert.
create trigger contact_notice_counted after insert on contact_notice begin
    update contact_consent
    set alerts = iif(alerts_from > new.queued_at - 3600000000, alerts + 1, 1),
        alerts_from = iif(alerts_from > new.queued_at - 3600000000, alerts_from, new.queued_at)
    where id = new.consent_id;
end;
