//! Limit resets over a restart.

use crate::support::{T0, account, open};
use sluice_engine::Source;
use sluice_engine::grant::{Grant, Said};

#[test]
fn what_was_told_and_asked_survives_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let mut ledger = open(home.path());
    let a = account(&mut ledger, "a");
    assert!(ledger.resets().unwrap().is_empty());
    let ends_at = Some(T0.plus_seconds(9 * 86_400));
    let said = Said::Grants(vec![Grant { left: 2, ends_at, ..Grant::default() }]);
    ledger.record_resets_asked(a, T0).unwrap();
    ledger.record_resets(a, &said, Source::Person, T0).unwrap();
    ledger.record_resets(a, &Said::Withheld, Source::Endpoint, T0).unwrap();
    drop(ledger);
    let mut ledger = open(home.path());
    let known = ledger.resets().unwrap().remove(&a).unwrap();
    assert_eq!((known.left(T0), known.first_end(T0)), (Some(2), ends_at));
    assert_eq!((known.asked_at, known.withheld), (Some(T0), true));
    ledger.remove_account(a, T0).unwrap();
    assert!(ledger.resets().unwrap().is_empty(), "they go with the account");
}
