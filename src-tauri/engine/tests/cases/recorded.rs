//! What the policies decide in a few lives, to the last bit: the same twice, and the same as before a
//! change that is meant to change nothing. `SLUICE_RECORDED=FILE` writes the file when it is missing
//! and compares with it when it is there; `cargo xtask mutants` has each mutant compared so.

use crate::life::Life;
use sluice_engine::forecast::{Book, Scene};
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

/// What the book of forecasts says beside a life, as text.
fn foreseen(book: &mut Book, life: &Life, hourly: bool) -> String {
    let world = &life.world;
    for account in &world.accounts {
        book.read(account);
    }
    let scene = Scene {
        accounts: &world.accounts,
        lanes: &world.lanes,
        calendar: &world.calendar,
        now: life.now,
    };
    let ended = serde_json::to_string(&book.advance(&scene)).unwrap();
    if !hourly {
        return ended;
    }
    let outlooks = book.outlooks(&scene);
    for one in &outlooks {
        let order = [0.0, one.low, one.high, 100.0];
        assert!(order.windows(2).all(|pair| pair[0] <= pair[1]), "{one:?}");
        assert!(one.likely <= one.p50 && one.p50 <= one.p90, "{one:?}");
    }
    let full: Vec<_> = world.accounts.iter().map(|one| book.run_out(one.id, life.now)).collect();
    assert!(full.iter().flatten().all(|one| one.at >= life.now), "{full:?}");
    ended + &serde_json::to_string(&(outlooks, full)).unwrap()
}

/// One line per day: swaps, and the digest of decisions, of what is to be read when, of forecasts and
/// of all that was learned.
fn lived(name: &str, seed: u64, days: usize) -> String {
    let mut life = Life::new(seed, rules(name));
    let (mut lines, mut book) = (String::new(), Book::default());
    for day in 0..days {
        let (mut swaps, mut digest) = (0, Digest(0xcbf2_9ce4_8422_2325));
        for look in 0..LOOKS_A_DAY {
            life.step(&mut |_, _, decision: &Decision| {
                swaps += u32::from(decision.action != Action::Stay);
                digest.add(&serde_json::to_string(decision).unwrap());
            });
            digest.add(&serde_json::to_string(&life.world.polls(life.clocks())).unwrap());
            digest.add(&foreseen(&mut book, &life, look % 12 == 0));
        }
        digest.add(&serde_json::to_string(&(&life.world, &book)).unwrap());
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
