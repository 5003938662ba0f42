//! One process of the crash harness: carries out a swap, or a start after a crash, and ends.

#![allow(dead_code, reason = "scene.rs is shared with the program that drives this one")]

mod scene;
mod store;

use scene::{Scene, Start, party};
use sluice_custody::SwapOrder;
use sluice_engine::{Generation, LaneId, Provider};
use std::fs;
use std::path::Path;
use store::FileJournal;

/// The first call after this path was asked for belongs to the work itself.
pub const BEGIN: &str = "/sluice-crash-begin";

fn main() {
    let mut args = std::env::args().skip(1);
    let (dir, what) = (args.next().unwrap_or_default(), args.next().unwrap_or_default());
    let scene = Scene::at(Path::new(&dir));
    drop(std::fs::metadata(BEGIN));
    match what.as_str() {
        "swap" => println!("{}", swap(&scene)),
        "build" => {
            let wanted = args.next().unwrap_or_default();
            Start::ALL.iter().filter(|start| start.name() == wanted).for_each(|start| {
                Scene::build(&scene.dir, *start);
            });
        }
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
        provider: Provider::Claude,
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
    drop(custody.tend(Provider::Claude));
}
