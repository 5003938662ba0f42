//! One process of the crash harness: carries out a swap, or a start after a crash, and ends.

#![allow(dead_code, reason = "scene.rs is shared with the program that drives this one")]

mod scene;
mod store;

use scene::{Scene, Start};
use std::path::Path;

/// The first call after this path was asked for belongs to the work itself.
pub const BEGIN: &str = "/sluice-crash-begin";

fn main() {
    let mut args = std::env::args().skip(1);
    let (dir, what) = (args.next().unwrap_or_default(), args.next().unwrap_or_default());
    let scene = Scene::at(Path::new(&dir));
    drop(std::fs::metadata(BEGIN));
    match what.as_str() {
        "swap" => println!("{}", scene.swap()),
        "build" => {
            let wanted = args.next().unwrap_or_default();
            Start::ALL.iter().filter(|start| start.name() == wanted).for_each(|start| {
                Scene::build(&scene.dir, *start);
            });
        }
        "recover" => scene.recover(),
        _ => std::process::exit(2),
    }
}
