//! Reads the census of a decision by gain: the first helpers to arrive at an emergency, and the history and devices of these and of all
//! alerted helpers.

use std::collections::{HashMap, HashSet};

use allynet_domain::{
    AlertPlace, EmergencyId, FoundHelpers, Metres, Recipient, Tier, Timestamp, UserId,
    dispatch::{AlertHistory, CensusEntry, DeviceHealth, MAX_CANDIDATES, StoredQualification, Transport, TravelModel},
    port::Result,
};
use allynet_sql::RowDecoder;
use uuid::Uuid;

use crate::{
    Sqlite,
    error::port_error,
    rows::{count, hex, to_json},
};

/// How the helpers `?1` (a JSON array of hexadecimal ids) travel, whether they are proven at `?2`, and how far they were checked.
pub(crate) const TRANSPORT: &str = "\
    select a.id, a.transport, coalesce(p.proven_at <= ?2, 1), a.tier, coalesce(a.verification = 'verified', 0) from json_each(?1) j cross join account a on a.id = unhex(j.value) \
    cross join position p on p.account_id = a.id";

/// What is known at `?2` of the helpers `?1` and of those who were alerted to the emergency `?3` or responded. Of the newest
/// alert of another emergency that is a minute old at least, when it was sent and whether a device has it.
pub(crate) const CENSUS: &str = "\
    select a.id, p.latitude, p.longitude, a.transport, coalesce(p.proven_at <= ?2, 1) as is_proven, \
           exists (select 1 from response r where r.helper_id = a.id and r.engaged = 1) \
           or exists (select 1 from emergency e where e.owner_id = a.id and e.status in ('active', 'responding') \
                                                and e.anonymous = 0) \
           or a.blocked or coalesce(a.verification = 'rejected', 0) as is_gone, \
           coalesce(a.verification = 'verified', 0) as is_verified, a.tier, a.checked_skills, coalesce(h.alerts, 0) as alerts, coalesce(h.kept, 0) as kept, \
           n.sent_at as newest_alert_at, coalesce(n.acknowledged_at, n.received_at) is not null as acknowledged, \
           max(p.at, coalesce((select max(d.last_delivered_at) from device d where d.account_id = a.id), 0), \
               coalesce((select max(s.last_used_at) from session s where s.account_id = a.id), 0)) as heard_at \
    from account a \
    cross join position p on p.account_id = a.id \
    left join helper_history h on h.account_id = a.id \
    left join alert n on n.helper_id = a.id and n.emergency_id = ( \
        select l.emergency_id from alert l where l.helper_id = a.id and l.wave is not null and l.sent_at < ?2 - 60000000 \
        and l.emergency_id is not ?3 order by l.sent_at desc limit 1) \
    where a.id in (select unhex(j.value) from json_each(?1) j union all select l.helper_id from alert l where l.emergency_id = ?3 \
                   union all select r.helper_id from response r where r.emergency_id = ?3)";

#[derive(sqlx::FromRow)]
#[expect(clippy::struct_excessive_bools, reason = "columns of a row, which are independent")]
struct EntryRow {
    id: Uuid,
    latitude: f64,
    longitude: f64,
    transport: String,
    is_proven: bool,
    is_gone: bool,
    is_verified: bool,
    tier: Option<String>,
    /// A JSON array; null for none.
    checked_skills: Option<String>,
    alerts: i64,
    kept: i64,
    newest_alert_at: Option<i64>,
    acknowledged: bool,
    heard_at: i64,
}

/// How many helpers of each rank are looked at first: twice as many as are wanted, since the nearest need not be the first to arrive.
const FIRST_BATCH: u32 = 120;
/// How many times more are looked at next.
const BATCH_GROWTH: u32 = 4;

/// How a helper travels, whether they are proven, and whether they have the tier that is required.
#[derive(Clone, Copy)]
struct Mode {
    transport: Transport,
    is_proven: bool,
    has_tier: bool,
}

/// The helpers of one rank in a batch, who would arrive first.
struct Arrivals {
    /// The seconds until they arrive, and who; the soonest first.
    soonest: Vec<(f64, UserId)>,
    /// Whether none that is farther away can be one of the first.
    is_complete: bool,
}

impl Arrivals {
    /// Of the nearest `limit` helpers of each rank, those that are proven or not.
    fn new(
        nearest: &[Recipient],
        modes: &HashMap<UserId, Mode>,
        is_proven: bool,
        (limit, travel): (u32, &TravelModel),
    ) -> Self {
        let mode = |recipient: &Recipient| modes.get(&recipient.helper).copied();
        let group = nearest.iter().filter_map(|recipient| Some((recipient, mode(recipient)?)));
        let group: Vec<_> = group.filter(|(_, mode)| mode.is_proven == is_proven).collect();
        let arrival = |distance, transport| travel.preparation(transport) + travel.way(distance, transport);
        let with_tier = group.iter().filter(|(_, mode)| mode.has_tier);
        let mut soonest: Vec<_> = with_tier
            .map(|(recipient, mode)| (arrival(recipient.distance, mode.transport), recipient.helper))
            .collect();
        soonest.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        soonest.truncate(MAX_CANDIDATES);
        // An account may have been deleted between the two reads: then it is not known of which rank it was.
        let unknown = nearest.iter().filter(|recipient| mode(recipient).is_none()).count();
        let is_all = group.len() + unknown < usize::try_from(limit).unwrap_or(usize::MAX);
        let farthest = group.last().map_or(Metres::new(0.0), |(recipient, _)| recipient.distance);
        let first_of_rest =
            Transport::ALL.iter().map(|&transport| arrival(farthest, transport)).fold(f64::INFINITY, f64::min);
        let is_full = soonest.len() == MAX_CANDIDATES;
        let is_complete = is_all || is_full && soonest.last().is_some_and(|(last, _)| *last < first_of_rest);
        Self { soonest, is_complete }
    }
}

impl Sqlite {
    /// Of the helpers that were found, those with the required tier that would arrive first: proven ones, and as many unproven ones;
    /// and all that were alerted before. Nearest first, proven ones before unproven ones.
    pub(crate) async fn first_to_arrive(
        &self,
        found: &FoundHelpers,
        place: AlertPlace,
        (travel, required): (&TravelModel, Option<Tier>),
        (excluded, known): (&HashSet<UserId>, &HashSet<UserId>),
        now: Timestamp,
    ) -> Result<Vec<Recipient>> {
        let free = found.filtered(|helper| !excluded.contains(&helper) && !known.contains(&helper));
        let (mut modes, mut limit) = (HashMap::new(), FIRST_BATCH);
        let first = loop {
            let nearest = free.nearest(place, limit);
            self.add_modes(&nearest, required, now, &mut modes).await?;
            let groups = [true, false].map(|is_proven| Arrivals::new(&nearest, &modes, is_proven, (limit, travel)));
            if groups.iter().all(|group| group.is_complete) {
                break groups;
            }
            limit = limit.saturating_mul(BATCH_GROWTH);
        };
        let first = first.iter().flat_map(|group| group.soonest.iter().map(|(_, helper)| *helper));
        let wanted: HashSet<UserId> = first.chain(known.iter().copied()).collect();
        let is_wanted = |helper| wanted.contains(&helper) && !excluded.contains(&helper);
        Ok(found.filtered(is_wanted).nearest(place, u32::MAX))
    }

    /// Reads the modes of those who are not among them yet.
    async fn add_modes(
        &self,
        nearest: &[Recipient],
        required: Option<Tier>,
        now: Timestamp,
        modes: &mut HashMap<UserId, Mode>,
    ) -> Result<()> {
        let unknown = nearest.iter().filter(|recipient| !modes.contains_key(&recipient.helper));
        let ids: Vec<String> = unknown.map(|recipient| hex(recipient.helper)).collect();
        let rows: Vec<(Uuid, String, bool, Option<String>, bool)> = sqlx::query_as(TRANSPORT)
            .bind(to_json(&ids)?)
            .bind(now.timestamp_micros())
            .fetch_all(&self.readers)
            .await
            .map_err(port_error)?;
        for (id, transport, is_proven, tier, is_verified) in rows {
            let account = RowDecoder::account(id);
            let tier = account.parse_opt("tier", tier.as_deref())?;
            let (tier, _) = StoredQualification { tier, is_verified, skills: Vec::new() }.at(now);
            let transport: Transport = account.parse("transport", &transport)?;
            let has_tier = required.is_none() || tier >= required;
            modes.insert(id.into(), Mode { transport, is_proven, has_tier });
        }
        Ok(())
    }

    /// Reads the census as of `now`: of these helpers, and of all that were alerted to an emergency.
    pub(crate) async fn census(
        &self,
        emergency: Option<EmergencyId>,
        near: &[Recipient],
        now: Timestamp,
    ) -> Result<Vec<CensusEntry>> {
        let ids: Vec<String> = near.iter().map(|recipient| hex(recipient.helper)).collect();
        let rows: Vec<EntryRow> = sqlx::query_as(CENSUS)
            .bind(to_json(&ids)?)
            .bind(now.timestamp_micros())
            .bind(emergency.map(Uuid::from))
            .fetch_all(&self.readers)
            .await
            .map_err(port_error)?;
        rows.into_iter().map(|row| row.entry(now)).collect()
    }
}

impl EntryRow {
    fn entry(self, now: Timestamp) -> Result<CensusEntry> {
        let Self { id, latitude, longitude, transport, is_proven, is_gone, .. } = self;
        let Self { is_verified, tier, checked_skills, .. } = self;
        let Self { alerts, kept, newest_alert_at, acknowledged, heard_at, .. } = self;
        let stored = RowDecoder { table: "position", id };
        let account = RowDecoder::account(id);
        let tier = account.parse_opt("tier", tier.as_deref())?;
        let skills = checked_skills.map_or(Ok(Vec::new()), |json| account.json("checked_skills", &json))?;
        let (tier, skills) = StoredQualification { tier, is_verified, skills }.at(now);
        Ok(CensusEntry {
            helper: id.into(),
            position: stored.position(latitude, longitude)?,
            transport: stored.parse("transport", &transport)?,
            tier,
            skills,
            is_proven,
            is_gone,
            history: AlertHistory { alerts: count(alerts), kept: count(kept) },
            device: DeviceHealth {
                newest_alert_at: stored.micros_opt("sent_at", newest_alert_at)?,
                acknowledged,
                heard_at: Some(stored.micros("at", heard_at)?),
            },
        })
    }
}
