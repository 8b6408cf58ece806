//! Results by server, and their table: medians, and whether the targets are reached.

use std::fmt::Write as _;

use crate::{server::Kind, statistics::median};

/// The target of a server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target {
    AtMost(f64),
    /// A multiple of another server's result.
    TimesAtMost(f64, Kind),
    TimesAtLeast(f64, Kind),
}

#[derive(Debug)]
struct MeasureRow {
    measure: String,
    unit: &'static str,
    values: Vec<(Kind, Vec<f64>)>,
    targets: Vec<(Kind, Target)>,
}

/// The results of one scenario at one size.
#[derive(Debug)]
pub(crate) struct Sheet {
    title: String,
    lines: Vec<MeasureRow>,
}

impl Sheet {
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), lines: Vec::new() }
    }

    /// Records a result of a run.
    pub(crate) fn add(&mut self, kind: Kind, measure: impl Into<String>, unit: &'static str, value: f64) {
        let line = self.line(measure.into(), unit);
        match line.values.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, values)) => values.push(value),
            None => line.values.push((kind, vec![value])),
        }
    }

    /// Adds the target of a server.
    pub(crate) fn expect(&mut self, kind: Kind, measure: &str, target: Target) {
        if let Some(line) = self.lines.iter_mut().find(|line| line.measure == measure) {
            line.targets.push((kind, target));
        }
    }

    fn line(&mut self, measure: String, unit: &'static str) -> &mut MeasureRow {
        let known = self.lines.iter().position(|line| line.measure == measure);
        let index = known.unwrap_or_else(|| {
            self.lines.push(MeasureRow { measure, unit, values: Vec::new(), targets: Vec::new() });
            self.lines.len() - 1
        });
        &mut self.lines[index]
    }

    /// Renders the table as Markdown.
    pub(crate) fn render(&self) -> String {
        let mut kinds: Vec<Kind> =
            self.lines.iter().flat_map(|line| line.values.iter().map(|(kind, _)| *kind)).collect();
        kinds.sort();
        kinds.dedup();
        let mut out = format!("### {}\n\n| measure |", self.title);
        for kind in &kinds {
            // Writing to a string does not fail.
            write!(out, " {} |", kind.name()).ok();
        }
        writeln!(out, " targets |\n|---|{}---|", "---:|".repeat(kinds.len())).ok();
        for line in &self.lines {
            write!(out, "| {}, {} |", line.measure, line.unit).ok();
            for kind in &kinds {
                write!(out, " {} |", line.median(*kind).map_or_else(|| "–".to_owned(), number)).ok();
            }
            let judged: Vec<String> =
                line.targets.iter().filter_map(|(kind, target)| line.judge(*kind, *target)).collect();
            writeln!(out, " {} |", judged.join("<br>")).ok();
        }
        out
    }
}

impl MeasureRow {
    fn median(&self, kind: Kind) -> Option<f64> {
        self.values.iter().find(|(known, _)| *known == kind).map(|(_, values)| median(values))
    }

    /// `None` if one of the two was not measured.
    fn judge(&self, kind: Kind, target: Target) -> Option<String> {
        let value = self.median(kind)?;
        let (of, is_reached, wanted) = match target {
            Target::AtMost(limit) => (value, value <= limit, format!("≤ {}", number(limit))),
            Target::TimesAtMost(limit, other) => {
                let ratio = value / self.median(other)?;
                (ratio, ratio <= limit, format!("≤ {} × {}", number(limit), other.name()))
            }
            Target::TimesAtLeast(limit, other) => {
                let ratio = value / self.median(other)?;
                (ratio, ratio >= limit, format!("≥ {} × {}", number(limit), other.name()))
            }
        };
        let word = if is_reached { "reached" } else { "**missed**" };
        Some(format!("{}: {wanted} {word} ({})", kind.name(), number(of)))
    }
}

/// Formats a number with three significant digits.
fn number(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_shows_medians_and_judges_them() {
        let mut sheet = Sheet::new("x");
        for value in [30.0, 10.0, 20.0] {
            sheet.add(Kind::Postgres, "time", "ms", value);
        }
        sheet.add(Kind::Peer, "time", "ms", 50.0);
        sheet.add(Kind::Peer, "memory", "MB", 1234.0);
        sheet.expect(Kind::Postgres, "time", Target::TimesAtMost(0.5, Kind::Peer));
        sheet.expect(Kind::Postgres, "time", Target::AtMost(5.0));
        sheet.expect(Kind::Postgres, "memory", Target::AtMost(5.0));
        let expected = "### x\n\n| measure | AllyNet, PostgreSQL | Node peer | targets |\n|---|---:|---:|---|\n\
            | time, ms | 20.0 | 50.0 | AllyNet, PostgreSQL: ≤ 0.50 × Node peer reached (0.40)<br>\
            AllyNet, PostgreSQL: ≤ 5.00 **missed** (20.0) |\n| memory, MB | – | 1234 |  |\n";
        assert_eq!(sheet.render(), expected);
    }

    #[test]
    fn more_than_another_is_judged_as_a_ratio() {
        let mut sheet = Sheet::new("x");
        sheet.add(Kind::Sqlite, "rate", "1/s", 90.0);
        sheet.add(Kind::Peer, "rate", "1/s", 10.0);
        sheet.expect(Kind::Sqlite, "rate", Target::TimesAtLeast(10.0, Kind::Peer));
        assert!(sheet.render().contains("≥ 10.0 × Node peer **missed** (9.00)"));
    }
}
