//! The skip list at the loop's own ticks: whom a failure keeps out, and what lets it in again.

use super::reports::{limit, told};
use super::*;
use sluice_engine::breaker::{Breaker, THRESHOLD};
use sluice_engine::skip::{FailureKind, Skip, Wall};
use sluice_engine::{Block, Refusal};

const HOUR: i64 = 3_600;

fn wall(kind: FailureKind, failed_at: Utc) -> Wall {
    let skip =
        Skip { kind, model: None, failed_at, resets_at: None, served_at: None, softer: None };
    Wall { skip: Some(skip), breaker: Breaker::default() }
}

/// What the thread of runs sees when a tool beside the loop has recorded a failure.
fn recorded(outside: &mut Outside, name: &str, wall: Wall) {
    let walls = BTreeMap::from([(outside.id(name), wall)]);
    let look = crate::ports::Look { walls, ..crate::ports::Look::default() };
    outside.input(Input::Looked(Box::new(look)));
}

fn records(outside: &Outside, wanted: impl Fn(&Record) -> bool) -> usize {
    let stored = outside.done.iter().filter_map(|(_, effect)| match effect {
        Effect::Store { record, .. } => Some(&**record),
        _ => None,
    });
    stored.filter(|record| wanted(record)).count()
}

fn blind(outside: &mut Outside, name: &str) {
    let error = PollError::Read(ReadError::Unreachable("no network".to_owned()));
    outside.poll_error.insert(outside.id(name), error);
}

#[test]
fn a_failed_account_is_not_chosen_before_two_hours_and_a_failing_probe_readmits_nobody() {
    let mut free = Outside::pair("auto");
    free.advance(HOUR);
    assert_eq!(free.swaps().len(), 1, "without a failure the loop goes there at once");

    let mut outside = Outside::pair("auto");
    let at = outside.now.wall;
    recorded(&mut outside, "b", wall(FailureKind::RateLimit, at));
    blind(&mut outside, "b");
    outside.advance(2 * HOUR - 60);
    assert_eq!(outside.swaps().len(), 0);
    assert!(outside.view.accounts[1].rests_until_ms.is_some());
    // Numbers are needed again before anybody goes there; the failure itself is over.
    outside.poll_error.clear();
    outside.advance(HOUR);
    assert_eq!(outside.swaps().len(), 1);
}

#[test]
fn a_reading_that_shows_room_readmits_early() {
    let mut outside = Outside::pair("auto");
    let at = outside.now.wall;
    recorded(&mut outside, "b", wall(FailureKind::RateLimit, at));
    outside.advance(HOUR);
    assert_eq!(records(&outside, |record| matches!(record, Record::Served { .. })), 1);
    let swap = outside.done.iter().find(|(_, effect)| matches!(effect, Effect::Swap(_)));
    let (when, _) = swap.expect("readmitted");
    assert!(when.seconds_since(at) >= 300.0, "not on a reading that may lag behind");
    assert_eq!(outside.view.accounts[1].rests_until_ms, None);
}

#[test]
fn a_refused_login_is_not_chosen_until_the_person_signs_in() {
    let mut outside = Outside::pair("auto");
    let (at, before) = (outside.now.wall, outside.told(NoticeKind::SignIn).len());
    recorded(&mut outside, "b", wall(FailureKind::Auth, at));
    assert_eq!(outside.view.accounts[1].login, Login::NeedsSignIn);
    assert_eq!(outside.told(NoticeKind::SignIn).len(), before + 1);
    // The endpoint goes on answering for it; that is no sign-in. Nor can it be renewed.
    outside.refresh_error = Some(unanswered());
    outside.advance(10 * HOUR);
    assert_eq!(outside.swaps().len(), 0);
    assert_eq!(outside.view.accounts[1].login, Login::NeedsSignIn);

    outside.sign_in("b");
    let added = outside.ask(Request::Add { provider: CLAUDE, label: None });
    assert!(matches!(added, Answer::Account { .. }), "{added:?}");
    assert_eq!(records(&outside, |record| matches!(record, Record::SignedIn { .. })), 1);
    assert!(outside.view.accounts[1].login.is_usable());
}

fn unanswered() -> RefreshReport {
    RefreshReport::Later { text: "the provider did not answer".to_owned(), retry_after_s: None }
}

#[test]
fn a_login_that_a_tool_found_refused_is_proven_again_by_a_renewal_also_against_an_older_look() {
    let mut outside = Outside::pair("auto");
    let refused = wall(FailureKind::Auth, outside.now.wall);
    outside.refresh_error = Some(unanswered());
    recorded(&mut outside, "b", refused.clone());
    outside.advance(2 * HOUR);
    assert_eq!((outside.swaps().len(), outside.view.accounts[1].login), (0, Login::NeedsSignIn));

    outside.refresh_error = None;
    outside.advance(2 * HOUR);
    assert_eq!(records(&outside, |record| matches!(record, Record::SignedIn { .. })), 1);
    assert_eq!(outside.view.accounts[1].login, Login::Valid);
    assert_eq!(outside.swaps().len(), 1, "it is chosen again");
    // What a look read before that was written.
    recorded(&mut outside, "b", refused);
    assert_eq!(outside.view.accounts[1].login, Login::Valid);
    // A later refusal counts.
    let again = wall(FailureKind::Auth, outside.now.wall);
    recorded(&mut outside, "b", again);
    assert_eq!(outside.view.accounts[1].login, Login::NeedsSignIn);
}

#[test]
fn a_renewal_says_nothing_of_a_full_window() {
    let mut outside = Outside::pair("auto");
    let mut full = wall(FailureKind::RateLimit, outside.now.wall);
    if let Some(skip) = &mut full.skip {
        skip.resets_at = Some(outside.now.wall.plus_seconds(40 * HOUR));
    }
    recorded(&mut outside, "b", full);
    blind(&mut outside, "b");
    let renewals = |outside: &Outside| {
        let renewed = |effect: &Effect| matches!(effect, Effect::Refresh { .. });
        outside.done.iter().filter(|(_, effect)| renewed(effect)).count()
    };
    let before = renewals(&outside);
    outside.advance(20 * HOUR);
    assert!(renewals(&outside) > before);
    assert!(outside.view.accounts[1].rests_until_ms.is_some());
    assert_eq!(records(&outside, |record| matches!(record, Record::SignedIn { .. })), 0);
}

#[test]
fn an_open_breaker_keeps_out_and_half_open_takes_one_probe() {
    let mut outside = Outside::pair("auto");
    let mut breaker = Breaker::default();
    let at = outside.now.wall;
    (0..THRESHOLD + 10).for_each(|_| breaker.failed(at));
    let open_until = breaker.open_until.expect("open");
    recorded(&mut outside, "b", Wall { skip: None, breaker });
    let left = open_until.seconds_since(at) as i64;
    outside.advance(left - 1);
    assert_eq!(outside.swaps().len(), 0);
    outside.advance(HOUR);
    assert_eq!(outside.swaps().len(), 1);
    assert_eq!(records(&outside, |record| matches!(record, Record::Probed { .. })), 1);
}

#[test]
fn after_a_failure_the_lane_does_not_come_back_before_the_reset() {
    let mut outside = Outside::pair("auto");
    // Both weeks end alike, so nothing but the failure decides.
    let (a, b) = (outside.id("a"), outside.id("b"));
    outside.usage.insert(b, (0.0, 20.0, 6 * 24));
    let generation = outside.core.world.lanes[0].generation.0;
    let mut failure = limit(&outside, "a", generation, 0);
    failure.resets_at = Some(outside.now.wall.plus_seconds(4 * HOUR));
    let Answer::Reported(told) = told(&mut outside, failure) else { panic!("no report") };
    assert_eq!((told.outcome, told.to), (ReportOutcome::Ordered, Some(b)));
    blind(&mut outside, "a");
    outside.usage.insert(b, (99.0, 99.0, 6 * 24));
    outside.advance(3 * HOUR);
    assert_eq!(outside.swaps().len(), 1, "A failed, so B is not left for it, however full");
    assert_eq!(outside.view.providers[0].live, Some(b));
    assert_ne!(a, b);
}

#[test]
fn a_restart_forgets_no_wall() {
    let outside = Outside::pair("auto");
    let mut loaded = outside.reload();
    loaded.walls.insert(outside.id("b"), wall(FailureKind::Auth, outside.now.wall));
    let mut again = Outside::load(loaded, Some("a".to_owned()));
    again.now = outside.now;
    again.usage.clone_from(&outside.usage);
    again.refresh_error = Some(unanswered());
    again.advance(3 * HOUR);
    assert_eq!(again.swaps().len(), 0);
    assert_eq!(again.view.accounts[1].login, Login::NeedsSignIn);
}

#[test]
fn whom_the_provider_refuses_is_shown_so_and_never_reaches_the_seat() {
    let mut outside = Outside::pair("auto");
    let b = outside.id("b");
    let refused = "reading usage: auth_org_disabled (HTTP 403)".to_owned();
    let blocked = PollError::Read(ReadError::Blocked(Block::Disabled, refused));
    outside.poll_error.insert(b, blocked);
    // The engine goes by numbers of before; the proof of the login tells.
    outside.core.profiles.note_proof(b, Utc::from_seconds(0));
    outside.advance(2 * HOUR);
    assert_eq!(outside.swaps().len(), 0);
    let shown = &outside.view.accounts[1];
    assert_eq!(shown.blocked.map(|blocked| blocked.why), Some(Block::Disabled));
    assert_eq!(shown.refusal, Some(Refusal::Blocked));
    assert!(shown.problem.as_ref().is_some_and(|text| text.contains("switched")), "{shown:?}");
    let asked = outside.polls(START).iter().filter(|poll| poll.1 == b).count();
    assert!(asked <= 6, "asked {asked} times");
    outside.poll_error.clear();
    outside.advance(2 * HOUR);
    assert_eq!(outside.view.accounts[1].blocked, None);
    assert_eq!(outside.swaps().len(), 1, "a later answer lifts it");
}

#[test]
fn whom_the_provider_refuses_is_left_before_a_start() {
    let mut outside = Outside::pair("advise");
    let (lane, generation) =
        (outside.core.world.lanes[0].id, outside.core.world.lanes[0].generation);
    let begin = |outside: &mut Outside| match outside.ask(Request::LeaveWalled { lane, generation })
    {
        Answer::Reported(told) => told.outcome,
        other => panic!("{other:?}"),
    };
    assert_eq!(begin(&mut outside), ReportOutcome::Ignored, "nothing is known against it");
    let refused = "reading usage: billing (HTTP 402)".to_owned();
    let blocked = PollError::Read(ReadError::Blocked(Block::Spending, refused));
    outside.poll_error.insert(outside.id("a"), blocked);
    outside.advance(HOUR);
    assert_eq!(begin(&mut outside), ReportOutcome::Advised);
}

#[test]
fn whom_the_provider_refuses_at_the_proof_is_not_gone_to() {
    let mut outside = Outside::pair("auto");
    outside.advance(180);
    let (b, generation) = (outside.id("b"), outside.core.world.lanes[0].generation.0);
    // The engine goes by numbers of before; only the proof of the login tells.
    outside.core.profiles.note_proof(b, Utc::from_seconds(0));
    let refused = "reading usage: auth_org_disabled (HTTP 403)".to_owned();
    let blocked = PollError::Read(ReadError::Blocked(Block::Disabled, refused));
    outside.poll_error.insert(b, blocked);
    let from = outside.now.wall;
    let failure = limit(&outside, "a", generation, 0);
    told(&mut outside, failure);
    assert!(outside.polls(from).iter().any(|poll| poll.1 == b), "it is asked first");
    assert_eq!(outside.swaps().len(), 0);
}
