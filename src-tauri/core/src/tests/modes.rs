//! Modes, pause, the kill switch: who may act when.

use super::*;

const DAY: i64 = 86_400;

#[test]
fn a_first_start_advises_and_touches_nothing() {
    let mut outside =
        Outside::load(Loaded { lanes: vec![lane()], ..Loaded::default() }, Some("a".to_owned()));
    outside.advance(DAY);
    assert!(outside.view.first_start);
    assert_eq!(outside.view.providers[0].mode, Mode::Advise);
    assert!(outside.view.providers[0].unmanaged_login);
    assert_eq!(outside.done.iter().filter(|(_, effect)| touches_outside(effect)).count(), 0);
    assert_eq!(outside.told(NoticeKind::SignIn).len(), 1, "told once, not at each look");
    outside.ask(Request::SetMode { provider: CLAUDE, mode: Mode::Advise });
    assert!(!outside.view.first_start);
}

#[test]
fn advise_never_writes_a_credential_by_itself() {
    let mut outside = Outside::pair("advise");
    outside.burn = 0.5;
    outside.advance(3 * DAY);
    assert_eq!(outside.swaps().len(), 0);
    let advice = outside.told(NoticeKind::Advice)[0].clone();
    assert_eq!(
        advice.actions.iter().map(|action| action.key.as_str()).collect::<Vec<_>>(),
        ["swap", "snooze"]
    );
    assert_eq!(advice.actions[0].request, Request::Swap { to: outside.id("b") });
    assert!(!advice.body.contains('@'), "{}", advice.body);
}

#[test]
fn pressing_swap_now_swaps_and_protects_the_choice() {
    let mut outside = Outside::pair("advise");
    outside.advance(3_600);
    let request = outside.told(NoticeKind::Advice)[0].actions[0].request.clone();
    let answer = outside.ask(request);
    assert!(
        matches!(answer, Answer::Swapped(ref swap) if swap.status == SwapStatus::Committed),
        "{answer:?}"
    );
    assert_eq!(outside.view.providers[0].live, Some(outside.id("b")));
    assert_eq!(outside.view.providers[0].advice, None);
    let until = outside.view.providers[0].paused_until_ms.expect("a rest");
    assert_eq!(until, outside.now.wall.plus_seconds(900).millis());
    assert!(outside.swaps()[0].by_person());
}

#[test]
fn auto_swaps_by_itself_and_journals_who_leaves() {
    let mut outside = Outside::pair("auto");
    outside.advance(3_600);
    let orders = outside.swaps();
    assert_eq!(orders.len(), 1);
    assert_eq!(orders[0].from.as_ref().map(|from| from.0), Some(outside.id("a")));
    assert_eq!(orders[0].to.0, outside.id("b"));
    assert!(!orders[0].by_person() && !orders[0].reason.is_empty());
    assert_eq!(outside.told(NoticeKind::SwapDone).len(), 1);
    assert_eq!(outside.view.swaps_last_24h, 1);
}

#[test]
fn off_neither_reads_nor_decides() {
    let mut outside = Outside::pair("advise");
    outside.ask(Request::SetMode { provider: CLAUDE, mode: Mode::Off });
    let from = outside.now.wall.plus_seconds(1);
    outside.advance(DAY);
    let acts = outside.since(from).filter(|effect| {
        touches_outside(effect)
            || matches!(effect, Effect::Store { record, .. } if matches!(**record, Record::Decision { .. }))
    });
    assert_eq!(acts.count(), 0);
}

#[test]
fn the_kill_switch_stops_everything_and_survives_a_restart() {
    let mut outside = Outside::pair("auto");
    outside.ask(Request::Stop);
    let from = outside.now.wall.plus_seconds(1);
    outside.advance(DAY);
    assert_eq!(outside.since(from).filter(|effect| touches_outside(effect)).count(), 0);
    assert_eq!(code(&outside.ask(Request::Swap { to: outside.id("b") })), Code::Stopped);
    assert_eq!(code(&outside.ask(Request::Refresh { account: None })), Code::Stopped);

    let mut again = Outside::load(outside.reload(), Some("a".to_owned()));
    again.advance(DAY);
    assert!(again.view.stopped);
    assert_eq!(again.done.iter().filter(|(_, effect)| touches_outside(effect)).count(), 0);
    again.ask(Request::Start);
    again.advance(3_600);
    assert!(!again.view.stopped && !again.polls(START).is_empty());
}

#[test]
fn a_pause_rests_swaps_while_reading_goes_on_and_ends_by_itself() {
    let mut outside = Outside::pair("auto");
    let until = outside.now.wall.plus_seconds(7_200);
    outside.ask(Request::Pause { provider: None, until_ms: until.millis() });
    let from = outside.now.wall.plus_seconds(1);
    outside.advance(7_000);
    assert_eq!(outside.swaps().len(), 0);
    assert!(!outside.polls(from).is_empty());
    outside.advance(3_600);
    assert_eq!(outside.swaps().len(), 1);
    assert!(outside.swaps()[0].at >= until);
}

#[test]
fn a_pause_must_end_and_survives_a_restart() {
    let mut outside = Outside::pair("auto");
    let now = outside.now.wall.millis();
    for until_ms in [now, now - 1, i64::MAX, i64::MIN] {
        assert_eq!(code(&outside.ask(Request::Pause { provider: None, until_ms })), Code::Invalid);
    }
    let until_ms = now + 86_400_000;
    outside.ask(Request::Pause { provider: Some(CLAUDE), until_ms });
    let mut again = Outside::load(outside.reload(), Some("a".to_owned()));
    again.advance(3_600);
    assert_eq!(again.view.providers[0].paused_until_ms, Some(until_ms));
    assert_eq!(again.swaps().len(), 0);
}
