//! The packages themselves, each made by its system's own tool.

use super::tree::{PAPERS, PAPERS_IN, SHELLS, write};
use super::{Release, clear, failed};
use crate::run::{self, Failure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const SUMMARY: &str = "Keeps the right AI coding subscription live";
const DESCRIPTION: &str = "Watches the usage windows of several subscriptions to AI coding agents, plans \
which account should be live, swaps its login in without losing one, and says why.";
/// The tray's icon comes from a library that is opened while the program runs.
const OPENED_DEB: &str = "libayatana-appindicator3-1";
const OPENED_RPM: &str = "libayatana-appindicator-gtk3";

/// The newest instant in an archive, and the only one.
fn dated<'a>(command: &'a mut Command, release: &Release) -> &'a mut Command {
    command.env("SOURCE_DATE_EPOCH", &release.epoch_s).env("TZ", "UTC").env("LC_ALL", "C")
}

/// For Debian and its kin.
pub(super) fn deb(
    release: &Release,
    tree: &Path,
    work: &Path,
    out: &Path,
) -> Result<PathBuf, Failure> {
    let root = work.join("deb");
    clear(&root)?;
    run::succeed(Command::new("cp").arg("-a").arg(tree.join("usr")).arg(&root))?;
    let kib = run::output(Command::new("du").args(["-sk", "--apparent-size"]).arg(&root))?;
    let kib = kib.split_whitespace().next().unwrap_or("0").to_owned();
    let architecture = run::output(Command::new("dpkg").arg("--print-architecture"))?;
    let control = format!(
        "Package: sluice\nVersion: {}\nArchitecture: {}\nMaintainer: The Sluice authors \
         <authors@sluice.example>\nSection: utils\nPriority: optional\nInstalled-Size: {kib}\n\
         Depends: {}, {OPENED_DEB}\nRecommends: gnome-keyring | kwalletmanager | keepassxc\n\
         Description: {SUMMARY}\n {DESCRIPTION}\n",
        release.version,
        architecture.trim(),
        libraries(tree, work)?,
    );
    write(&root.join("DEBIAN/control"), control.as_bytes())?;
    let sums = "find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum > DEBIAN/md5sums";
    run::succeed(Command::new("sh").args(["-c", sums]).current_dir(&root))?;
    let name = format!("sluice_{}_{}.deb", release.version, architecture.trim());
    let package = out.join(name);
    let mut build = Command::new("dpkg-deb");
    build.args(["--root-owner-group", "-Zxz", "--build"]).arg(&root).arg(&package);
    run::succeed(dated(&mut build, release))?;
    Ok(package)
}

/// The libraries the programs are linked with, as Debian calls them.
fn libraries(tree: &Path, work: &Path) -> Result<String, Failure> {
    let here = work.join("shlibs");
    clear(&here)?;
    // The tool reads a source package's description.
    write(&here.join("debian/control"), b"Source: sluice\n\nPackage: sluice\nArchitecture: any\n")?;
    let mut ask = Command::new("dpkg-shlibdeps");
    ask.arg("-O").args(["sluice", "sluice-app"].map(|name| tree.join("usr/bin").join(name)));
    let said = run::output(ask.current_dir(&here))?;
    let found = said.lines().find_map(|line| line.strip_prefix("shlibs:Depends="));
    let missing = || Failure::Failed("dpkg-shlibdeps names no library".to_owned());
    found.map(str::to_owned).ok_or_else(missing)
}

/// For Fedora, openSUSE and their kin.
pub(super) fn rpm(
    release: &Release,
    tree: &Path,
    work: &Path,
    out: &Path,
) -> Result<PathBuf, Failure> {
    let top = work.join("rpm");
    clear(&top)?;
    let spec = top.join("sluice.spec");
    write(&spec, rpm_spec(release, tree)?.as_bytes())?;
    let mut build = Command::new("rpmbuild");
    build.arg("-bb").arg("--define").arg(format!("_topdir {}", top.display()));
    build.arg("--buildroot").arg(top.join("root")).arg(&spec);
    run::succeed(dated(&mut build, release))?;
    let machine = std::env::consts::ARCH;
    let name = format!("sluice-{}-1.{machine}.rpm", release.version);
    let package = out.join(&name);
    fs::copy(top.join("RPMS").join(machine).join(&name), &package).map_err(failed)?;
    Ok(package)
}

fn rpm_spec(release: &Release, tree: &Path) -> Result<String, Failure> {
    let mut find = Command::new("find");
    find.args([".", "-type", "f", "-printf", "/%P\\n"]).current_dir(tree);
    let found = run::output(&mut find)?;
    let mut files: Vec<String> = found.lines().map(str::to_owned).collect();
    files.sort();
    // Zsh of these systems looks elsewhere.
    let zsh = |path: &str| path.replace("zsh/vendor-completions", "zsh/site-functions");
    let files: Vec<String> = files.iter().map(|file| zsh(file)).collect();
    let moved = "mkdir -p %{buildroot}/usr/share/zsh/site-functions\n\
                 mv %{buildroot}/usr/share/zsh/vendor-completions/_sluice \
                 %{buildroot}/usr/share/zsh/site-functions/\n\
                 rmdir %{buildroot}/usr/share/zsh/vendor-completions\n";
    Ok(format!(
        "%global debug_package %{{nil}}\n%global __os_install_post %{{nil}}\n\
         %global _build_id_links none\n%global _buildhost reproducible\n\
         %global use_source_date_epoch_as_buildtime 1\n%global clamp_mtime_to_source_date_epoch 1\n\
         %global _binary_payload w9.xzdio\n\
         Name: sluice\nVersion: {}\nRelease: 1\nSummary: {SUMMARY}\n\
         License: MIT OR Apache-2.0\nRecommends: {OPENED_RPM}\n\n\
         %description\n{DESCRIPTION}\n\n%install\nmkdir -p %{{buildroot}}\n\
         cp -a {}/usr %{{buildroot}}/\n{moved}\n%files\n{}\n",
        release.version,
        tree.display(),
        files.join("\n"),
    ))
}

/// For servers: the command line alone, without an installation.
pub(super) fn tarball(
    release: &Release,
    tree: &Path,
    work: &Path,
    out: &Path,
) -> Result<PathBuf, Failure> {
    let name = format!("sluice-{}-{}-linux", release.version, std::env::consts::ARCH);
    let root = work.join("tar");
    clear(&root)?;
    let inside = root.join(&name);
    let copy = |from: &str, to: &str| -> Result<(), Failure> {
        write(&inside.join(to), b"")?;
        run::succeed(Command::new("cp").arg("-aT").arg(tree.join(from)).arg(inside.join(to)))
    };
    copy("usr/bin/sluice", "bin/sluice")?;
    for (shell, at) in SHELLS {
        let file = Path::new(at).file_name().and_then(|name| name.to_str()).unwrap_or(shell);
        copy(at, &format!("completions/{shell}/{file}"))?;
    }
    fs::create_dir_all(inside.join("man")).map_err(failed)?;
    run::succeed(
        Command::new("cp").arg("-a").arg(tree.join("usr/share/man/man1")).arg(inside.join("man")),
    )?;
    for paper in PAPERS {
        copy(&format!("{PAPERS_IN}/{paper}"), paper)?;
    }
    copy("usr/lib/systemd/user/sluice.service", "sluice.service")?;
    let package = out.join(format!("{name}.tar.gz"));
    let pack = format!(
        "tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@{} --format=gnu -cf - {name} \
         | gzip -9 --no-name > {}",
        release.epoch_s,
        package.display()
    );
    run::succeed(Command::new("sh").args(["-c", &pack]).current_dir(&root))?;
    Ok(package)
}
