-- What is exported of a user is found by the user.

create index message_sender on message (sender_id, created_at, id) where sender_id is not null;
create index rating_helper on rating (helper_id, created_at);
create index report_reporter on report (reporter_id, created_at);
