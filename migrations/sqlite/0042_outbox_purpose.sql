-- Questions to helpers whether they still come, and that they need not, in the outbox.

-- What a message tells if nodes of the release before do not know it. `kind` is then 'message': these nodes claim such a row like any
-- other, and send it as news about the emergency.
alter table outbox add column purpose text constraint outbox_purpose_check check (purpose in ('check', 'stand_down'));
