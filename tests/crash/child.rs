//! One process of the crash harness: carries out a swap, or a start after a crash, and ends.

use crate::scene::{Scene, party};
use crate::store::FileJournal;
use sluice_custody::SwapOrder;
use sluice_engine::{Generation, LaneId};
use std::fs;
use std::path::Path;

/// The first call after this path was asked for belongs to the work itself.
pub const BEGIN: &str = "/sluice-crash-begin";

/// Does `what` in the scene at `dir`.
pub fn run(dir: &str, what: &str) {
    let scene = Scene::at(Path::new(dir));
    drop(fs::metadata(BEGIN));
    match what {
        "swap" => println!("{}", swap(&scene)),
        "recover" => recover(&scene),
        _ => std::process::exit(2),
    }
}

/// Carries out one swap from whatever is live to `b`.
fn swap(scene: &Scene) -> String {
    let custody = scene.custody();
    let (mut journal, _) = FileJournal::open(&scene.journal_path());
    let live = fs::read_to_string(scene.credential_path());
    let order = SwapOrder {
        lane: LaneId(1),
        generation: Generation(1),
        provider: scene.provider(),
        from: live.is_ok_and(|text| text.contains("rt-a-")).then(|| party(1, "a")),
        to: party(2, "b"),
    };
    match custody.swap(&order, &mut journal) {
        Ok(_) => "committed".to_owned(),
        Err(failure) => failure.cause().code().to_owned(),
    }
}

/// Settles what is open and looks after what is parked, as at a start.
fn recover(scene: &Scene) {
    let custody = scene.custody();
    let (mut journal, open) = FileJournal::open(&scene.journal_path());
    custody.recover(&open, &mut journal);
    drop(custody.settle_parked(scene.provider()));
}
