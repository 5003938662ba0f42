//! The window's hardening as a test: what the configuration grants equals the list in this file. To widen
//! it, a change must also come here.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn parsed(path: &str) -> Value {
    serde_json::from_str(&read(&root().join(path))).expect(path)
}

#[test]
fn the_application_is_configured_as_approved() {
    let config = parsed("tauri.conf.json");
    let wanted = json!({
        "withGlobalTauri": false,
        "enableGTKAppId": false,
        "windows": [],
        "security": {
            "csp": {
                "default-src": "'none'",
                "script-src": "'self'",
                "style-src": "'self'",
                "img-src": "'self' data:",
                "font-src": "'self'",
                "connect-src": "ipc: http://ipc.localhost",
                "base-uri": "'none'",
                "form-action": "'none'",
                "frame-ancestors": "'none'",
                "object-src": "'none'",
                "worker-src": "'none'"
            },
            "freezePrototype": true,
            "assetProtocol": { "enable": false, "scope": [] },
            "pattern": { "use": "isolation", "options": { "dir": "isolation" } },
            "capabilities": ["settings-window"]
        }
    });
    assert_eq!(config["app"], wanted);
    let build = config["build"].as_object().expect("build");
    assert!(!build.contains_key("devUrl"), "no development server is ever asked");
    assert_eq!(build["removeUnusedCommands"], json!(true));
    let keys: Vec<&String> = config.as_object().expect("object").keys().collect();
    let known = ["$schema", "productName", "identifier", "version", "build", "app", "bundle"];
    assert!(keys.iter().all(|key| known.contains(&key.as_str())), "no plugin: {keys:?}");
}

#[test]
fn the_window_may_ask_what_was_approved_and_nothing_else() {
    let files: Vec<String> = std::fs::read_dir(root().join("capabilities"))
        .expect("capabilities")
        .map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(files, ["settings-window.json"], "one file per window");
    let capability = parsed("capabilities/settings-window.json");
    assert_eq!(capability["windows"], json!([crate::windows::SETTINGS]));
    assert_eq!(
        capability["permissions"],
        json!([
            "allow-call",
            "allow-view",
            "core:event:allow-listen",
            "core:event:allow-unlisten",
            "core:window:allow-close"
        ])
    );
    for widening in ["remote", "webviews", "local"] {
        assert!(capability.get(widening).is_none(), "{widening}");
    }
}

#[test]
fn no_developer_tools_and_no_unasked_feature_in_a_release() {
    let workspace = read(&root().join("../Cargo.toml"));
    let tauri = workspace.lines().find(|line| line.starts_with("tauri = ")).expect("tauri");
    assert!(tauri.contains("default-features = false"));
    for feature in ["devtools", "protocol-asset", "macos-private-api", "tray-icon"] {
        assert!(!tauri.contains(feature), "{feature}");
    }
}
