//! Licences, sources and bans of every dependency, against the lists in `deny.toml`.

use super::tree::Files;
use super::{Finding, finding};
use serde_json::Value;
use std::path::Path;

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Every dependency that is not allowed, and every npm package from elsewhere.
pub fn chain(files: &Files, metadata: &Value, findings: &mut Vec<Finding>) {
    let page = Path::new("deny.toml");
    let Some(lists) = files.get("deny.toml").map(|file| file.text.as_str()) else {
        findings.push(finding(page, 1, "missing"));
        return;
    };
    let allowed = quoted_list(lists, "allow = [");
    let denied = quoted_list(lists, "\ndeny = [");
    for package in metadata["packages"].as_array().map_or(&[][..], Vec::as_slice) {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(source) = package["source"].as_str() else { continue };
        if source != REGISTRY {
            findings.push(finding(page, 1, format!("{name} comes from {source}")));
        }
        if denied.contains(&name) {
            findings.push(finding(page, 1, format!("{name} is banned")));
        }
        let licence = package["license"].as_str().unwrap_or("no licence");
        if !permitted(licence, &allowed) {
            findings.push(finding(page, 1, format!("{name}: {licence} is not an allowed licence")));
        }
    }
    npm(files, findings);
}

/// The quoted words of a TOML list that starts with `start`.
fn quoted_list<'a>(text: &'a str, start: &str) -> Vec<&'a str> {
    let Some(from) = text.find(start) else { return Vec::new() };
    let body = &text[from + start.len()..];
    let body = &body[..body.find("\n]").unwrap_or(body.len())];
    let lines = body.lines().filter(|line| !line.trim_start().starts_with('#'));
    lines.flat_map(|line| line.split('"').skip(1).step_by(2)).collect()
}

/// An SPDX expression is satisfied: every `AND` has an `OR` that is allowed. Brackets in the wild
/// only ever hold alternatives, so they may be dropped.
fn permitted(licence: &str, allowed: &[&str]) -> bool {
    let plain = licence.replace('/', " OR ").replace(['(', ')'], "");
    plain.split(" AND ").all(|part| part.split(" OR ").any(|one| allowed.contains(&one.trim())))
}

fn npm(files: &Files, findings: &mut Vec<Finding>) {
    let name = "ui/package-lock.json";
    let Some(lock) = files.get(name) else { return };
    let lock: Value = serde_json::from_str(&lock.text).unwrap_or_default();
    for (package, facts) in lock["packages"].as_object().into_iter().flatten() {
        let resolved = facts["resolved"].as_str().unwrap_or("https://registry.npmjs.org/");
        if !resolved.starts_with("https://registry.npmjs.org/") {
            findings.push(finding(Path::new(name), 1, format!("{package} comes from {resolved}")));
        }
        if facts["hasInstallScript"] == true && !package.ends_with("fsevents") {
            findings.push(finding(
                Path::new(name),
                1,
                format!("{package} wants to run at install"),
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_read() {
        let allowed = ["MIT", "Apache-2.0", "Unicode-3.0"];
        for fine in ["MIT", "MIT/Apache-2.0", "GPL-3.0 OR MIT", "(MIT OR GPL-2.0) AND Unicode-3.0"]
        {
            assert!(permitted(fine, &allowed), "{fine}");
        }
        for bad in ["GPL-3.0", "MIT AND GPL-3.0", "no licence"] {
            assert!(!permitted(bad, &allowed), "{bad}");
        }
    }

    #[test]
    fn lists_are_read() {
        let text = "x\nallow = [\n    \"MIT\",\n    # \"GPL\"\n    \"ISC\",\n]\ndeny = [\n { crate = \"a\" },\n]";
        assert_eq!(quoted_list(text, "allow = ["), ["MIT", "ISC"]);
        assert_eq!(quoted_list(text, "\ndeny = ["), ["a"]);
    }
}
