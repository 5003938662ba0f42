//! Every recording is read as its manifest expects.

use std::path::Path;

#[test]
fn every_recording_is_read_as_expected() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let outcome = sluice_tests::fixtures_replay::replay(&directory).unwrap();
    assert!(outcome.failed.is_empty(), "{:#?}", outcome.failed);
    assert!(outcome.passed >= 191, "only {} recordings", outcome.passed);
}
