//! A disk that is really full: a file system of bounded size, filled up to the last few pages, then
//! emptied again.

use crate::scene::Scene;
use crate::{Ground, verdict};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Size of the file system.
const BYTES: &str = "size=768k,mode=0700";
const PAGE: usize = 4_096;
/// From nothing left to everything a swap needs.
const PAGES: usize = 16;

/// A mounted file system of bounded size; unmounted on drop.
struct Mounted(PathBuf);

impl Mounted {
    /// `None` where mounting is not allowed.
    fn at(dir: &Path) -> Option<Self> {
        fs::create_dir_all(dir).ok()?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", BYTES, "sluice-crash"]).arg(dir);
        mount.output().is_ok_and(|done| done.status.success()).then(|| Self(dir.to_path_buf()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(&self.0).output());
    }
}

/// Takes everything but `left` bytes.
fn fill(path: &Path, left: usize) {
    let mut file = File::create(path).expect("filler");
    let page = [0u8; PAGE];
    let mut written = 0;
    while file.write_all(&page).is_ok() {
        written += PAGE;
    }
    let keep = written.saturating_sub(left);
    file.set_len(keep as u64).expect("shorter");
}

/// A swap with `n` pages left, for each `n`, then a start once there is room again: whole, nothing
/// lost, nothing open, and the same swap goes through.
pub fn disks(ground: &Ground<'_>, step: usize) {
    let mount = ground.work.join(format!("full-{}", ground.start.name()));
    let Some(mounted) = Mounted::at(&mount) else {
        return ground.tally.count("full_unmounted");
    };
    for pages in (0..PAGES).step_by(step) {
        let scene = ground.base.copy_to(&mounted.0.join(format!("pages-{pages}")));
        let story = format!("{:?}, {pages} pages left", ground.start);
        let filler = mounted.0.join("filler");
        fill(&filler, pages * PAGE);
        ground.tracer.plainly(&scene.dir, "swap");
        ground.tally.count("full_cases");
        if scene.live() != crate::scene::Live::Login("b-0".to_owned()) {
            ground.tally.count("full_refused");
        }
        verdict::check_instant(&scene, ground.start, ground.tally, &story);
        ground.tracer.plainly(&scene.dir, "recover");
        verdict::check_instant(&scene, ground.start, ground.tally, &story);
        fs::remove_file(&filler).expect("room");
        ground.tracer.plainly(&scene.dir, "recover");
        verdict::check_instant(&scene, ground.start, ground.tally, &story);
        verdict::check_settled(&scene, ground.tally, &story);
        resume(ground, &scene, &story);
        drop(fs::remove_dir_all(&scene.dir));
    }
}

/// With room again the work goes on.
fn resume(ground: &Ground<'_>, scene: &Scene, story: &str) {
    ground.tracer.plainly(&scene.dir, "swap");
    let live = scene.live();
    if live != crate::scene::Live::Login("b-0".to_owned()) {
        ground.tally.breach("unresumed", &format!("{story}: afterwards the seat holds {live:?}"));
    }
    verdict::check_closed(scene, ground.tally, story);
}
