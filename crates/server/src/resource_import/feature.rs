//! A feature of a file, as far as an import needs it. Does not know how it is read.

use std::collections::BTreeMap;

use allynet_domain::{Position, Text};

/// A feature: its id, the tags that an import knows, and its centre.
#[derive(Debug, Default)]
pub(super) struct Feature {
    pub(super) id: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) bounds: Option<Bounds>,
}

impl Feature {
    /// The value of a tag.
    pub(super) fn tag(&self, name: &str) -> Option<&str> {
        self.tags.get(name).map(String::as_str)
    }

    /// The id in OpenStreetMap: `node/1`, `way/1` or `relation/1`.
    pub(super) fn osm_id(&self) -> Option<Text<64>> {
        let is_id = |id: &&str| {
            let (kind, number) = id.split_once('/').unwrap_or_default();
            ["node", "way", "relation"].contains(&kind)
                && !number.is_empty()
                && number.bytes().all(|byte| byte.is_ascii_digit())
        };
        let id = [self.id.as_deref(), self.tag("@id")].into_iter().flatten().find(is_id)?;
        Text::parse(id).ok()
    }

    /// The centre of the smallest box around it.
    pub(super) fn centre(&self) -> Option<Position> {
        let Bounds { west, south, east, north } = self.bounds?;
        Position::new(f64::midpoint(south, north), f64::midpoint(west, east)).ok()
    }
}

/// A box around places, in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bounds {
    pub(super) west: f64,
    pub(super) south: f64,
    pub(super) east: f64,
    pub(super) north: f64,
}

impl Bounds {
    /// The smallest box around both.
    pub(super) fn join(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        match (a, b) {
            (Some(a), Some(b)) => Some(Self {
                west: a.west.min(b.west),
                south: a.south.min(b.south),
                east: a.east.max(b.east),
                north: a.north.max(b.north),
            }),
            (one, other) => one.or(other),
        }
    }
}
