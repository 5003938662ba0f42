//! Who may depend on whom, read from `cargo metadata`.

use super::{Finding, finding};
use serde_json::Value;
use std::path::Path;

/// Our crates in the order of the walls: each with those of ours it may use.
const MAY_USE: [(&str, &[&str]); 14] = [
    ("sluice-engine", &[]),
    ("sluice-ground", &[]),
    ("sluice-custody", &["sluice-engine", "sluice-ground"]),
    ("sluice-providers", &["sluice-engine"]),
    ("sluice-ledger", &["sluice-engine", "sluice-ground", "sluice-protocol"]),
    ("sluice-fleet", &["sluice-engine"]),
    ("sluice-protocol", &["sluice-engine"]),
    ("sluice-core", &["sluice-engine", "sluice-protocol"]),
    ("sluice-lab", &["sluice-engine", "sluice-protocol", "sluice-core", "sluice-ledger"]),
    (
        "sluice-driver",
        &[
            "sluice-engine",
            "sluice-ground",
            "sluice-protocol",
            "sluice-core",
            "sluice-lab",
            "sluice-custody",
            "sluice-providers",
            "sluice-ledger",
            "sluice-fleet",
        ],
    ),
    // Hooks, `run` and `reconcile` work without a driver: they read signals and write to the ledger
    // themselves.
    (
        "sluice-cli",
        &[
            "sluice-driver",
            "sluice-protocol",
            "sluice-lab",
            "sluice-engine",
            "sluice-ground",
            "sluice-providers",
            "sluice-ledger",
        ],
    ),
    ("sluice-app", &["sluice-driver", "sluice-ground", "sluice-protocol"]),
    (
        "sluice-tests",
        &[
            "sluice-engine",
            "sluice-custody",
            "sluice-providers",
            "sluice-ledger",
            "sluice-fleet",
            "sluice-protocol",
            "sluice-core",
            "sluice-lab",
            "sluice-driver",
        ],
    ),
    ("xtask", &[]),
];

/// What the page's types and its filter are written from: derives behind a feature that nothing that
/// runs asks for.
const GENERATORS: [&str; 2] = ["schemars", "ts-rs"];

/// Crates that decide, each with what it may use of the world: nothing that can do I/O or wait.
const PURE: [(&str, &[&str]); 3] = [
    (
        "sluice-engine",
        &["serde", "chrono", "thiserror", "libm", "zeroize", "serde_json", "cov-mark"],
    ),
    ("sluice-protocol", &["serde", "serde_json", "chrono"]),
    (
        "sluice-core",
        &["serde", "serde_json", "chrono", "chrono-tz", "thiserror", "fastrand", "tracing"],
    ),
];

/// Crates only one of ours may name, with the one.
const ONLY: [(&str, &str); 5] = [
    ("tauri", "sluice-app"),
    ("tauri-build", "sluice-app"),
    ("notify-rust", "sluice-app"),
    ("keyring-core", "sluice-custody"),
    ("reqwest", "sluice-providers"),
];

/// Every edge that breaks a wall.
pub fn walls(metadata: &Value, findings: &mut Vec<Finding>) {
    let packages = metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
    for package in packages.iter().filter(|package| package["source"].is_null()) {
        let name = package["name"].as_str().unwrap_or_default();
        let page = Path::new(package["manifest_path"].as_str().unwrap_or_default());
        let Some((_, allowed)) = MAY_USE.iter().find(|(ours, _)| *ours == name) else {
            findings.push(finding(page, 1, format!("{name} has no place in the walls")));
            continue;
        };
        for edge in package["dependencies"].as_array().map_or(&[][..], Vec::as_slice) {
            if let Some(text) = breach(name, allowed, edge) {
                findings.push(finding(page, 1, text));
            }
        }
    }
}

fn breach(name: &str, allowed: &[&str], edge: &Value) -> Option<String> {
    let to = edge["name"].as_str().unwrap_or_default();
    let ships = edge["kind"] != "dev";
    let ours = to.starts_with("sluice-") || to == "xtask";
    if ours && ships && !allowed.contains(&to) {
        return Some(format!("{name} must not depend on {to}"));
    }
    let pure = PURE.iter().find(|(pure, _)| *pure == name);
    let written_from = edge["optional"] == true && GENERATORS.contains(&to);
    let free = ours || written_from;
    if pure.is_some_and(|(_, allowed)| ships && !free && !allowed.contains(&to)) {
        return Some(format!("{name} decides and must not depend on {to}"));
    }
    let (_, owner) = ONLY.iter().find(|(only, _)| *only == to)?;
    (*owner != name && name != "sluice-tests").then(|| format!("only {owner} may depend on {to}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(name: &str, to: &str, kind: Value) -> usize {
        let metadata = json!({ "packages": [{
            "name": name, "source": null, "manifest_path": "x/Cargo.toml",
            "dependencies": [{ "name": to, "kind": kind }],
        }]});
        let mut findings = Vec::new();
        walls(&metadata, &mut findings);
        findings.len()
    }

    #[test]
    fn walls_hold() {
        assert_eq!(told("sluice-engine", "sluice-custody", Value::Null), 1);
        assert_eq!(told("sluice-engine", "tokio", Value::Null), 1);
        assert_eq!(told("sluice-core", "tokio", Value::Null), 1);
        assert_eq!(told("sluice-core", "sluice-ledger", Value::Null), 1);
        assert_eq!(told("sluice-protocol", "sluice-core", Value::Null), 1);
        assert_eq!(told("sluice-custody", "sluice-ledger", Value::Null), 1);
        assert_eq!(told("sluice-driver", "tauri", Value::Null), 1);
        assert_eq!(told("sluice-new", "serde", Value::Null), 1);
        assert_eq!(told("sluice-app", "tauri", Value::Null), 0);
        assert_eq!(told("sluice-driver", "sluice-custody", Value::Null), 0);
        assert_eq!(told("sluice-ledger", "sluice-custody", json!("dev")), 0);
    }
}
