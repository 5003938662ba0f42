//! `sluice simulate`: recorded demand on simulated accounts, under any policy.

use crate::{Exit, render};
use sluice_lab::simulate::{Scenario, run as simulate};
use std::path::{Path, PathBuf};

/// Prints one `quota-sim-log/1` document per scenario, or writes them to `out`.
pub fn run(scenarios: &[PathBuf], policy: &str, out: Option<&Path>) -> Exit {
    let mut documents = Vec::new();
    for path in scenarios {
        match document(path, policy) {
            Ok(document) => documents.push(document),
            Err(text) => {
                render::complain(&format!("{}: {text}", path.display()));
                return Exit::Failed;
            }
        }
    }
    let text = documents.join("\n");
    let Some(out) = out else {
        render::say(&text);
        return Exit::Done;
    };
    match std::fs::write(out, text + "\n") {
        Ok(()) => Exit::Done,
        Err(error) => {
            render::complain(&format!("{}: {error}", out.display()));
            Exit::Failed
        }
    }
}

fn document(path: &Path, policy: &str) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let scenario = Scenario::parse(&bytes).map_err(|error| error.to_string())?;
    let log = simulate(&scenario, policy).map_err(|error| error.to_string())?;
    serde_json::to_string(&log).map_err(|error| error.to_string())
}
