//! A foreign writer that respects nothing, at every call of a swap.

use crate::scene::{Scene, Start};
use crate::trace::End;
use crate::{Ground, discard, each, verdict};
use std::fs::{self, File};
use std::io::{Seek, Write};

/// How the writer writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Cuts the file and writes it anew.
    Truncate,
    /// Moves a new file over it.
    Rename,
    /// Writes through a descriptor it opened before the swap.
    Held,
    /// Removes it and makes a new one.
    Recreate,
    /// Writes the emptied credential of a signed-out tool.
    Stub,
}

const WAYS: [Way; 5] = [Way::Truncate, Way::Rename, Way::Held, Way::Recreate, Way::Stub];

fn write(scene: &Scene, way: Way, held: &mut File) {
    let (path, new) = (scene.credential_path(), scene.credential("a", 2));
    match way {
        Way::Truncate => fs::write(&path, new).expect("write"),
        Way::Stub => fs::write(&path, scene.stub()).expect("write"),
        Way::Rename => {
            let draft = path.with_file_name("foreign.tmp");
            fs::write(&draft, new).expect("write");
            fs::rename(&draft, &path).expect("rename");
        }
        Way::Held => {
            held.set_len(0).expect("cut");
            held.rewind().expect("rewind");
            held.write_all(new.as_bytes()).expect("write");
        }
        Way::Recreate => {
            drop(fs::remove_file(&path));
            fs::write(&path, new).expect("write");
        }
    }
}

/// Stops the swap after every call, lets the writer act, lets the swap go on, then a start.
pub fn races(ground: &Ground<'_>, step: usize) {
    let cases: Vec<_> =
        ground.points.iter().flat_map(|point| WAYS.iter().map(move |way| (point, *way))).collect();
    each(&cases, step, |index, (point, way)| {
        let scene = ground.fresh(&format!("race-{index}"));
        let story = format!("{:?}, {way:?} after {} {}", ground.start, point.call, point.nth);
        let mut held =
            File::options().write(true).open(scene.credential_path()).expect("descriptor");
        let mut acted = false;
        let ended = ground.tracer.interrupt(&scene.dir, point, || {
            write(&scene, *way, &mut held);
            acted = true;
        });
        if ended != End::Exited {
            ground.tally.breach("hangs", &story);
        }
        if !acted {
            ground.tally.breach("missed", &format!("{story}: it never stood still"));
            return discard(&scene);
        }
        ground.tally.count("race_points");
        ground.tracer.plainly(&scene.dir, "recover");
        if *way == Way::Stub {
            check_stub(ground, &scene, &story);
        } else {
            verdict::check_census(&scene, &["rt-a-2.", "rt-b-0."], ground.tally, &story);
        }
        verdict::check_settled(&scene, ground.tally, &story);
        discard(&scene);
    });
}

/// A stub over a vintage nobody has read yet destroys it; one that was captured is safe.
fn check_stub(ground: &Ground<'_>, scene: &Scene, story: &str) {
    let census = scene.census();
    let newest = verdict::newest(ground.start)[0];
    if !census.contains("rt-b-0.") {
        ground.tally.breach("lost_tokens", story);
    }
    match (census.contains(newest), ground.start) {
        (true, _) => {}
        // What the watcher makes of a rotation: the vault has it before the swap begins.
        (false, Start::Captured) => ground.tally.breach("stub_watched_lost", story),
        (false, _) => ground.tally.count("stub_unwatched_lost"),
    }
}
