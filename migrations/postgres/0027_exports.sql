-- What is exported of a user is found by the user.

CREATE INDEX message_by_sender ON message (sender_id, created_at, id) WHERE sender_id IS NOT NULL;
CREATE INDEX rating_by_helper ON rating (helper_id, created_at);
CREATE INDEX report_by_reporter ON report (reporter_id, created_at);
CREATE INDEX response_of_helper ON response (helper_id, responded_at);
