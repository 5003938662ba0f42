//! `cargo xtask bench`: measured figures as one line of JSON.

use serde_json::{Value, json};
use sluice_tests::bench::{Row, engine, lanes, ledger, swap};
use std::path::PathBuf;

const USAGE: &str = "cargo xtask bench [--days N]";
/// Length of the simulated year that the database is measured with.
const YEAR_DAYS: i64 = 365;

fn main() {
    match days().and_then(measure) {
        Ok(results) => println!("{}", document(&results)),
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    }
}

fn days() -> Result<i64, String> {
    let mut words = std::env::args().skip(1);
    match (words.next().as_deref(), words.next()) {
        (None, _) => Ok(YEAR_DAYS),
        (Some("--days"), Some(days)) => days.parse().map_err(|_| USAGE.to_owned()),
        (Some(_), _) => Err(USAGE.to_owned()),
    }
}

fn measure(days: i64) -> Result<Vec<Row>, String> {
    let home = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut rows = engine::rows();
    rows.extend(swap::rows(home.path()));
    let data = home.path().join("data");
    // What the driver does once at its start.
    let opened = sluice_ledger::Ledger::open(&data.join("sluice.db"));
    drop(opened.map_err(|error| error.to_string())?);
    match sluice() {
        Some(program) => rows.extend(lanes::rows(&program, &data)),
        None => eprintln!("sluice is not built; `sluice run` and the hook were not measured"),
    }
    rows.extend(ledger::rows(days).map_err(|error| error.to_string())?);
    Ok(rows)
}

/// The command line program built beside this one.
fn sluice() -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    Some(own.parent()?.join("sluice")).filter(|path| path.is_file())
}

fn document(results: &[Row]) -> Value {
    let text = |path: &str| std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let cpuinfo = text("/proc/cpuinfo");
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    json!({
        "schema": "sluice/bench/1",
        "machine": {
            "cpu": model.map(|(_, name)| name.trim()),
            "processors": std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            "kernel": text("/proc/sys/kernel/osrelease"),
            "load": text("/proc/loadavg"),
        },
        "results": results,
    })
}
