-- Administrators see how often somebody was reported. PostgreSQL has this index from the start.

create index report_about on report (about_id);
