-- Emergencies that an address is told of are counted for ten minutes, as those that ring a helper are, and no more for an hour: an
-- owner who calls again within the hour needs their contacts again.

-- As before (0024), with the shorter period. A node of the release before goes on judging by its own hour.
CREATE OR REPLACE FUNCTION count_contact_alert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE contact_consent k SET
        alerts = CASE WHEN k.alerts_from > NEW.queued_at - interval '10 minutes' THEN k.alerts + 1 ELSE 1 END,
        alerts_from = CASE WHEN k.alerts_from > NEW.queued_at - interval '10 minutes' THEN k.alerts_from ELSE NEW.queued_at END
    WHERE k.id = NEW.consent_id;
    RETURN NULL;
END $$;
