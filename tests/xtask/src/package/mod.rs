//! `cargo xtask package`: what people install. Built apart from the ordinary builds, without a trace of
//! where or when: the same sources give the same bytes.

mod formats;
mod tree;
mod verify;

use crate::run::{self, Failure};
use crate::setup;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What making packages needs beside what building needs.
const TOOLS: [&str; 4] = ["dpkg-dev", "rpm", "desktop-file-utils", "appstream"];

struct Wish {
    /// Where the packages go.
    out: Option<PathBuf>,
    /// Another version than the sources have.
    version: Option<String>,
    /// Prove them, too.
    verify: bool,
}

impl Wish {
    fn parse(words: &[String]) -> Result<Self, Failure> {
        let mut wish = Self { out: None, version: None, verify: false };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || {
                let missing = || Failure::Usage(format!("{word} needs a value"));
                words.next().cloned().ok_or_else(missing)
            };
            match word.as_str() {
                "--out" => wish.out = Some(value()?.into()),
                "--version" => wish.version = Some(value()?),
                "--verify" => wish.verify = true,
                other => return Err(Failure::Usage(format!("no option {other}"))),
            }
        }
        Ok(wish)
    }
}

/// Builds the packages, and with `--verify` proves them.
pub fn everything(words: &[String]) -> Result<(), Failure> {
    let wish = Wish::parse(words)?;
    setup::everything()?;
    setup::packages(&TOOLS)?;
    if wish.verify {
        return verify::everything();
    }
    let target = run::target_directory()?.join("package");
    let out = wish.out.unwrap_or_else(|| target.join("out"));
    let release = Release::of(&run::root(), wish.version)?;
    let programs = build(&target, &release)?;
    make(&release, &programs, &target, &out)
}

/// What is packaged.
struct Release {
    /// `1.2.3`.
    version: String,
    /// Seconds since 1970: the one instant that the packages know.
    epoch_s: String,
    /// The sources.
    root: PathBuf,
}

impl Release {
    /// What these sources are; the instant is `SOURCE_DATE_EPOCH`, or that of the last commit.
    fn of(root: &Path, version: Option<String>) -> Result<Self, Failure> {
        let own = run::metadata()?["packages"]
            .as_array()
            .and_then(|all| all.iter().find(|one| one["name"] == "sluice-app"))
            .and_then(|one| one["version"].as_str().map(str::to_owned));
        let version = version.or(own);
        let version =
            version.ok_or_else(|| Failure::Failed("sluice-app has no version".to_owned()))?;
        let epoch_s = match std::env::var("SOURCE_DATE_EPOCH") {
            Ok(named) => named,
            Err(_) => {
                let mut git = Command::new("git");
                run::output(git.args(["log", "-1", "--format=%ct"]).current_dir(root))?
            }
        };
        let epoch_s = epoch_s.trim().to_owned();
        if epoch_s.parse::<u64>().is_err() {
            return Err(Failure::Failed(format!("SOURCE_DATE_EPOCH is no instant: {epoch_s}")));
        }
        Ok(Self { version, epoch_s, root: root.to_owned() })
    }
}

/// The programs that are packaged.
struct Programs {
    cli: PathBuf,
    app: PathBuf,
}

/// Builds the programs. Paths of this machine are taken out of them, and they need no library of the
/// compiler's.
fn build(target: &Path, release: &Release) -> Result<Programs, Failure> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    // Below the root, where the workspace's programs are linked: the same words wherever that lies.
    let mut flags = vec!["-Clink-arg=-Lpackaging/link".to_owned()];
    for (path, name) in [(Some(release.root.clone()), "/sluice"), (home, "/cargo")] {
        let Some(path) = path else { continue };
        flags.push(format!("--remap-path-prefix={}={name}", path.display()));
    }
    let mut cargo = run::cargo_command();
    cargo.args(["build", "--release", "--locked", "-p", "sluice-app", "-p", "sluice-cli"]);
    cargo.args(["--features", "sluice-app/custom-protocol", "--target-dir"]).arg(target);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    cargo.env("SOURCE_DATE_EPOCH", &release.epoch_s);
    // C sources of crates keep where they lay, too.
    cargo.env("CFLAGS", flags[1..].join(" ").replace("--remap-path-prefix", "-ffile-prefix-map"));
    run::succeed(&mut cargo)?;
    let built = target.join("release");
    Ok(Programs { cli: built.join("sluice"), app: built.join("sluice-app") })
}

/// Makes every package and the list of their sums.
fn make(release: &Release, programs: &Programs, work: &Path, out: &Path) -> Result<(), Failure> {
    clear(out)?;
    let staged = work.join("tree");
    tree::stage(release, programs, &staged)?;
    let made = [
        formats::deb(release, &staged, work, out)?,
        formats::rpm(release, &staged, work, out)?,
        formats::tarball(release, &staged, work, out)?,
    ];
    let names: Vec<String> =
        made.iter().filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect();
    let sums = run::output(Command::new("sha256sum").args(&names).current_dir(out))?;
    fs::write(out.join("SHA256SUMS"), sums).map_err(failed)?;
    for path in &made {
        let size = fs::metadata(path).map_err(failed)?.len();
        println!("{} {:.1} MiB", path.display(), size as f64 / f64::from(1 << 20));
    }
    Ok(())
}

/// An empty directory.
fn clear(path: &Path) -> Result<(), Failure> {
    if path.exists() {
        fs::remove_dir_all(path).map_err(failed)?;
    }
    fs::create_dir_all(path).map_err(failed)
}

fn failed(error: std::io::Error) -> Failure {
    Failure::Failed(error.to_string())
}
