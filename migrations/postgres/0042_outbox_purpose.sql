-- Questions to helpers whether they still come, and that they need not, in the outbox.

-- What a message tells if nodes of the release before do not know it. `kind` is then 'message': these nodes claim such a row like any
-- other, and send it as news about the emergency.
ALTER TABLE outbox ADD COLUMN purpose text CONSTRAINT outbox_purpose CHECK (purpose IN ('check', 'stand_down'));
