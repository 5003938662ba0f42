//! `cargo xtask package --verify`: two builds in two places are one, and the packages do in a fresh system
//! what people do with them. Needs root, and Debian's archive.

use super::{Programs, Release, build, clear, failed, make};
use crate::run::{self, Failure};
use crate::setup;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the proof needs beside what making packages needs.
const TOOLS: [&str; 1] = ["debootstrap"];
/// The system they are installed in.
const SUITE: &str = "bookworm";
/// A desktop to register with, in there.
const DESKTOP: [&str; 5] = ["xvfb", "dbus", "xfce4-panel", "libglib2.0-bin", "fonts-dejavu-core"];
/// The version that is upgraded.
const BEFORE: &str = "0.0.1";
/// The newest glibc the command line may need: that of the oldest system it is meant for.
const GLIBC_MAX: (u32, u32) = (2, 36);

/// Everything that is proven, step after step.
pub(super) fn everything() -> Result<(), Failure> {
    let id = run::output(Command::new("id").arg("-u"))?;
    if id.trim() != "0" {
        return Err(Failure::Usage(
            "--verify installs packages in a root of its own: run it as root".into(),
        ));
    }
    setup::packages(&TOOLS)?;
    let place = run::target_directory()?.join("package");
    let release = Release::of(&run::root(), None)?;
    let (programs, out) = built_twice(&release, &place)?;
    println!("two builds are one");
    let older = place.join("older");
    let before = Release { version: BEFORE.to_owned(), ..release };
    make(&before, &programs, &place, &older)?;
    needs_glibc_alone(&programs.cli)?;
    println!("the command line needs glibc alone");
    descriptions(&place)?;
    rpm(&out, &place)?;
    println!("rpm agrees");
    let root = System::fresh(&place.join("root"))?;
    root.install_upgrade_remove(&older, &out)
}

/// Copies the sources to two places, builds in each, and compares what comes out.
fn built_twice(release: &Release, place: &Path) -> Result<(Programs, PathBuf), Failure> {
    let mut last = None;
    let mut sums = Vec::new();
    for name in ["one", "the-other-place"] {
        let root = place.join("sources").join(name);
        clear(&root)?;
        copy_sources(&release.root, &root)?;
        let release = Release {
            version: release.version.clone(),
            epoch_s: release.epoch_s.clone(),
            root: root.clone(),
        };
        let target = root.join("target");
        let programs = build(&target, &release)?;
        let out = target.join("out");
        make(&release, &programs, &target, &out)?;
        sums.push(fs::read_to_string(out.join("SHA256SUMS")).map_err(failed)?);
        last = Some((programs, out));
    }
    if sums[0] != sums[1] {
        return Err(Failure::Failed(format!("two builds differ:\n{}\n{}", sums[0], sums[1])));
    }
    last.ok_or_else(|| Failure::Failed("nothing was built".to_owned()))
}

/// What a clone of the last commit has, and the page that was built from it.
fn copy_sources(from: &Path, to: &Path) -> Result<(), Failure> {
    let unpack = format!("git archive HEAD | tar -x -C '{}'", to.display());
    run::succeed(Command::new("sh").args(["-c", &unpack]).current_dir(from))?;
    let page = |root: &Path| root.join("ui/dist");
    run::succeed(Command::new("cp").arg("-aT").arg(page(from)).arg(page(to)))
}

/// The program asks for no library but glibc's, and for none newer than people have.
fn needs_glibc_alone(program: &Path) -> Result<(), Failure> {
    let said = run::output(Command::new("objdump").arg("-p").arg(program))?;
    let own = ["libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1"];
    for line in said.lines().filter(|line| line.contains("NEEDED")) {
        let library = line.split_whitespace().last().unwrap_or_default();
        if !own.contains(&library) && !library.starts_with("ld-linux") {
            return Err(Failure::Failed(format!("{} needs {library}", program.display())));
        }
    }
    let version = |word: &str| {
        let mut parts = word.strip_prefix("GLIBC_")?.split('.').map(str::parse::<u32>);
        Some((parts.next()?.ok()?, parts.next()?.ok()?))
    };
    let newest = said.split_whitespace().filter_map(version).max();
    if newest.is_some_and(|newest| newest > GLIBC_MAX) {
        return Err(Failure::Failed(format!("{} needs glibc {newest:?}", program.display())));
    }
    Ok(())
}

/// What desktops read of it is well formed.
fn descriptions(place: &Path) -> Result<(), Failure> {
    let share = place.join("tree/usr/share");
    let entry = share.join("applications/dev.sluice.Sluice.desktop");
    run::succeed(Command::new("desktop-file-validate").arg(entry))?;
    let meta = share.join("metainfo/dev.sluice.Sluice.metainfo.xml");
    run::succeed(
        Command::new("appstreamcli").args(["validate", "--no-net", "--pedantic"]).arg(meta),
    )
}

/// The package for systems with rpm: whole, installable, complete.
fn rpm(out: &Path, place: &Path) -> Result<(), Failure> {
    let package = only(out, "rpm")?;
    run::succeed(Command::new("rpm").args(["-K", "--nosignature"]).arg(&package))?;
    let root = place.join("rpm-root");
    clear(&root)?;
    let rpm = |words: &[&str]| {
        let mut rpm = Command::new("rpm");
        rpm.arg("--root").arg(&root).args(words);
        rpm
    };
    run::succeed(rpm(&["--initdb"]).stdin(std::process::Stdio::null()))?;
    run::succeed(rpm(&["-i", "--nodeps", "--nosignature"]).arg(&package))?;
    run::succeed(&mut rpm(&["-V", "--nodeps", "sluice"]))?;
    run::succeed(&mut rpm(&["-e", "--nodeps", "sluice"]))
}

fn only(folder: &Path, kind: &str) -> Result<PathBuf, Failure> {
    let found = fs::read_dir(folder).map_err(failed)?.flatten().map(|entry| entry.path());
    let mut found = found.filter(|path| path.extension().is_some_and(|end| end == kind));
    found.next().ok_or_else(|| Failure::Failed(format!("no .{kind} in {}", folder.display())))
}

/// A Debian that has never seen Sluice. It ends with what was mounted in it.
struct System {
    root: PathBuf,
}

impl System {
    fn fresh(root: &Path) -> Result<Self, Failure> {
        let system = Self { root: root.to_owned() };
        system.leave();
        clear(root)?;
        run::succeed(Command::new("debootstrap").args(["--variant=minbase", SUITE]).arg(root))?;
        for (kind, at) in [("proc", "proc"), ("sysfs", "sys"), ("tmpfs", "run"), ("tmpfs", "tmp")] {
            let mount = root.join(at);
            run::succeed(Command::new("mount").args(["-t", kind, kind]).arg(mount))?;
        }
        run::succeed(Command::new("mount").args(["--rbind", "/dev"]).arg(root.join("dev")))?;
        Ok(system)
    }

    fn leave(&self) {
        for at in ["dev", "tmp", "run", "sys", "proc"] {
            let mount = self.root.join(at);
            if mount.exists() {
                let _was_none = run::quietly(Command::new("umount").args(["-R", "-l"]).arg(mount));
            }
        }
    }

    /// Runs a script in there.
    fn run(&self, script: &str) -> Result<(), Failure> {
        let mut chroot = Command::new("chroot");
        chroot.arg(&self.root).args(["/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]);
        chroot.args(["DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8", "HOME=/srv"]);
        run::succeed(chroot.args(["sh", "-euc", script]))
    }

    fn install_upgrade_remove(&self, older: &Path, newer: &Path) -> Result<(), Failure> {
        for (folder, name) in [(older, "older.deb"), (newer, "newer.deb")] {
            let package = only(folder, "deb")?;
            fs::copy(package, self.root.join("srv").join(name)).map_err(failed)?;
        }
        self.run("apt-get -qq update")?;
        let desktop = DESKTOP.join(" ");
        self.run(&format!("apt-get -qq install --yes --no-install-recommends {desktop}"))?;
        self.run("find / -xdev -not -path '/proc/*' | sort > /srv/before")?;
        self.run("apt-get -qq install --yes --no-install-recommends /srv/older.deb")?;
        println!("installed");
        self.run(START)?;
        println!("started, and registered with a tray host");
        self.run("apt-get -qq install --yes --no-install-recommends /srv/newer.deb")?;
        self.run(
            "test \"$(dpkg-query -W -f '${Version}' sluice)\" != 0.0.1; dpkg --verify sluice",
        )?;
        self.run(START)?;
        println!("upgraded");
        self.run("apt-get -qq purge --yes sluice")?;
        self.run(GONE)?;
        println!("removed without a trace");
        Ok(())
    }
}

impl Drop for System {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Starts the program as a person would, on a desktop of its own with a tray, until the tray has it.
const START: &str = r#"
sluice --version
sluice completions bash > /dev/null
test -s /usr/share/man/man1/sluice.1.gz
export HOME=/tmp/home XDG_RUNTIME_DIR=/tmp/run-user DISPLAY=:77
rm -rf "$HOME" "$XDG_RUNTIME_DIR"; mkdir -p -m 700 "$HOME" "$XDG_RUNTIME_DIR"
cat > /tmp/session.sh <<'END'
set -eu
xfce4-panel > /tmp/panel.log 2>&1 & panel=$!
sluice-app --background > /tmp/app.log 2>&1 & app=$!
items() {
    gdbus call --session --dest org.kde.StatusNotifierWatcher --object-path /StatusNotifierWatcher \
        --method org.freedesktop.DBus.Properties.Get org.kde.StatusNotifierWatcher \
        RegisteredStatusNotifierItems 2> /tmp/gdbus.log
}
for _ in $(seq 300); do
    if items | grep -q "'"; then found=1; break; fi
    sleep 0.1
done
kill -TERM "$app"; wait "$app" || true
kill "$panel" || true
if [ -z "${found:-}" ]; then cat /tmp/app.log /tmp/panel.log /tmp/gdbus.log >&2; exit 1; fi
END
Xvfb :77 -screen 0 1024x768x24 > /tmp/xvfb.log 2>&1 & display=$!
for _ in $(seq 100); do [ -S /tmp/.X11-unix/X77 ] && break; sleep 0.1; done
mkdir -p "$HOME/.config/xfce4/xfconf/xfce-perchannel-xml"
cat > "$HOME/.config/xfce4/xfconf/xfce-perchannel-xml/xfce4-panel.xml" <<'END'
<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array"><value type="int" value="1"/>
    <property name="panel-1" type="empty"><property name="plugin-ids" type="array"><value type="int" value="1"/></property></property>
  </property>
  <property name="plugins" type="empty"><property name="plugin-1" type="string" value="systray"/></property>
</channel>
END
dbus-run-session -- sh /tmp/session.sh && done=0 || done=$?
kill "$display"
exit "$done"
"#;

/// After removal nothing is there that was not there before, but what the libraries brought.
const GONE: &str = r#"
find / -xdev -not -path '/proc/*' | sort > /srv/after
left=$(comm -13 /srv/before /srv/after | grep -i sluice | grep -v '^/srv/' || true)
if [ -n "$left" ]; then echo "left behind: $left" >&2; exit 1; fi
"#;
