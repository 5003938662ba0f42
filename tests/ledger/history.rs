//! Readings over time.

use crate::support::{T0, account, open, sample};
use sluice_engine::Utc;

#[test]
fn work_is_what_windows_grew_by_in_each_hour() {
    let home = tempfile::tempdir().unwrap();
    let mut ledger = open(home.path());
    let (a, b) = (account(&mut ledger, "a"), account(&mut ledger, "b"));
    let hour = Utc::from_seconds(T0.0 / 3_600_000_000 * 3_600);
    let later = |minutes: i64| hour.plus_seconds(minutes * 60);
    for (who, minutes, used) in [
        (a, 0, 10.0),
        (b, 5, 50.0),
        (a, 20, 14.0),
        // A reset is no negative work.
        (b, 30, 0.0),
        (b, 40, 1.0),
        (a, 70, 20.0),
    ] {
        ledger.record_sample(&sample(who, later(minutes), used)).unwrap();
    }
    let work = ledger.work(hour, later(120)).unwrap();
    assert_eq!(work, [(hour, 5.0), (later(60), 6.0)]);
    assert_eq!(ledger.work(later(60), later(120)).unwrap(), [], "one reading shows no growth");
}
