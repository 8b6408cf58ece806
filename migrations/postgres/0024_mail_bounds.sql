-- Bounds on emails to people who have no account, or not this one.

-- The addresses that want no alerts by email, whichever account has them: that an account's address is its user's was never
-- checked.
CREATE TABLE alert_mail_stop (
    email text CONSTRAINT alert_mail_stop_pkey PRIMARY KEY,
    stopped_at timestamptz NOT NULL
);

-- How many emergencies an address was told of in the present period. Beside the consent, because notices are deleted with their
-- emergency.
ALTER TABLE contact_consent
    ADD COLUMN alerts_from timestamptz,
    ADD COLUMN alerts integer NOT NULL DEFAULT 0;

-- An address has one notice for each emergency, and the first that it is told is the alert.
CREATE FUNCTION count_contact_alert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE contact_consent k SET
        alerts = CASE WHEN k.alerts_from > NEW.queued_at - interval '1 hour' THEN k.alerts + 1 ELSE 1 END,
        alerts_from = CASE WHEN k.alerts_from > NEW.queued_at - interval '1 hour' THEN k.alerts_from ELSE NEW.queued_at END
    WHERE k.id = NEW.consent_id;
    RETURN NULL;
END $$;
CREATE TRIGGER contact_notice_counted AFTER INSERT ON contact_notice FOR EACH ROW EXECUTE FUNCTION count_contact_alert();
