//! The statement on which a new emergency is decided: what its owner has called before, and who is around. Text only.

use crate::{
    emergency_row::{emergency, live},
    rows::{near_json, on_duty, place},
};

/// One row: what the owner, `$1`, has called before or nothing, beside the helpers around `$4`, `$3`, who are never the
/// owner. They are looked for within one radius after the other of `$6`, until there are `$7`, and as far as the earlier
/// call reaches: where many live, nobody far away is looked at. Each place is measured once against one that is made once.
macro_rules! survey {
    ($policy:ident) => {
        concat!(
            "WITH RECURSIVE earlier AS MATERIALIZED (SELECT id, alert_radius FROM ( \
                 SELECT id, alert_radius, 1 AS rank FROM emergency WHERE owner_id = $1 AND request_id = $2 \
                 UNION ALL SELECT id, alert_radius, 2 FROM emergency e WHERE owner_id = $1 AND ",
            live!(),
            ") AS call ORDER BY rank LIMIT 1), \
             wider AS (SELECT 0 AS step, 0::bigint AS within, NULL::text AS near UNION ALL \
                 SELECT w.step + 1, c.within, c.near FROM wider w CROSS JOIN LATERAL ( \
                     WITH found AS MATERIALIZED ( \
                         SELECT a.id, p.place, ST_Distance(p.place, centre.place) AS distance \
                         FROM (SELECT ",
            place!("$4", "$3"),
            " AS place OFFSET 0) AS centre CROSS JOIN position p JOIN account a ON a.id = p.account_id \
                         WHERE ST_DWithin(p.place, centre.place, ($6::float8[])[w.step + 1]) \
                         AND p.at >= $5 AND p.account_id <> $1 AND ",
            on_duty!($policy),
            ") SELECT (SELECT count(*) FROM found) AS within, \
                       (SELECT json_agg(",
            near_json!("n"),
            ")::text FROM (SELECT * FROM found ORDER BY distance, id LIMIT $8) AS n) AS near) AS c \
                 WHERE w.step = 0 OR (w.step < cardinality($6::float8[]) AND ( \
                     w.within < $7 OR ($6::float8[])[w.step] < (SELECT alert_radius FROM earlier)))) \
             SELECT call.*, (SELECT array_agg(within ORDER BY step) FROM wider WHERE step > 0) AS counts, \
                 (SELECT near FROM wider ORDER BY step DESC LIMIT 1) AS near \
             FROM (VALUES (true)) AS one LEFT JOIN LATERAL (",
            emergency!(),
            " WHERE e.id = (SELECT id FROM earlier)) AS call ON true"
        )
    };
}

pub(crate) const SURVEY_VERIFIED: &str = survey!(verified);
pub(crate) const SURVEY_OPEN: &str = survey!(open);

statements!(SURVEY_VERIFIED, SURVEY_OPEN);
