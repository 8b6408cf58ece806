//! The statement on which a new emergency is decided: what its owner has called before, and who is around. Text only.

use crate::{
    emergency_row::{emergency, live},
    near::may_help,
    rows::place,
};

/// One row: what the owner, `$1`, has called before or nothing, and who may be around `$4`, `$3`, but for the owner: everybody
/// whose anchor lies within the first of the distances `$7` that is far enough, and which one that is. It is, if certainly
/// `$9` stand within the radius that it belongs to, because so many anchors lie within that of `$8`; and if the earlier
/// call reaches no further than that radius, of `$6`. Where many live, nobody far away is looked at.
macro_rules! survey {
    ($policy:ident) => {
        concat!(
            "WITH earlier AS MATERIALIZED (SELECT id, alert_radius FROM ( \
                 SELECT id, alert_radius, 1 AS rank FROM emergency WHERE owner_id = $1 AND request_id = $2 \
                 UNION ALL SELECT id, alert_radius, 2 FROM emergency e WHERE owner_id = $1 AND ",
            live!(),
            ") AS call ORDER BY rank LIMIT 1), \
             centre AS MATERIALIZED (SELECT ",
            place!("$4", "$3"),
            " AS place), \
             looked AS MATERIALIZED (SELECT coalesce(( \
                 SELECT r.step FROM centre c \
                 CROSS JOIN unnest($6::float8[], $8::float8[]) WITH ORDINALITY AS r (radius, sure, step) \
                 WHERE r.radius >= coalesce((SELECT alert_radius FROM earlier), 0) AND CASE WHEN r.sure > 0 THEN \
                     (SELECT count(*) FROM (SELECT FROM position p WHERE ST_DWithin(p.anchor, c.place, r.sure, false) AND ",
            may_help!($policy, "$5", "$1"),
            " LIMIT $9) AS n) = $9 ELSE false END LIMIT 1), cardinality($6::float8[])) AS step) \
             SELECT call.*, around.*, (SELECT step FROM looked) AS step FROM ( \
                 SELECT array_agg(p.account_id) AS helpers, array_agg(p.latitude) AS latitudes, \
                     array_agg(p.longitude) AS longitudes \
                 FROM centre c CROSS JOIN position p \
                 WHERE ST_DWithin(p.anchor, c.place, ($7::float8[])[(SELECT step FROM looked)], false) AND ",
            may_help!($policy, "$5", "$1"),
            ") AS around LEFT JOIN LATERAL (",
            emergency!(),
            " WHERE e.id = (SELECT id FROM earlier)) AS call ON true"
        )
    };
}

pub(crate) const SURVEY_VERIFIED: &str = survey!(verified);
pub(crate) const SURVEY_OPEN: &str = survey!(open);

statements!(SURVEY_VERIFIED, SURVEY_OPEN);
