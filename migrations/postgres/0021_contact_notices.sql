-- What emergency contacts are told of emergencies.

-- When it is decided next what the contacts of an emergency's owner are told. Made by the changes that matter to them, if one of
-- them has agreed. Not bound to the emergency: its end is still to be told when it is deleted.
CREATE TABLE contact_review (
    emergency_id uuid CONSTRAINT contact_review_pkey PRIMARY KEY,
    owner_id uuid NOT NULL CONSTRAINT contact_review_owner REFERENCES account ON DELETE CASCADE,
    -- NULL until the emergency changes. A claim moves it to its end.
    due_at timestamptz,
    -- When the database was restored: alerts that were due until then may have been sent.
    alerts_after timestamptz
);
CREATE INDEX contact_review_due ON contact_review (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX contact_review_by_owner ON contact_review (owner_id);

-- What an address was told of an emergency, and what waits to be sent to it.
CREATE TABLE contact_notice (
    id uuid CONSTRAINT contact_notice_pkey PRIMARY KEY,
    emergency_id uuid NOT NULL CONSTRAINT contact_notice_review REFERENCES contact_review ON DELETE CASCADE,
    consent_id uuid NOT NULL CONSTRAINT contact_notice_consent REFERENCES contact_consent ON DELETE CASCADE,
    -- The contact that it began with, which may be removed since.
    contact_id uuid NOT NULL,
    queued text CONSTRAINT contact_notice_queued CHECK (queued IN ('alert', 'ended', 'resumed')),
    told text CONSTRAINT contact_notice_told CHECK (told IN ('alert', 'ended', 'resumed')),
    -- The id of the email, the same when it is sent again.
    mail_id uuid NOT NULL,
    queued_at timestamptz NOT NULL,
    -- When the next attempt is due; NULL when nothing is queued.
    due_at timestamptz,
    -- Notices that are due are sent in this order.
    turn_at timestamptz NOT NULL,
    -- Set while a node sends it. One that has passed belongs to a node that died, and may have sent it.
    claimed_until timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    failed_at timestamptz,
    -- When the contact said that they are with the owner, and that they have called the emergency number.
    with_owner_at timestamptz,
    called_at timestamptz,
    CONSTRAINT contact_notice_once UNIQUE (emergency_id, consent_id),
    CONSTRAINT contact_notice_due_if_queued CHECK ((queued IS NULL) = (due_at IS NULL))
);
CREATE INDEX contact_notice_turn ON contact_notice (turn_at) WHERE due_at IS NOT NULL;
CREATE INDEX contact_notice_by_consent ON contact_notice (consent_id);
