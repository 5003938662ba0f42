//! Intents, settlements, pointers and what a restart finds.

use crate::support::{
    T0, account, commit, database, decision, intent, lane_on, open, record, sample,
};
use sluice_engine::{AskedBy, Gates, Generation, Login, Provider, Trigger, Usage, Utc};
use sluice_ledger::{
    Commit, DecisionQuery, Error, Ledger, NewRequest, NewSwap, RequestKind, SCHEMA_VERSION,
    Settled, VintageRow,
};
use sluice_protocol::{Cause, Notice, NoticeKind, SwapStatus};

#[test]
fn a_commit_moves_the_pointer_and_settles_in_one() {
    let home = tempfile::tempdir().unwrap();
    let mut ledger = open(home.path());
    let (a, b) = (account(&mut ledger, "a"), account(&mut ledger, "b"));
    let lane = lane_on(&mut ledger, a);
    let swap =
        ledger.begin_swap(&intent(lane, Generation(1), Some(a), b, T0.plus_seconds(950))).unwrap();
    let settled = commit(&mut ledger, swap, T0.plus_seconds(951));
    let Settled::Committed { lane: told, residency_seconds } = settled else {
        panic!("{settled:?}")
    };
    assert_eq!((told.generation, residency_seconds), (Generation(2), Some(951)));
    assert_eq!(*told, ledger.lane(lane).unwrap().unwrap().lane, "the answer is the row");
    let row = ledger.swap(swap).unwrap().unwrap();
    assert_eq!((row.status, row.residency_seconds), (SwapStatus::Committed, Some(951)));
    let lane = ledger.lane(lane).unwrap().unwrap();
    assert_eq!((lane.lane.active, lane.lane.generation), (Some(b), Generation(2)));
}

#[test]
fn a_decision_leads_to_the_swap_that_names_it() {
    let home = tempfile::tempdir().unwrap();
    let mut ledger = open(home.path());
    let (a, b) = (account(&mut ledger, "a"), account(&mut ledger, "b"));
    let lane = lane_on(&mut ledger, a);
    let stayed = record(&mut ledger, &decision(T0, lane, Trigger::Tick, 2));
    let decided = record(&mut ledger, &decision(T0, lane, Trigger::TierDrained, 2));
    let new = NewSwap { decision: Some(decided), ..intent(lane, Generation(1), Some(a), b, T0) };
    let swap = ledger.begin_swap(&new).unwrap();
    assert_eq!(ledger.swap(swap).unwrap().unwrap().swap.decision, Some(decided));
    for details in [true, false] {
        let all = DecisionQuery { limit: 9, details, ..DecisionQuery::default() };
        let rows = ledger.decisions(&all).unwrap();
        let swaps: Vec<_> = rows.iter().map(|row| (row.id, row.swap)).collect();
        assert_eq!(swaps, [(decided, Some(swap)), (stayed, None)]);
    }
    assert_eq!(ledger.decision(decided).unwrap().unwrap().swap, Some(swap));
}

#[test]
fn who_asked_is_read_in_the_words_of_earlier_versions() {
    let home = tempfile::tempdir().unwrap();
    let mut ledger = open(home.path());
    let (a, b) = (account(&mut ledger, "a"), account(&mut ledger, "b"));
    let lane = lane_on(&mut ledger, a);
    let swap = ledger.begin_swap(&intent(lane, Generation(1), Some(a), b, T0)).unwrap();
    let raw = rusqlite::Connection::open(database(home.path())).unwrap();
    for (word, asked_by) in [
        ("engine", AskedBy::Driver),
        ("driver", AskedBy::Driver),
        ("person", AskedBy::Person),
        ("failure", AskedBy::Report),
        ("report", AskedBy::Report),
    ] {
        raw.execute("UPDATE swaps SET asked_by = ?1", [format!("\"{word}\"")]).unwrap();
        assert_eq!(ledger.swap(swap).unwrap().unwrap().swap.asked_by, asked_by, "{word}");
    }
}

/// The gates are counted on once, by the settlement; who asked reads them back.
#[test]
fn a_settlement_moves_the_gates_on() {
    let home = tempfile::tempdir().unwrap();
    let mut ledger = open(home.path());
    let (a, b) = (account(&mut ledger, "a"), account(&mut ledger, "b"));
    let lane = lane_on(&mut ledger, a);
    let known = Gates { failed_attempts: 2, last_target: Some(b), ..Gates::default() };
    let (begun, at) = (T0.plus_seconds(10), T0.plus_seconds(12));
    let mut generation = 1;
    let mut settle = |gates, protect_s| {
        let from = ledger.lane(lane).unwrap().unwrap().lane.active;
        let to = if from == Some(a) { b } else { a };
        let new = intent(lane, Generation(generation), from, to, begun);
        generation += 1;
        let swap = ledger.begin_swap(&new).unwrap();
        let settled = ledger.settle(&Commit { swap, gates, protect_s, at }).unwrap();
        let Settled::Committed { lane, .. } = settled else { panic!("{settled:?}") };
        lane.gates
    };
    let decided = settle(Some(&known), None);
    assert_eq!((decided.failed_attempts, decided.last_target), (0, Some(b)));
    assert_eq!((decided.last_committed, &decided.recent[..]), (Some(at), &[at][..]));
    let asked = settle(Some(&known), Some(60));
    assert_eq!(asked.paused_until, Some(at.plus_seconds(60)));
    assert_eq!(asked.failed_attempts, 2, "a person's swap says nothing of ours");
    // Nobody is left who knew them: the row's, from when the intent was written.
    let recovered = settle(None, None);
    assert_eq!(recovered.last_committed, Some(begun));
    assert_eq!(recovered.paused_until, asked.paused_until);
}

#[test]
fn a_commit_of_an_older_generation_is_stale_even_when_the_account_is_back() {
    let home = tempfile::tempdir().unwrap();
    let mut ledger = open(home.path());
    let (a, b) = (account(&mut ledger, "a"), account(&mut ledger, "b"));
    let lane = lane_on(&mut ledger, a);
    let swap = ledger.begin_swap(&intent(lane, Generation(1), Some(a), b, T0)).unwrap();
    // The person signs in by hand: A → B → A.
    ledger.adopt(lane, Some(b), None, T0).unwrap();
    ledger.adopt(lane, Some(a), None, T0).unwrap();
    let settled = commit(&mut ledger, swap, T0);
    assert_eq!(settled, Settled::Stale { active: Some(a), generation: Generation(3) });
    let row = ledger.swap(swap).unwrap().unwrap();
    assert_eq!(row.status, SwapStatus::Failed);
    // Settled once is settled for good.
    assert!(matches!(ledger.fail_swap(swap, T0, "again"), Err(Error::Refused(_))));
}

#[test]
fn one_open_intent_per_lane_and_a_restart_finds_it_with_its_steps() {
    let home = tempfile::tempdir().unwrap();
    let mut ledger = open(home.path());
    let (a, b) = (account(&mut ledger, "a"), account(&mut ledger, "b"));
    let lane = lane_on(&mut ledger, a);
    let wanted = intent(lane, Generation(1), Some(a), b, T0);
    let swap = ledger.begin_swap(&wanted).unwrap();
    assert!(matches!(ledger.begin_swap(&wanted), Err(Error::SwapPending)));
    ledger.swap_step(swap, &serde_json::json!("captured"), T0).unwrap();
    ledger.swap_step(swap, &serde_json::json!({ "staged": "x" }), T0.plus_seconds(1)).unwrap();
    drop(ledger);
    let mut ledger = open(home.path());
    let open_rows = ledger.pending_swaps().unwrap();
    assert_eq!(open_rows.len(), 1);
    assert_eq!(open_rows[0].swap, wanted);
    let steps: Vec<_> = open_rows[0].steps.iter().map(|step| step.step.to_string()).collect();
    assert_eq!(steps, ["\"captured\"", "{\"staged\":\"x\"}"]);
    ledger.fail_swap(swap, T0, "undone at start").unwrap();
    assert_eq!(ledger.pending_swaps().unwrap(), []);
    ledger.begin_swap(&wanted).unwrap();
}

#[test]
fn adoption_is_a_generation_of_its_own_and_gates_of_an_older_one_are_dropped() {
    let home = tempfile::tempdir().unwrap();
    let mut ledger = open(home.path());
    let (a, b) = (account(&mut ledger, "a"), account(&mut ledger, "b"));
    let lane = lane_on(&mut ledger, a);
    assert_eq!(ledger.adopt(lane, Some(a), None, T0).unwrap(), Generation(1), "nothing changed");
    let gates = Gates { failed_attempts: 3, last_failure: Some(T0), ..Gates::default() };
    assert!(ledger.save_gates(lane, Generation(1), &gates).unwrap());
    assert_eq!(ledger.adopt(lane, Some(b), None, T0).unwrap(), Generation(2));
    assert!(!ledger.save_gates(lane, Generation(1), &Gates::default()).unwrap());
    drop(ledger);
    let ledger = open(home.path());
    assert_eq!(ledger.lane(lane).unwrap().unwrap().lane.gates, gates);
}

#[test]
fn accounts_come_back_under_their_old_id_and_a_live_one_stays() {
    let home = tempfile::tempdir().unwrap();
    let mut ledger = open(home.path());
    let (a, b) = (account(&mut ledger, "a"), account(&mut ledger, "b"));
    lane_on(&mut ledger, a);
    assert!(matches!(ledger.remove_account(a, T0), Err(Error::Refused(_))));
    ledger.remove_account(b, T0).unwrap();
    assert_eq!(ledger.accounts().unwrap().len(), 1);
    assert_eq!(ledger.account(b).unwrap().unwrap().email, None);
    assert_eq!(account(&mut ledger, "b"), b);
    ledger.rename_account(b, "Bee").unwrap();
    ledger.set_login(b, Login::NeedsSignIn).unwrap();
    ledger.reorder_accounts(&[b, a]).unwrap();
    assert!(matches!(ledger.reorder_accounts(&[b]), Err(Error::Refused(_))));
    assert!(matches!(ledger.reorder_accounts(&[b, b]), Err(Error::Refused(_))));
    let rows = ledger.accounts().unwrap();
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [b, a]);
    assert_eq!((rows[0].label.as_str(), rows[0].login), ("Bee", Login::NeedsSignIn));
    assert!(matches!(
        ledger.rename_account(sluice_engine::AccountId(99), "x"),
        Err(Error::NotFound("account"))
    ));
}

#[test]
fn vintages_only_grow_and_three_are_remembered() {
    let home = tempfile::tempdir().unwrap();
    let mut ledger = open(home.path());
    let a = account(&mut ledger, "a");
    let vintage = |number: u64, print: &str| VintageRow {
        account: a,
        vintage: number,
        fingerprint: print.into(),
        stored_at: T0,
    };
    for number in 1..=5 {
        ledger.advance_vintage(&vintage(number, &format!("f{number}"))).unwrap();
    }
    ledger.advance_vintage(&vintage(5, "f5")).unwrap();
    assert!(matches!(ledger.advance_vintage(&vintage(5, "other")), Err(Error::Refused(_))));
    assert!(matches!(ledger.advance_vintage(&vintage(4, "f4")), Err(Error::Refused(_))));
    let kept: Vec<u64> = ledger.vintages(a).unwrap().iter().map(|row| row.vintage).collect();
    assert_eq!(kept, [5, 4, 3]);
    assert_eq!(ledger.current_vintage(a).unwrap(), Some(vintage(5, "f5")));
}

#[test]
fn the_log_filters_by_every_field_and_pages_both_ways() {
    let home = tempfile::tempdir().unwrap();
    let mut ledger = open(home.path());
    let a = account(&mut ledger, "a");
    let lane = lane_on(&mut ledger, a);
    let mut ids = Vec::new();
    for n in 0..50 {
        let trigger = if n % 10 == 0 { Trigger::TierDrained } else { Trigger::Tick };
        let made = decision(T0.plus_seconds(n * 60), lane, trigger, 3);
        ids.push(record(&mut ledger, &made));
    }
    let list = |query: DecisionQuery| -> Vec<i64> {
        ledger.decisions(&query).unwrap().iter().map(|row| row.id).collect()
    };
    let all = DecisionQuery { limit: 1_000, ..DecisionQuery::default() };
    assert_eq!(list(all.clone()).len(), 50);
    let drained = DecisionQuery { trigger: Some(Trigger::TierDrained), ..all.clone() };
    assert_eq!(list(drained), [ids[40], ids[30], ids[20], ids[10], ids[0]]);
    let hour = DecisionQuery {
        since: Some(T0.plus_seconds(600)),
        until: Some(T0.plus_seconds(720)),
        ..all.clone()
    };
    assert_eq!(list(hour), [ids[11], ids[10]]);
    let page = DecisionQuery { before: Some(ids[10]), limit: 2, ..all.clone() };
    assert_eq!(list(page), [ids[9], ids[8]]);
    assert_eq!(list(DecisionQuery { after: Some(ids[48]), ..all.clone() }), [ids[49]]);
    let other = DecisionQuery { provider: Some(Provider::Codex), ..all.clone() };
    assert_eq!(list(other), [0_i64; 0]);
    let chosen =
        DecisionQuery { account: Some(sluice_engine::AccountId(2)), details: true, ..all.clone() };
    let rows = ledger.decisions(&chosen).unwrap();
    assert_eq!(rows.len(), 5, "account 2 was chosen five times and never active");
    assert_eq!(rows[0].candidates.len(), 3);
    assert_eq!(ledger.decision(ids[3]).unwrap().unwrap().candidates.len(), 3);
    let future = DecisionQuery { since: Some(T0.plus_seconds(999_999)), ..all };
    assert_eq!(list(future), [0_i64; 0]);
}

#[test]
fn a_restart_knows_what_was_asked_and_what_was_read() {
    let home = tempfile::tempdir().unwrap();
    let mut ledger = open(home.path());
    let a = account(&mut ledger, "a");
    for n in 0..25 {
        let request = NewRequest {
            at: T0.plus_seconds(n * 180),
            kind: RequestKind::Usage,
            account: Some(a),
            host: "127.0.0.1",
            path: "/api/oauth/usage",
            status: Some(200),
            budget_left: Some(20),
            note: None,
        };
        ledger.record_request(&request).unwrap();
    }
    let read = sample(a, T0, 41.5);
    ledger.record_sample(&read).unwrap();
    ledger.record_failures(a, 2).unwrap();
    drop(ledger);
    let ledger = open(home.path());
    let hour_ago = T0.plus_seconds(24 * 180 - 3_600);
    assert_eq!(ledger.usage_requests(a, hour_ago).unwrap().len(), 21);
    let standing = ledger.standing(a).unwrap().unwrap();
    let mut kept = Usage::default();
    kept.take(&read.usage, T0, true);
    assert_eq!((standing.usage, standing.failures), (kept, 2));
    let stored = ledger.samples(Some(a), T0, Utc(i64::MAX)).unwrap();
    assert_eq!(stored[0].usage.long().used, None, "unknown is never zero");
    assert_eq!(ledger.samples(None, T0, Utc(i64::MAX)).unwrap().len(), 1);
}

#[test]
fn a_notice_is_told_once_and_survives_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let mut ledger = open(home.path());
    let new = Notice::new(Cause::Moved(1), "t", "");
    let id = ledger.put_notice(&new, T0).unwrap();
    drop(ledger);
    let mut ledger = open(home.path());
    assert_eq!(ledger.untold_notices(T0).unwrap()[0].notice, new);
    assert_eq!(ledger.untold_notices(T0.plus_seconds(1)).unwrap(), [], "too old to tell");
    assert!(ledger.claim_notice(id, T0).unwrap());
    assert!(!ledger.claim_notice(id, T0).unwrap());
}

/// What a newer version wrote and this one reads, after its person went back.
#[test]
fn rows_of_another_version_are_read_and_told_as_such() {
    let home = tempfile::tempdir().unwrap();
    let mut ledger = open(home.path());
    let a = account(&mut ledger, "a");
    let lane = lane_on(&mut ledger, a);
    let b = account(&mut ledger, "b");
    let swap = ledger.begin_swap(&intent(lane, Generation(1), Some(a), b, T0)).unwrap();
    commit(&mut ledger, swap, T0);
    let raw = rusqlite::Connection::open(database(home.path())).unwrap();
    raw.execute("UPDATE swaps SET trigger = 'moon_rose'", []).unwrap();
    let put = "INSERT INTO outbox (at, cause, kind, notice) VALUES (?1, 'moon:3', 'moon', ?2)";
    let known = r#"{"cause":"moon:3","kind":"moon","title":"Full moon","body":"B","actions":[]}"#;
    for notice in [known, r#"{"shape":"of tomorrow"}"#] {
        raw.execute(put, rusqlite::params![T0.0, notice]).unwrap();
    }
    assert_eq!(ledger.swaps(9, None).unwrap()[0].swap.trigger, Trigger::Other);
    let rows = ledger.untold_notices(T0).unwrap();
    let titles: Vec<&str> = rows.iter().map(|row| row.notice.title.as_str()).collect();
    assert_eq!(titles, ["Full moon", "A notice of another version of Sluice"]);
    for row in rows {
        assert_eq!(row.notice.cause, Cause::Other("moon:3".to_owned()));
        assert!(ledger.claim_notice(row.id, T0).unwrap());
    }
    let told = (Cause::Other("moon:3".to_owned()), NoticeKind::Other, T0);
    assert_eq!(ledger.told_notices(T0).unwrap(), [told.clone(), told]);
}

#[cfg(unix)]
#[test]
fn every_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("new/data");
    let mut ledger = open(&data);
    account(&mut ledger, "a");
    assert_eq!(std::fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    let mut seen = 0;
    for entry in std::fs::read_dir(&data).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
        seen += 1;
    }
    assert!(seen >= 5, "database, WAL, shared memory, locks and the copy: {seen}");
}

#[test]
fn a_newer_data_directory_is_refused_politely_and_left_alone() {
    let home = tempfile::tempdir().unwrap();
    drop(open(home.path()));
    let path = database(home.path());
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.pragma_update(None, "user_version", SCHEMA_VERSION + 7).unwrap();
    raw.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(raw);
    let before = std::fs::read(&path).unwrap();
    let refused = Ledger::open(&path).unwrap_err();
    assert!(matches!(refused, Error::Newer { .. }));
    assert!(refused.to_string().contains("newer Sluice"), "{refused}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert!(matches!(Ledger::attach(&path), Err(Error::Newer { .. })));
}

#[test]
fn two_processes_worth_of_connections_see_each_other() {
    let home = tempfile::tempdir().unwrap();
    let mut driver = open(home.path());
    let a = account(&mut driver, "a");
    let lane = lane_on(&mut driver, a);
    let mut beside = Ledger::attach(&database(home.path())).unwrap();
    let b = account(&mut beside, "b");
    let swap = beside.begin_swap(&intent(lane, Generation(1), Some(a), b, T0)).unwrap();
    assert!(matches!(
        driver.begin_swap(&intent(lane, Generation(1), Some(a), b, T0)),
        Err(Error::SwapPending)
    ));
    commit(&mut beside, swap, T0);
    assert_eq!(driver.lane(lane).unwrap().unwrap().lane.active, Some(b));
}
