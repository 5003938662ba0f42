//! What must be true of a scene, and the tally of what was not.

use crate::scene::{Live, Scene, Start};
use sluice_custody::SeatState;
use sluice_engine::Provider;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// Counts of cases and of breaches; shared by the workers.
#[derive(Default)]
pub struct Tally {
    counts: Mutex<BTreeMap<&'static str, usize>>,
    stories: Mutex<Vec<String>>,
}

impl Tally {
    /// Counts one.
    pub fn count(&self, what: &'static str) {
        *self.counts.lock().expect("tally").entry(what).or_default() += 1;
    }

    /// Counts a breach and keeps its story.
    pub fn breach(&self, what: &'static str, story: &str) {
        self.count(what);
        let mut stories = self.stories.lock().expect("tally");
        if stories.len() < 40 {
            stories.push(format!("{what}: {story}"));
        }
    }

    /// How many.
    pub fn of(&self, what: &str) -> usize {
        self.counts.lock().expect("tally").get(what).copied().unwrap_or_default()
    }

    /// The breaches in words.
    pub fn stories(&self) -> Vec<String> {
        self.stories.lock().expect("tally").clone()
    }
}

/// The tokens that must be found, newest of each account.
pub fn newest(start: Start) -> [&'static str; 2] {
    match start {
        Start::Rotated | Start::Linked | Start::Crowded | Start::Codex => ["rt-a-1.", "rt-b-0."],
        Start::Captured | Start::SignedOut | Start::Empty => ["rt-a-0.", "rt-b-0."],
    }
}

/// At any instant: the seat holds one whole credential, and no newest token is gone.
pub fn check_instant(scene: &Scene, start: Start, tally: &Tally, story: &str) {
    let live = scene.live();
    let whole = match &live {
        Live::Login(token) => {
            token == "b-0" || token == newest(start)[0].trim_matches(['r', 't', '-', '.'])
        }
        Live::Stub => start == Start::SignedOut,
        Live::Absent => start == Start::Empty,
        Live::Torn => false,
    };
    if !whole {
        tally.breach("torn", &format!("{story}: the seat holds {live:?}"));
    }
    check_census(scene, &newest(start), tally, story);
}

/// At any instant: what lies beside the seat under a name of ours can be read by nobody else, though the
/// seat itself could.
pub fn check_private(scene: &Scene, tally: &Tally, story: &str) {
    for (name, mode) in scene.ours() {
        if mode & 0o077 != 0 {
            tally.breach("exposed", &format!("{story}: {name} has mode {mode:o}"));
        }
    }
}

/// Every token of `expected` is in the seat, beside it or in the keychain.
pub fn check_census(scene: &Scene, expected: &[&str], tally: &Tally, story: &str) {
    let census = scene.census();
    for token in expected.iter().filter(|token| !census.contains(**token)) {
        tally.breach("lost_tokens", &format!("{story}: {token} is gone"));
    }
}

/// After a recovery: nothing open.
pub fn check_closed(scene: &Scene, tally: &Tally, story: &str) {
    let open = scene.open_intents();
    if open > 0 {
        tally.breach("open_intents", &format!("{story}: {open} open"));
    }
}

/// After a recovery: nothing open, no lock of the tool left behind, the owner of the seat known.
pub fn check_settled(scene: &Scene, tally: &Tally, story: &str) {
    check_closed(scene, tally, story);
    for lock in scene.locks_left() {
        tally.breach("locks", &format!("{story}: {lock} is left"));
    }
    if let Live::Login(token) = scene.live() {
        let owner = token.split('-').next().unwrap_or_default();
        match scene.custody().inspect(scene.provider()) {
            SeatState::Login(login) if login.identity.key.0 == format!("u-{owner}/o-{owner}") => {}
            other => tally.breach("misnamed", &format!("{story}: {token} is taken for {other:?}")),
        }
    }
}

/// As [`check_settled`], and the tool's configuration names whoever is in the seat.
pub fn check_named(scene: &Scene, tally: &Tally, story: &str) {
    if scene.provider() == Provider::Codex {
        // Its owner is named inside the file.
        return;
    }
    if let Live::Login(token) = scene.live() {
        let owner = token.split('-').next().unwrap_or_default();
        let named = scene.named();
        if named.as_deref() != Some(owner) {
            tally.breach("misnamed", &format!("{story}: {token} is live, {named:?} is named"));
        }
    }
}
