//! What the policies decide in a few lives, to the last bit: the same twice, and the same as before a
//! change that is meant to change nothing. `SLUICE_RECORDED=FILE` writes the file when it is missing
//! and compares with it when it is there; `cargo xtask mutants` has each mutant compared so.

use crate::life::Life;
use sluice_engine::{Action, Decision, Policy, Rules};
use std::fmt::Write as _;
use std::path::PathBuf;

const LOOKS_A_DAY: usize = 288;

/// Lives and their lengths in days: enough for every branch, short enough to be lived in a second.
const LIVES: [(&str, u64, usize); 15] = [
    ("seed", 1, 6),
    ("seed", 2, 6),
    ("seed", 3, 6),
    ("tiered", 1, 8),
    ("tiered", 2, 8),
    ("tiered", 3, 8),
    ("tiered", 4, 8),
    ("horizon", 1, 9),
    ("horizon", 2, 9),
    ("horizon", 3, 9),
    ("horizon", 4, 9),
    ("horizon", 5, 9),
    ("horizon", 6, 9),
    ("horizon", 7, 9),
    ("horizon", 8, 9),
];

fn rules(name: &str) -> Rules {
    match name {
        "seed" => Rules::seed(),
        "tiered" => Rules::default(),
        _ => Rules { policy: Policy::Horizon, ..Rules::default() },
    }
}

/// FNV-1a over the decisions' text: to the last bit, in 16 letters.
struct Digest(u64);

impl Digest {
    fn add(&mut self, text: &str) {
        self.0 = text.bytes().fold(self.0, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    }
}

/// One line per day: swaps, and the digest of decisions, of what is to be read when, and of all that
/// was learned.
fn lived(name: &str, seed: u64, days: usize) -> String {
    let mut life = Life::new(seed, rules(name));
    let mut lines = String::new();
    for day in 0..days {
        let (mut swaps, mut digest) = (0, Digest(0xcbf2_9ce4_8422_2325));
        for _ in 0..LOOKS_A_DAY {
            life.step(&mut |_, _, decision: &Decision| {
                swaps += u32::from(decision.action != Action::Stay);
                digest.add(&serde_json::to_string(decision).unwrap());
            });
            digest.add(&serde_json::to_string(&life.world.polls(life.clocks())).unwrap());
        }
        digest.add(&serde_json::to_string(&life.world).unwrap());
        writeln!(lines, "{name} {seed} day {day}: {swaps} swaps, {:016x}", digest.0).unwrap();
    }
    lines
}

fn all() -> String {
    LIVES.iter().map(|(name, seed, days)| lived(name, *seed, *days)).collect()
}

#[test]
fn lives_are_lived_as_they_were_recorded() {
    let lives = all();
    let Some(file) = std::env::var_os("SLUICE_RECORDED").map(PathBuf::from) else {
        return assert_eq!(lives, all(), "the same twice");
    };
    if !file.exists() {
        return std::fs::write(&file, &lives).unwrap();
    }
    let known = std::fs::read_to_string(&file).unwrap();
    let differ = lives.lines().zip(known.lines()).find(|(now, then)| now != then);
    assert!(differ.is_none(), "now and as recorded: {differ:#?}");
    assert_eq!(lives.len(), known.len());
}
