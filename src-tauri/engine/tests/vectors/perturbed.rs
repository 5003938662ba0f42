//! Recorded vectors with small damage in their inputs: whatever comes in, the rules answer, and answer
//! the same twice.

use crate::folder;
use crate::replay::replay;
use serde_json::{Value, json};

/// Damaged copies of each vector; `SLUICE_COPIES=30` is the long form.
fn copies() -> usize {
    let told = std::env::var("SLUICE_COPIES").ok().and_then(|text| text.parse().ok());
    told.unwrap_or(1)
}

const NUMBERS: [f64; 12] =
    [0.0, -0.0, -1.0, 1e12, -1e12, 5e-324, 100.0, 99.999_999_999, 90.0, 1e7, -9e7, 0.1];
const TEXTS: [&str; 9] = [
    "",
    "not-a-date",
    "2031-12-31T23:59:59Z",
    "2021-01-01T00:00:00Z",
    "2026-02-30T00:00:00Z",
    "2026-05-04T12:00:00.123456789+23:59",
    "-",
    "\u{0}\u{1f600}",
    "99999999999999999999x",
];

/// Changes one leaf, chosen at random on the way down.
fn damage(value: &mut Value, rng: &mut fastrand::Rng) {
    match value {
        Value::Array(items) if !items.is_empty() && rng.u8(0..8) > 0 => {
            let at = rng.usize(0..items.len());
            damage(&mut items[at], rng);
        }
        Value::Array(items) => items.reverse(),
        Value::Object(fields) if !fields.is_empty() => {
            let at = rng.usize(0..fields.len());
            if let Some((_, field)) = fields.iter_mut().nth(at) {
                damage(field, rng);
            }
        }
        leaf => *leaf = other(leaf, rng),
    }
}

fn other(leaf: &Value, rng: &mut fastrand::Rng) -> Value {
    match rng.u8(0..10) {
        0 => Value::Null,
        1 => json!(rng.bool()),
        2..5 => json!(TEXTS[rng.usize(0..TEXTS.len())]),
        5 => json!(rng.i64(-1_000_000..1_000_000)),
        6..8 => json!(leaf.as_f64().unwrap_or(1.0) * (rng.f64() * 4.0 - 2.0)),
        _ => json!(NUMBERS[rng.usize(0..NUMBERS.len())]),
    }
}

#[test]
fn damaged_vectors_are_answered_and_answered_the_same_twice() {
    let mut files: Vec<_> =
        std::fs::read_dir(folder()).unwrap().map(|one| one.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "jsonl"));
    files.sort();
    let mut rng = fastrand::Rng::with_seed(5);
    let mut answered = 0;
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let whole: Value = serde_json::from_str(line).unwrap();
            for _ in 0..copies() {
                let mut odd = whole.clone();
                for _ in 0..rng.u8(1..4) {
                    damage(&mut odd["in"], &mut rng);
                }
                // Whether it is what was recorded is not the question here; a panic fails.
                assert_eq!(replay(&odd), replay(&odd), "{odd}");
                answered += 1;
            }
        }
    }
    assert!(answered > 2_500, "only {answered}");
}
