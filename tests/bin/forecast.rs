//! `cargo xtask forecast [--policy NAME] [SCENARIO…]`: how forecasts and drain advice come out on
//! simulated weeks whose truth is known. The last line is one line of JSON.

#[path = "../../src-tauri/engine/tests/forecast/measure.rs"]
mod measure;

use measure::{Measured, measure};
use serde_json::{Value, json};
use sluice_engine::forecast::Kind;
use sluice_lab::simulate::Scenario;
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "cargo xtask forecast [--policy NAME] [SCENARIO…]";

fn main() -> ExitCode {
    match run() {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("forecast: {error}; usage: {USAGE}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<Value, String> {
    let (policy, files) = arguments()?;
    let mut whole = Measured::default();
    for file in &files {
        let bytes = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let scenario = Scenario::parse(&bytes).map_err(|error| error.to_string())?;
        let one = measure(&scenario, &policy).map_err(|error| error.to_string())?;
        println!("{:<34} {}", scenario.name, figures(&one));
        whole.extend(one);
    }
    let mut line = figures(&whole);
    line["schema"] = "sluice/forecast/1".into();
    line["policy"] = policy.into();
    line["scenarios"] = files.len().into();
    Ok(line)
}

fn figures(of: &Measured) -> Value {
    let window = |kind: Kind| {
        let ((band, count), (open, unsettled)) = (of.coverage(kind), of.open_coverage(kind));
        json!({
            "forecasts": count,
            "band": round(band),
            "band_open": round(open),
            "open": unsettled,
            "at_most_p90": round(of.at_most_p90(kind).0),
            "p50_off_by": round(of.distance(kind)),
        })
    };
    let mut drain = of.drain();
    (drain.precision, drain.recall) = (round(drain.precision), round(drain.recall));
    json!({ "week": window(Kind::SevenDay), "five_hour": window(Kind::FiveHour), "drain": drain })
}

fn round(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}

/// The policy and the files; every public scenario when none is named.
fn arguments() -> Result<(String, Vec<PathBuf>), String> {
    let (mut policy, mut files) = ("horizon".to_owned(), Vec::new());
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        if word == "--policy" {
            policy = words.next().ok_or("--policy needs a name")?;
        } else {
            files.push(PathBuf::from(word));
        }
    }
    if files.is_empty() {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let entries = std::fs::read_dir(folder).map_err(|error| error.to_string())?;
        let is_one = |path: &PathBuf| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            name.is_some_and(|name| name.starts_with('p') && name.ends_with(".json"))
        };
        files = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_one).collect();
        files.sort();
    }
    Ok((policy, files))
}
