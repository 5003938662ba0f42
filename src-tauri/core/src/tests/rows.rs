//! How much a day writes down. The measurement of the database (`tests/bench/ledger.rs`) fills a year
//! with no fewer rows than these.

use super::*;
use crate::records::Record;

/// Decisions and readings of a day, and the bytes of the last world.
fn day_of_twelve_accounts(policy: &str) -> (usize, usize, usize) {
    let mut outside = Outside::empty();
    for n in 0..12 {
        outside.sign_in_and_add(&format!("k{n}"), (0.0, 5.0 * n as f64, 20 + 13 * n));
    }
    outside.ask(Request::SetMode { provider: CLAUDE, mode: Mode::Auto });
    outside.ask(Request::Set { key: "policy".to_owned(), value: policy.into() });
    outside.ask(Request::Resume { provider: None });
    outside.done.clear();
    for hour in 0..24 {
        outside.burn = if (8..20).contains(&hour) { 0.9 } else { 0.0 };
        if hour % 5 == 0 {
            outside.usage.values_mut().for_each(|usage| usage.0 = 0.0);
        }
        outside.advance(3_600);
    }
    let (mut decisions, mut readings, mut bytes) = (0, 0, 0);
    for (_, effect) in &outside.done {
        let Effect::Store { record, .. } = effect else { continue };
        match &**record {
            Record::Decision { world, .. } => {
                (decisions, bytes) = (decisions + 1, world.as_ref().map_or(0, |world| world.len()))
            }
            Record::Observation(_) => readings += 1,
            _ => {}
        }
    }
    (decisions, readings, bytes)
}

#[test]
fn a_day_of_twelve_accounts_writes_no_more_than_the_measured_year_does() {
    for policy in ["tiered", "horizon"] {
        let (decisions, readings, bytes) = day_of_twelve_accounts(policy);
        assert!((100..=480).contains(&decisions), "{policy}: {decisions} decisions");
        assert!((100..=5_760).contains(&readings), "{policy}: {readings} readings");
        // A plan's history is as long from the first day on; after four weeks it takes a third more.
        let full = if policy == "horizon" { bytes * 4 / 3 } else { bytes };
        assert!(bytes > 5_000 && decisions * full <= 360 * 40_000, "{policy}: {bytes} bytes");
    }
}
