//! Every recorded vector passes under `Rules::seed()`.

use sluice_tests::vectors::replay_path;
use std::path::Path;

#[test]
fn recorded_behaviour_is_reproduced() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let tally = replay_path(&folder).unwrap();
    let shown: Vec<_> = tally.failures.iter().take(20).collect();
    assert!(tally.failures.is_empty(), "{} differ: {shown:#?}", tally.failures.len());
    assert!(tally.passed >= 3000, "only {} vectors were found", tally.passed);
}
