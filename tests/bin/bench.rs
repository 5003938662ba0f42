//! `cargo xtask bench`: measured figures as one line of JSON; growth curves and bounds beside it.

use serde_json::{Value, json};
use sluice_tests::bench::{Row, engine, keychain, lanes, ledger, promised, swap};
use sluice_tests::desktop::{Desktop, Parts};
use std::path::PathBuf;

const USAGE: &str = "\
cargo xtask bench [--days N] [--only engine|swap|keychain|lanes|ledger]

  --days N      length of the simulated year of the database (365)
  --only SUITE  one suite instead of all";

/// Length of the simulated year that the database is measured with.
const YEAR_DAYS: i64 = 365;
/// The suite that this program runs on a private desktop, as a process of its own.
const ON_A_DESKTOP: &str = "keychain-here";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Suite {
    Engine,
    Swap,
    Keychain,
    KeychainHere,
    Lanes,
    Ledger,
}

/// What `cargo xtask bench` measures.
const ALL: [Suite; 5] = [Suite::Engine, Suite::Swap, Suite::Keychain, Suite::Lanes, Suite::Ledger];

struct Options {
    days: i64,
    suites: Vec<Suite>,
}

fn main() -> std::process::ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(text) => {
            eprintln!("{text}\n{USAGE}");
            return 2.into();
        }
    };
    match measure(&options) {
        Ok(results) => {
            if options.suites != [Suite::KeychainHere] {
                eprintln!("{}{}", engine::curve(&results), promised::table(&results));
            }
            println!("{}", document(&results));
            std::process::ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            1.into()
        }
    }
}

fn options() -> Result<Options, String> {
    let mut options = Options { days: YEAR_DAYS, suites: ALL.to_vec() };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--days" => {
                options.days = value.parse().map_err(|_| format!("'{value}' is no number"))?;
            }
            "--only" => options.suites = vec![suite(&value)?],
            other => return Err(format!("'{other}' is not understood")),
        }
    }
    Ok(options)
}

fn suite(name: &str) -> Result<Suite, String> {
    match name {
        "engine" => Ok(Suite::Engine),
        "swap" => Ok(Suite::Swap),
        "keychain" => Ok(Suite::Keychain),
        ON_A_DESKTOP => Ok(Suite::KeychainHere),
        "lanes" => Ok(Suite::Lanes),
        "ledger" => Ok(Suite::Ledger),
        other => Err(format!("there is no suite '{other}'")),
    }
}

fn measure(options: &Options) -> Result<Vec<Row>, String> {
    let home = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut rows = Vec::new();
    for suite in &options.suites {
        rows.extend(match suite {
            Suite::Engine => engine::rows(),
            Suite::Swap => swap::rows(home.path()),
            Suite::Keychain => on_a_desktop()?,
            Suite::KeychainHere => keychain::rows()?,
            Suite::Lanes => lanes(home.path().join("data"))?,
            Suite::Ledger => ledger::rows(options.days).map_err(|error| error.to_string())?,
        });
    }
    Ok(rows)
}

fn lanes(data: PathBuf) -> Result<Vec<Row>, String> {
    // What the driver does once at its start.
    let opened = sluice_ledger::Ledger::open(&data.join("sluice.db"));
    drop(opened.map_err(|error| error.to_string())?);
    let program = sluice().ok_or("sluice is not built beside this program")?;
    Ok(lanes::rows(&program, &data))
}

/// The command line program built beside this one.
fn sluice() -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    Some(own.parent()?.join("sluice")).filter(|path| path.is_file())
}

/// Measures the keychain of a private desktop: only a process started there can reach it.
fn on_a_desktop() -> Result<Vec<Row>, String> {
    let desktop = Desktop::start(Parts::headless());
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = desktop.environment().command(own);
    let output = command.args(["--only", ON_A_DESKTOP]).output();
    let output = output.map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("keychain: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    let mut document: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    serde_json::from_value(document["results"].take()).map_err(|error| error.to_string())
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
