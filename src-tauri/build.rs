//! Declares the application's commands, so that none is allowed by default, and makes sure that a
//! bare `cargo build` finds a page to embed before the real one is built.

use std::{fs, io, path::Path};

/// Every command the page may be granted; `src/commands.rs` defines them.
const COMMANDS: &[&str] = &["call", "view"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    placeholder_page(Path::new("../ui/dist"))?;
    println!("cargo::rerun-if-changed=../ui/dist");
    let manifest = tauri_build::AppManifest::new().commands(COMMANDS);
    tauri_build::try_build(tauri_build::Attributes::new().app_manifest(manifest))?;
    Ok(())
}

/// The page is built by `cargo xtask`, not here: a build script that runs npm surprises everybody.
fn placeholder_page(dist: &Path) -> io::Result<()> {
    let page = dist.join("index.html");
    if page.exists() {
        return Ok(());
    }
    fs::create_dir_all(dist)?;
    fs::write(
        page,
        "<!doctype html><title>Sluice</title><p>The page is not built: run <code>cargo xtask build</code>.",
    )
}
