//! The bounds that are promised, and how the figures stand to them.

use super::Row;

/// Which percentile a bound is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The median.
    P50,
    /// The 99th percentile.
    P99,
    /// The median over the floor.
    Ratio,
}

/// Name, percentile and bound, in the row's own unit.
pub const BOUNDS: [(&str, At, f64); 24] = [
    ("engine.decide.tiered.12x4", At::P50, 50.0),
    ("engine.decide.horizon.12x4", At::P50, 1_000.0),
    ("engine.decide.tiered.10000x1000", At::P50, 50.0),
    ("engine.decide.horizon.10000x1000", At::P50, 2_000.0),
    ("engine.decide.tiered.1000x100", At::Ratio, 1.0),
    ("engine.decide.tiered.10000x1000", At::Ratio, 1.0),
    ("engine.decide.horizon.1000x100", At::Ratio, 1.0),
    ("engine.decide.horizon.10000x1000", At::Ratio, 1.0),
    ("run.added", At::P50, 15.0),
    ("run.added", At::P99, 40.0),
    ("hook.session_start", At::P50, 10.0),
    ("ledger.decision_write", At::P99, 2.0),
    ("ledger.log_1m.newest", At::P99, 50.0),
    ("ledger.log_1m.older_page", At::P99, 50.0),
    ("ledger.log_1m.trigger", At::P99, 50.0),
    ("ledger.log_1m.provider_and_action", At::P99, 50.0),
    ("ledger.log_1m.account", At::P99, 50.0),
    ("ledger.log_1m.rare_account", At::P99, 50.0),
    ("ledger.log_1m.day", At::P99, 50.0),
    ("ledger.log_1m.trigger_in_a_day", At::P99, 50.0),
    ("ledger.reconcile_10k", At::P50, 200.0),
    ("ledger.reconcile_10k", At::P99, 200.0),
    ("ledger.year_12_accounts.in_use", At::P50, 200.0),
    ("ledger.year_12_accounts.file", At::P50, 200.0),
];

/// One line per bound whose figure was measured: the figure, the bound, and whether it holds.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let mut text =
        String::from("\nbound                                         figure      most\n");
    for (name, at, most) in BOUNDS {
        let figure = rows.iter().find(|row| row.name == name).and_then(|row| match at {
            At::P50 => Some(row.p50),
            At::P99 => Some(row.p99),
            At::Ratio => row.ratio,
        });
        let Some(figure) = figure else { continue };
        let kind = match at {
            At::P50 => "p50",
            At::P99 => "p99",
            At::Ratio => "n log n",
        };
        let verdict = if figure <= most { "holds" } else { "MISSED" };
        text += &format!("{name:<34} {kind:<7} {figure:>9.3} {most:>9.1}  {verdict}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Unit;

    #[test]
    fn a_figure_over_its_bound_is_named() {
        let row = |name: &str, value: f64| Row::single(name, Unit::Milliseconds, value);
        let rows = [row("run.added", 15.0), row("ledger.decision_write", 2.1)];
        let text = table(&rows);
        let verdict = |name: &str, kind: &str| {
            let fits = |line: &&str| line.starts_with(name) && line.contains(kind);
            text.lines()
                .find(fits)
                .and_then(|line| line.split_whitespace().last())
                .map(str::to_owned)
        };
        assert_eq!(verdict("run.added", "p50").as_deref(), Some("holds"));
        assert_eq!(verdict("ledger.decision_write", "p99").as_deref(), Some("MISSED"));
        assert_eq!(verdict("hook.session_start", "p50"), None, "not measured, so no verdict");
    }
}
