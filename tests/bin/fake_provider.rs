//! The fake provider on its own: prints its address and environment as one line of JSON, then runs
//! until its standard input ends.
//!
//! `fake_provider [--speed N] [--work-in CONFIG_DIR] [SETUP.json]`

use serde_json::{Map, Value, json};
use sluice_tests::contract::{FakeClock, FakeProvider, Setup, Tool};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("fake_provider: {why}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), String> {
    let mut clock = FakeClock::from_env();
    let mut setup = Setup::demo();
    let mut seat = None;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--speed" => {
                let speed = words.next().and_then(|text| text.parse().ok());
                clock = FakeClock::starting_now(speed.ok_or("--speed needs a number")?);
            }
            "--work-in" => seat = Some(words.next().ok_or("--work-in needs a directory")?),
            file => {
                let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
                setup = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            }
        }
    }
    let emails: Vec<_> = setup.accounts.iter().map(|account| account.email.clone()).collect();
    let mut fake = FakeProvider::start_on(clock, setup);
    if let Some(seat) = seat {
        fake.put_to_work(Tool::in_config_dir(&PathBuf::from(seat)));
    }
    let env: Map<String, Value> =
        fake.env().into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    let told = json!({
        "schema": "sluice/fake-provider/1",
        "url": fake.url(),
        "env": env,
        "accounts": emails,
        "canary": fake.canary(),
    });
    println!("{told}");
    std::io::stdout().flush().map_err(|error| error.to_string())?;
    let mut rest = Vec::new();
    std::io::stdin().read_to_end(&mut rest).map_err(|error| error.to_string())?;
    Ok(())
}
