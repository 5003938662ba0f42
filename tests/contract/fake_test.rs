//! The fake itself: a judge that does not judge would make every other test worthless.

use sluice_tests::contract::accounts::{FIVE_HOURS_S, WEEK_S};
use sluice_tests::contract::tokens::Presenter;
use sluice_tests::contract::{
    AccountSpec, CodexTool, FakeClock, Refreshed, Setup, Tool, Work, World, WriteStyle,
};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

const A: &str = "harbour@example.test";
const B: &str = "meadow@example.test";

fn world_of(work: Work, speed: f64) -> World {
    let accounts = vec![AccountSpec::new(A, 10.0, 30.0), AccountSpec::new(B, 20.0, 90.0)];
    World::new(FakeClock::starting_now(speed), Setup { work, ..Setup::of(accounts) })
}

/// Lets so many seconds pass on the fake clock, at once.
fn pass(world: &mut World, seconds: f64) {
    world.clock = world.clock.set_forward(seconds);
}

/// Hardly faster than real time, so that what passes is what a test lets pass.
const SETTABLE: f64 = 2.0;

#[test]
fn the_live_account_burns_and_its_windows_empty() {
    let mut world = world_of(Work::steady(100.0, 0.1), SETTABLE);
    let pair = world.sign_in(A);
    world.work(Some(&pair.access));
    pass(&mut world, 3_600.0);
    world.work(Some(&pair.access));
    {
        let state = world.state();
        let five = state.accounts[0].five_hour;
        assert!(five.used > 10.0 && five.resets_at.is_some(), "{five:?}");
        assert!(state.accounts[0].seven_day.used > 10.0);
        assert_eq!(state.accounts[1].five_hour.used, 0.0, "the other account is untouched");
    }
    pass(&mut world, (WEEK_S + FIVE_HOURS_S) as f64);
    let state = world.state();
    assert_eq!(
        (state.accounts[0].five_hour.used, state.accounts[0].five_hour.resets_at),
        (0.0, None)
    );
    assert!(state.accounts[0].stranded > 0.0);
}

#[test]
fn a_full_live_account_is_an_interruption_and_an_avoidable_one() {
    let mut world = world_of(Work::steady(100.0, 0.1), SETTABLE);
    let pair = world.sign_in(A);
    world.set_usage(A, 100.0, 50.0);
    world.work(Some(&pair.access));
    let before = world.state().counts;
    pass(&mut world, 1_800.0);
    world.work(Some(&pair.access));
    let counts = world.state().counts;
    assert!(counts.interrupted_min - before.interrupted_min >= 29.0, "{counts:?}");
    assert!(counts.avoidable_min > before.avoidable_min);
    assert_eq!(counts.no_login_min, 0.0);
    let worked = counts.interrupted_min;
    pass(&mut world, 1_800.0);
    world.work(Some(&world.sign_in(B).access));
    assert_eq!(world.state().counts.interrupted_min, worked, "the other account had room");
}

#[test]
fn a_used_token_kills_its_chain_and_no_other() {
    let world = world_of(Work::NONE, 1.0);
    let (one, two) = (world.sign_in(A), world.sign_in(A));
    let now = world.clock.now();
    let mut state = world.state();
    let (_, next) = state.tokens.exchange(&one.refresh, Presenter::Tool, now).unwrap();
    assert!(state.tokens.exchange(&one.refresh, Presenter::Tool, now).is_none());
    assert!(
        state.tokens.exchange(&next.refresh, Presenter::Tool, now).is_none(),
        "the chain is dead"
    );
    assert!(
        state.tokens.exchange(&two.refresh, Presenter::Tool, now).is_some(),
        "the other login lives"
    );
    assert_eq!((state.tokens.counts.reuse_detections, state.tokens.counts.lost_lineages), (1, 1));
}

#[test]
fn the_tool_writes_private_files_and_keeps_every_other_key() {
    let world = world_of(Work::NONE, 1.0);
    let home = tempfile::tempdir().unwrap();
    let tool = Tool::in_home(home.path());
    tool.sign_in(&world, A);
    let store = fs::metadata(tool.store()).unwrap();
    assert_eq!(store.permissions().mode() & 0o777, 0o600);
    let before: serde_json::Value =
        serde_json::from_slice(&fs::read(&tool.config).unwrap()).unwrap();
    tool.sign_in(&world, B);
    let after: serde_json::Value =
        serde_json::from_slice(&fs::read(&tool.config).unwrap()).unwrap();
    assert_eq!(after["oauthAccount"]["emailAddress"], B);
    assert_eq!(before["projects"], after["projects"]);
    let credentials = fs::read_to_string(tool.store()).unwrap();
    assert!(credentials.contains("mcpOAuth") && credentials.contains(&world.state().tokens.canary));
    tool.sign_out();
    assert_eq!(tool.tokens(), None);
    assert!(fs::read_to_string(tool.store()).unwrap().contains("\"expiresAt\":0"));
}

#[test]
fn the_tool_refreshes_only_with_its_locks_and_writes_in_both_styles() {
    let world = world_of(Work::NONE, 1.0);
    let home = tempfile::tempdir().unwrap();
    let mut tool = Tool::in_home(home.path());
    let first = tool.sign_in(&world, A);
    let lock = tool.dir.join(".oauth_refresh.lock");
    fs::create_dir(&lock).unwrap();
    assert_eq!(tool.refresh(&world), Refreshed::Busy);
    assert_eq!(tool.tokens().unwrap().1, first.refresh);
    fs::remove_dir(&lock).unwrap();
    let inode = |tool: &Tool| fs::metadata(tool.store()).unwrap().ino();
    let before = inode(&tool);
    assert_eq!(tool.refresh(&world), Refreshed::Done);
    assert_ne!(inode(&tool), before, "renamed");
    tool.style = WriteStyle::Truncate;
    let before = inode(&tool);
    assert_eq!(tool.refresh(&world), Refreshed::Done);
    assert_eq!(inode(&tool), before, "in place");
    assert_eq!(world.state().tokens.counts.reuse_detections, 0);
    assert!(fs::read_dir(home.path()).unwrap().count() == 2, "no lock is left behind");
    assert!(!tool.dir.join(".oauth_refresh.lock.owner").exists());
}

#[test]
fn a_refresh_names_its_owner_first_and_writes_the_identity_before_the_store() {
    let world = world_of(Work::NONE, 1.0);
    let home = tempfile::tempdir().unwrap();
    let tool = Tool::in_home(home.path());
    tool.sign_in(&world, A);
    let before = fs::read_to_string(tool.store()).unwrap();
    let refreshed = tool.refresh_during(&world, || {
        for name in [".oauth_refresh.lock", ".oauth_refresh.lock.owner"] {
            assert!(tool.dir.join(name).exists(), "{name}");
        }
        assert!(home.path().join(".claude.lock").exists());
        assert_eq!(fs::read_to_string(tool.store()).unwrap(), before, "nothing is saved yet");
    });
    assert_eq!(refreshed, Refreshed::Done);
    let written = |path: &std::path::Path| fs::metadata(path).unwrap().modified().unwrap();
    assert!(written(&tool.config) <= written(&tool.store()));
    assert!(fs::read_to_string(&tool.config).unwrap().contains("profileFetchedAt"));
}

#[test]
fn a_session_reads_its_profile_once_a_day_and_writes_it_over_whoever_is_there() {
    let world = world_of(Work::NONE, 1.0);
    let home = tempfile::tempdir().unwrap();
    let tool = Tool::in_home(home.path());
    let pair = tool.sign_in(&world, A);
    let profile = tool.start(&world).expect("a new login's profile is read");
    let store = fs::read_to_string(tool.store()).unwrap();
    assert!(store.contains("subscriptionTypeSource") && store.contains(&pair.refresh));
    tool.sign_in(&world, B);
    tool.finish_start(profile);
    let config = fs::read_to_string(&tool.config).unwrap();
    assert!(config.contains(A) && !config.contains(B), "it does not compare");
    assert!(tool.start(&world).is_none(), "one of the last day is good enough");
}

#[test]
fn codex_asks_first_saves_by_a_rename_and_throws_away_what_is_anothers() {
    let accounts = vec![AccountSpec::codex(A, 10.0, 30.0), AccountSpec::codex(B, 20.0, 90.0)];
    let setup = Setup { access_life_s: 280, ..Setup::of(accounts) };
    let world = World::new(FakeClock::real(), setup);
    let home = tempfile::tempdir().unwrap();
    let tool = CodexTool::in_home(home.path());
    tool.sign_in(&world, A);
    let before = fs::metadata(tool.store()).unwrap().ino();
    assert_eq!(tool.start(&world), Some(Refreshed::Done), "it ends within five minutes");
    assert_ne!(fs::metadata(tool.store()).unwrap().ino(), before, "renamed");
    let asked = tool.ask(&world).unwrap();
    tool.sign_in(&world, B);
    let kept = fs::read_to_string(tool.store()).unwrap();
    assert_eq!(tool.save(&world, asked), Refreshed::Overtaken);
    assert_eq!(fs::read_to_string(tool.store()).unwrap(), kept);
}
