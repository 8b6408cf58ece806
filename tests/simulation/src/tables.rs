//! The tables of the page, and the summary on the screen, from the results.

use std::fmt::Write as _;

use anyhow::Context as _;
use serde_json::Value;

const BEGIN: &str = "<!-- tables of `make simulate-tables`: begin -->";
const END: &str = "<!-- tables of `make simulate-tables`: end -->";

/// The published policies, as tables call them.
const NAMES: [(&str, &str); 8] = [
    ("everybody", "everybody within 5 km"),
    ("waves", "waves of 50"),
    ("radius400", "all within 400 m"),
    ("heartrunner", "30 within 1.3 km, by AEDs"),
    ("hartslagnu", "100 within 1.5 km, half by an AED"),
    ("goodsam", "3 each minute within 1 km"),
    ("replace7", "7 and substitutes within 1 km"),
    ("rdl9", "9 by arrival within 2 km"),
];

/// The page with its tables replaced.
pub(crate) fn replace(page: &str, found: &Value) -> anyhow::Result<String> {
    let (before, rest) = page.split_once(BEGIN).context("the page has no mark where the tables begin")?;
    let (_, after) = rest.split_once(END).context("the page has no mark where the tables end")?;
    Ok(format!("{before}{BEGIN}\n\n{}\n{END}{after}", tables(found)?))
}

/// Checks and claims, for the screen.
pub(crate) fn summary(found: &Value) -> anyhow::Result<String> {
    let mut out = String::new();
    for check in list(found, "checks")? {
        let word = if check["ok"] == true { "ok" } else { "FAILED" };
        writeln!(out, "{word}: {} ({})", text(&check["name"]), text(&check["detail"]))?;
    }
    writeln!(
        out,
        "{} s; a decision takes {} µs, at most {} in 99 of 100",
        found["seconds"], found["speed"]["decideMicros"]["p50"], found["speed"]["decideMicros"]["p99"]
    )?;
    write!(out, "{}", claims_table(found)?)?;
    Ok(out)
}

fn list<'a>(of: &'a Value, name: &str) -> anyhow::Result<&'a Vec<Value>> {
    of[name].as_array().with_context(|| format!("{name} is not a list"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

fn tables(found: &Value) -> anyhow::Result<String> {
    let mut out = format!("From `{}` with seed {}.\n\n", text(&found["command"]), found["seed"]);
    writeln!(out, "Where ours dominates:\n")?;
    writeln!(out, "{}", claims_table(found)?)?;
    for (world, scenario) in
        [("poisson", "base"), ("clustered", "base"), ("poisson", "no_ambulance"), ("poisson", "imperfect")]
    {
        writeln!(out, "{world}, {scenario}: mean alerts, seconds until help, per cent\n")?;
        writeln!(out, "{}", rows_table(found, world, scenario)?)?;
    }
    writeln!(
        out,
        "The default (4 s, minimum 3, without the price of 0 in the end) beside each, poisson, base; negative is better:\n"
    )?;
    writeln!(out, "{}", pairs_table(found)?)?;
    writeln!(out, "After ten years, poisson, base, 3.2 helpers per km² at first:\n")?;
    writeln!(out, "{}", fatigue_table(found)?)?;
    writeln!(out, "Checks:\n")?;
    for check in list(found, "checks")? {
        let word = if check["ok"] == true { "ok" } else { "**failed**" };
        writeln!(out, "- {word}: {} ({})", text(&check["name"]), text(&check["detail"]))?;
    }
    Ok(out)
}

/// The price at which ours dominates each published policy, by world, scenario and density.
fn claims_table(found: &Value) -> anyhow::Result<String> {
    let mut out = "| world, scenario, helpers per km² |".to_owned();
    for (_, name) in NAMES {
        write!(out, " {name} |")?;
    }
    writeln!(out, "\n|---|{}", "---:|".repeat(NAMES.len()))?;
    let claims = list(found, "claims")?;
    for cell in list(found, "worlds")? {
        write!(out, "| {}, {}, {} |", text(&cell["world"]), text(&cell["scenario"]), cell["lambda"])?;
        for (policy, _) in NAMES {
            let is_of = |claim: &&Value| {
                ["world", "scenario", "lambda"].iter().all(|&key| claim[key] == cell[key]) && claim["against"] == policy
            };
            let price = claims.iter().find(is_of).map(|claim| format!("{} s", number(&claim["price"])));
            write!(out, " {} |", price.as_deref().unwrap_or("–"))?;
        }
        writeln!(out)?;
    }
    Ok(out)
}

fn name_of(row: &Value) -> String {
    let policy = text(&row["policy"]);
    let Some((_, name)) = NAMES.iter().find(|(known, _)| *known == policy) else {
        let variant = match row["variant"].as_str() {
            None => "",
            Some("last") => ", free in the end",
            Some("no_modes") => ", without modes",
            Some(_) => ", without history",
        };
        return format!("ours, {} s, minimum {}{variant}", number(&row["price"]), row["minimum"]);
    };
    (*name).to_owned()
}

fn rows_table(found: &Value, world: &str, scenario: &str) -> anyhow::Result<String> {
    let worlds = list(found, "worlds")?;
    let cells: Vec<&Value> =
        worlds.iter().filter(|cell| cell["world"] == world && cell["scenario"] == scenario).collect();
    let mut out = "| policy |".to_owned();
    for cell in &cells {
        write!(out, " λ {}: alerts | seconds | helped | AED |", cell["lambda"])?;
    }
    writeln!(out, "\n|---|{}", "---:|".repeat(4 * cells.len()))?;
    let first = cells.first().context("no such cell")?;
    for (index, row) in list(first, "policies")?.iter().enumerate() {
        write!(out, "| {} |", name_of(row))?;
        for cell in &cells {
            let row = &cell["policies"][index];
            let (alerts, seconds) = (&row["alerts"], &row["seconds"]);
            let (helped, aed) = (number(&row["beforeAmbulance"]), number(&row["aedBeforeAmbulance"]));
            write!(
                out,
                " {:.1} | {:.0} ± {:.0} | {helped:.0} | {aed:.0} |",
                number(&alerts["mean"]),
                number(&seconds["mean"]),
                number(&seconds["ci"])
            )?;
        }
        writeln!(out)?;
    }
    Ok(out)
}

fn pairs_table(found: &Value) -> anyhow::Result<String> {
    let mut out = "| against | helpers per km² | seconds | alerts |\n|---|---:|---:|---:|\n".to_owned();
    for (policy, name) in NAMES {
        for cell in list(found, "worlds")?.iter().filter(|c| c["world"] == "poisson" && c["scenario"] == "base") {
            let is_default = |pair: &&Value| {
                pair["b"]["policy"] == policy && pair["a"]["minimum"] == 3 && pair["a"]["variant"].is_null()
            };
            let pair = list(cell, "pairs")?.iter().find(is_default).context("a pair is missing")?;
            let interval = |of: &Value| {
                format!("{:+.1} ({:+.1} to {:+.1})", number(&of["mean"]), number(&of["low"]), number(&of["high"]))
            };
            writeln!(
                out,
                "| {name} | {} | {} | {} |",
                cell["lambda"],
                interval(&pair["seconds"]),
                interval(&pair["alerts"])
            )?;
        }
    }
    Ok(out)
}

fn fatigue_table(found: &Value) -> anyhow::Result<String> {
    let mut out = "| policy | leave at each alert | alerts per helper in the first year | helpers per km² left | seconds until help, at first | in the tenth year |\n|---|---:|---:|---:|---:|---:|\n".to_owned();
    for row in list(found, "fatigue")? {
        let is_shown = row["policy"] != "gain" || (row["minimum"] == 3 && row["variant"] == "last");
        if row["lambda"] != 3.2 || !is_shown {
            continue;
        }
        let years = list(row, "years")?;
        let (first, last) = (years.first().context("no year")?, years.last().context("no year")?);
        writeln!(
            out,
            "| {} | {:.0} % | {} | {} | {} | {} |",
            name_of(row),
            100.0 * number(&row["hazard"]),
            number(&first["alertsPerHelper"]),
            number(&last["lambda"]),
            number(&first["seconds"]),
            number(&last["seconds"])
        )?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tables_name_the_price_that_dominates_and_need_their_marks_and_every_figure() {
        let cell = |world: &str, scenario: &str| json!({ "world": world, "scenario": scenario, "lambda": 3.2, "policies": [], "pairs": [] });
        let found = json!({
            "seed": 7,
            "command": "make simulate",
            "worlds": [cell("poisson", "no_ambulance"), cell("poisson", "imperfect"), cell("clustered", "base"), cell("poisson", "base")],
            "claims": [{ "world": "poisson", "scenario": "base", "lambda": 3.2, "against": "goodsam", "price": 12.0 }],
            "fatigue": [],
            "checks": [{ "name": "a check", "ok": false, "detail": "why" }],
        });
        let claims = claims_table(&found).unwrap();
        assert!(claims.contains("| poisson, base, 3.2 | – | – | – | – | – | 12 s | – | – |"), "{claims}");
        // A pair that is missing is an error, not a hole in a table.
        assert!(replace(&format!("{BEGIN}{END}"), &found).is_err());
        assert!(replace("no marks", &found).is_err());
    }
}
