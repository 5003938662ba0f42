//! Ten accounts and four surfaces at once: tray, window, `sluice status` in a loop, and what the tools
//! bring. The provider allows 28 requests in a rolling hour and account. Nobody is ever told to wait, and
//! the reading of the account at work is never older than six minutes. A day; `SLUICE_LONG=1` for thirty.

mod house;

use house::{House, PER_HOUR};
use sluice_driver::clock::Clock;
use sluice_driver::{Handle, start_here};
use sluice_engine::AccountId;
use sluice_protocol::{Answer, Request};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A Sunday at midnight, UTC.
const START_MS: i64 = 1_795_305_600_000;
const HOUR: u64 = 3_600;
/// The reading of the account at work is at most so old, seconds,
const AGE_MAX_S: f64 = 360.0;
/// once it has been live for so long, seconds: its first reading is under way before.
const SETTLED_S: f64 = 60.0;

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// The tray: draws every view, and its entry `Refresh now` is clicked now and then.
async fn tray(handle: Handle, mut random: fastrand::Rng) {
    let mut views = handle.views();
    let mut next = tokio::time::Instant::now() + seconds(HOUR);
    loop {
        let changed = tokio::time::timeout_at(next, views.changed()).await;
        let _drawn = views.borrow_and_update().accounts.len();
        if changed.is_err() {
            handle.call(Request::Refresh { account: None }).await;
            next += seconds(random.u64(HOUR / 4..4 * HOUR));
        }
    }
}

/// The window: opened now and then; its pages ask for their rows, and its buttons are pressed.
async fn window(handle: Handle, accounts: Vec<AccountId>, mut random: fastrand::Rng) {
    loop {
        tokio::time::sleep(seconds(random.u64(HOUR / 4..3 * HOUR))).await;
        let mut views = handle.views();
        handle.call(Request::Status).await;
        handle.call(Request::ReadAll).await;
        for _ in 0..random.u64(1..6) {
            tokio::time::sleep(seconds(random.u64(5..120))).await;
            let _drawn = views.borrow_and_update().accounts.len();
            let account = accounts[random.usize(0..accounts.len())];
            match random.u8(0..3) {
                0 => handle.call(Request::Validate { account }).await,
                1 => handle.call(Request::ReadUsage { account }).await,
                _ => handle.call(Request::ReadAll).await,
            };
        }
    }
}

/// `sluice status` every ten seconds, and for some hours of the day `sluice refresh --wait` with it.
async fn status(handle: Handle, house: Arc<House>, mut random: fastrand::Rng) {
    let mut wanted = 0;
    loop {
        for _ in 0..6 {
            tokio::time::sleep(seconds(10)).await;
            let Answer::View(view) = handle.call(Request::Status).await else { panic!("a view") };
            assert_eq!(view.accounts.len(), house.accounts.len());
        }
        if random.u64(0..360) == 0 {
            wanted = random.u64(30..120);
        }
        if wanted > 0 {
            wanted -= 1;
            handle.call(Request::ReadUsage { account: house.live() }).await;
        }
    }
}

/// A tool at work: it uses quota, renews its login and looks at its own usage; `sluice run` asks for a
/// reading when the tool writes what may be a limit.
async fn tool(handle: Handle, house: Arc<House>, mut random: fastrand::Rng) {
    for half_minutes in 0_u64.. {
        tokio::time::sleep(seconds(30)).await;
        house.work();
        if house.at_work() && half_minutes % 30 == 0 {
            house.tool_reads().await;
        }
        if house.at_work() && random.u64(0..30) == 0 {
            let asking = handle.clone();
            let account = house.live();
            tokio::spawn(async move { asking.call(Request::ReadUsage { account }).await });
        }
    }
}

/// How old the readings of the account at work were.
#[derive(Default)]
struct Ages {
    worst: f64,
    looks: u64,
    /// The first that was too old, in words.
    late: Option<String>,
}

async fn watch(handle: Handle, house: Arc<House>, ages: Arc<Mutex<Ages>>) {
    let mut live = (house.live(), house.clock.now().wall);
    loop {
        tokio::time::sleep(seconds(10)).await;
        let now = house.clock.now().wall;
        if live.0 != house.live() {
            live = (house.live(), now);
        }
        if !house.at_work() || now.seconds_since(live.1) < SETTLED_S {
            continue;
        }
        let view = handle.views().borrow().clone();
        let row = view.accounts.iter().find(|row| row.id == live.0).unwrap();
        let age = row.observed_at_ms.map_or(f64::MAX, |at| (now.millis() - at) as f64 / 1e3);
        let mut ages = ages.lock().unwrap();
        ages.worst = ages.worst.max(age);
        ages.looks += 1;
        if age > AGE_MAX_S && ages.late.is_none() {
            let since = now.seconds_since(live.1);
            let hours = (now.millis() - START_MS) as f64 / 3_600_000.0;
            let problem = row.problem.clone();
            let name = &row.label;
            ages.late = Some(format!(
                "{age:.0} s at hour {hours:.2}, {name}, live for {since:.0} s, {problem:?}"
            ));
        }
    }
}

async fn through(policy: &'static str, days: u64) {
    let clock = Clock::of_runtime(START_MS);
    let house = House::new(clock, policy);
    let handle = start_here(house.parts(), clock, 7);
    let ages = Arc::new(Mutex::new(Ages::default()));
    let random = |seed| fastrand::Rng::with_seed(seed);
    let ids = house.accounts.iter().map(|(id, ..)| *id).collect();
    // The first readings are made before anybody looks.
    tokio::time::sleep(seconds(60)).await;
    let beside = [
        tokio::spawn(tray(handle.clone(), random(1))),
        tokio::spawn(window(handle.clone(), ids, random(2))),
        tokio::spawn(status(handle.clone(), Arc::clone(&house), random(3))),
        tokio::spawn(tool(handle.clone(), Arc::clone(&house), random(4))),
        tokio::spawn(watch(handle.clone(), Arc::clone(&house), Arc::clone(&ages))),
    ];
    tokio::time::sleep(seconds(24 * HOUR * days)).await;
    for task in beside {
        assert!(!task.is_finished(), "a surface has ended");
        task.abort();
    }
    let (peak, asked) = house.asked();
    let ages = ages.lock().unwrap();
    println!(
        "{policy}, {days} days: {asked} readings, at most {peak} in an hour and account, {} swaps, \
         {} throttled; the oldest of {} looks at the account at work {:.0} s",
        house.swaps(),
        house.throttled(),
        ages.looks,
        ages.worst
    );
    assert_eq!(house.throttled(), 0);
    assert!(peak <= PER_HOUR);
    assert!(house.swaps() > 0 && ages.looks > 1_000, "somebody worked");
    assert_eq!(ages.late, None);
}

fn days() -> u64 {
    if std::env::var_os("SLUICE_LONG").is_some() { 30 } else { 1 }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn ten_accounts_and_four_surfaces_under_horizon() {
    through("horizon", days()).await;
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn ten_accounts_and_four_surfaces_under_tiered() {
    through("tiered", days()).await;
}
