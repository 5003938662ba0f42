//! The files of an installation, as they lie below `/`, each with the one instant of the release.

use super::{Programs, Release, clear, failed};
use crate::run::{self, Failure};
use std::fs;
use std::path::Path;
use std::process::Command;

/// The name of the desktop's entry, and of what goes with it.
const ID: &str = "dev.sluice.Sluice";
/// Sizes of the icon and the pictures of them.
const ICONS: [(&str, &str); 5] = [
    ("32x32", "32x32.png"),
    ("128x128", "128x128.png"),
    ("256x256", "256x256.png"),
    ("512x512", "512x512.png"),
    ("scalable", "sluice.svg"),
];
/// What a shell is called, and where it looks for completions.
pub(super) const SHELLS: [(&str, &str); 3] = [
    ("bash", "usr/share/bash-completion/completions/sluice"),
    ("zsh", "usr/share/zsh/vendor-completions/_sluice"),
    ("fish", "usr/share/fish/vendor_completions.d/sluice.fish"),
];

/// Where papers lie, and what comes with every package.
pub(super) const PAPERS_IN: &str = "usr/share/doc/sluice";
pub(super) const PAPERS: [&str; 4] = ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "CHANGELOG.md"];

/// Lays everything out below `tree`.
pub(super) fn stage(release: &Release, programs: &Programs, tree: &Path) -> Result<(), Failure> {
    clear(tree)?;
    let root = &release.root;
    place(&programs.cli, &tree.join("usr/bin/sluice"))?;
    place(&programs.app, &tree.join("usr/bin/sluice-app"))?;
    let own = |name: &str| root.join("packaging").join(name);
    let entry = format!("{ID}.desktop");
    place(&own(&entry), &tree.join("usr/share/applications").join(&entry))?;
    let meta = format!("{ID}.metainfo.xml");
    place(&own(&meta), &tree.join("usr/share/metainfo").join(&meta))?;
    let unit = "sluice.service";
    place(&own(unit), &tree.join("usr/lib/systemd/user").join(unit))?;
    for (size, picture) in ICONS {
        let kind = picture.rsplit('.').next().unwrap_or_default();
        let at = format!("usr/share/icons/hicolor/{size}/apps/{ID}.{kind}");
        place(&root.join("icons").join(picture), &tree.join(at))?;
    }
    let papers = tree.join(PAPERS_IN);
    for name in PAPERS {
        place(&root.join(name), &papers.join(name))?;
    }
    let copyright = fs::read_to_string(root.join("LICENSE-MIT")).map_err(failed)?;
    let copyright =
        format!("Either of two licenses: MIT, or Apache-2.0 (LICENSE-APACHE).\n\n{copyright}");
    write(&papers.join("copyright"), copyright.as_bytes())?;
    for (shell, at) in SHELLS {
        let text = run::output(Command::new(&programs.cli).args(["completions", shell]))?;
        write(&tree.join(at), text.as_bytes())?;
    }
    manual(programs, &tree.join("usr/share/man/man1"))?;
    settle(release, tree)
}

/// The manual pages, packed as the systems keep them.
fn manual(programs: &Programs, into: &Path) -> Result<(), Failure> {
    fs::create_dir_all(into).map_err(failed)?;
    run::succeed(Command::new(&programs.cli).arg("manual").arg(into))?;
    let mut pages: Vec<_> = fs::read_dir(into).map_err(failed)?.flatten().collect();
    pages.sort_by_key(fs::DirEntry::file_name);
    let names = pages.iter().map(fs::DirEntry::path);
    run::succeed(Command::new("gzip").args(["-9", "--no-name"]).args(names))
}

/// The rights, and the same instant for everything.
fn settle(release: &Release, tree: &Path) -> Result<(), Failure> {
    let program = |path: &str| format!("{}/usr/bin/{path}", tree.display());
    run::succeed(Command::new("chmod").args(["-R", "u=rwX,go=rX"]).arg(tree))?;
    run::succeed(Command::new("chmod").arg("755").args(["sluice", "sluice-app"].map(program)))?;
    let mut find = Command::new("find");
    find.arg(tree).args(["-exec", "touch", "--no-dereference"]);
    run::succeed(find.arg(format!("--date=@{}", release.epoch_s)).args(["{}", "+"]))
}

fn place(from: &Path, to: &Path) -> Result<(), Failure> {
    let named = |error: std::io::Error| Failure::Failed(format!("{}: {error}", from.display()));
    write(to, &fs::read(from).map_err(named)?)
}

pub(super) fn write(to: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    fs::write(to, bytes).map_err(failed)
}
