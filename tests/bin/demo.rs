//! `cargo xtask demo`: the main job on an embedded provider, told as a story. Four accounts whose days
//! pass in minutes, through real HTTP on loopback, real seat files, the real keychain, SQLite, tray and
//! notifications, all inside a throw-away directory.

use serde_json::{Value, json};
use sluice_engine::Utc;
use sluice_protocol::words::wait;
use sluice_protocol::{Mode, Notice, NoticeKind, Request, SwapStatus, SwapView, WindowKind};
use sluice_tests::contract::accounts::FakeAccount;
use sluice_tests::contract::rivals::{self, Fared};
use sluice_tests::contract::{FakeClock, Setup};
use sluice_tests::desktop::{Desktop, Parts};
use sluice_tests::stage::Stage;
use std::io::Write as _;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

/// Seconds of the demo's clock per second: a day takes two minutes.
const SPEED: f64 = 720.0;
/// The longest a swap under way may take when the demo ends.
const END: Duration = Duration::from_secs(20);
/// How often the screen is brought up to date.
const TICK: Duration = Duration::from_millis(500);

/// From this share of its 5-hour window on a limit reset is worth spending, percent.
const WORTH_PERCENT: f64 = 85.0;

const USAGE: &str = "cargo xtask demo [--seconds N] [--json]";

struct Options {
    seconds: Option<u64>,
    json: bool,
}

fn options() -> Result<Options, String> {
    let mut options = Options { seconds: None, json: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--json" => options.json = true,
            "--seconds" => {
                let number = words.next().and_then(|word| word.parse().ok());
                options.seconds = Some(number.ok_or("--seconds needs a number")?);
            }
            other => return Err(format!("'{other}' is not understood")),
        }
    }
    Ok(options)
}

fn main() -> std::process::ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(text) => {
            eprintln!("{text}\n{USAGE}");
            return 2.into();
        }
    };
    let end = End::listening();
    let (desktop, shown) = ground();
    let setup = Setup::demo();
    let mut emails: Vec<String> = setup.accounts.iter().map(|a| a.email.clone()).collect();
    let clock = FakeClock::starting_now(SPEED);
    let mut stage = Stage::on(desktop, clock, setup.clone());
    let from = clock.now();
    let mut program = if shown { stage.app(&["--window"]) } else { stage.daemon() };
    let mut screen = Screen { quiet: options.json, told: 0, clock };
    screen.line(&format!("A day passes in {:.0} s. Ctrl-C ends it.", 86_400.0 / SPEED));
    // Whoever was not added yet has no login to lose.
    emails.truncate(add_all(&stage, &emails, &end, &screen));
    stage.mode(Mode::Auto);
    let mut spender = Spender::default();
    let tool = stage.tool.clone();
    stage.fake.put_to_work(tool);

    let notices = stage.listen();
    screen.line("The day begins.");
    let mut told: Vec<Notice> = Vec::new();
    let last = options.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut swaps = Vec::new();
    while last.is_none_or(|last| Instant::now() < last) && program.ended().is_none() {
        if end.came(TICK) {
            break;
        }
        for notice in notices.try_iter() {
            screen.notice(&notice);
            told.push(notice);
        }
        // The program may be quit in its tray at any moment.
        swaps = stage.swaps_if_driven().unwrap_or(swaps);
        screen.swaps(&swaps);
        spender.look(&stage, &screen);
    }
    let until = clock.now();
    let died = program.ended().filter(|_| last.is_some());
    swaps = stage.swaps_if_driven().unwrap_or(swaps);
    // Logins are counted when nobody renews one any more: a token that is replaced between the look
    // at the keychain and the question to the provider would count as lost.
    program.end(END);
    stage.fake.rest();
    let against = Against::of(&stage, &setup, (from, until), &swaps);
    let report = report(&stage, &swaps, &emails, told.len(), &against);
    stage.forget_keychain();
    if options.json {
        let _nobody_reads = writeln!(std::io::stdout(), "{report:#}");
    } else {
        screen.line(&against.words(&report));
    }
    if let Some(status) = died {
        eprintln!("Sluice ended by itself ({status}); it said:\n{}", program.output());
        return 1.into();
    }
    std::process::ExitCode::SUCCESS
}

/// Signs in with each account in turn and keeps it; how many, until the end came.
fn add_all(stage: &Stage, emails: &[String], end: &End, screen: &Screen) -> usize {
    // While accounts are added one after the other nobody wants to hear that one is not kept yet, or what
    // the first ones would lose.
    tell(stage, false);
    let mut added = 0;
    for email in emails {
        if end.came(Duration::ZERO) {
            break;
        }
        added += 1;
        let account = stage.add(email);
        let windows = if account.window(&WindowKind::FiveHour).is_some() {
            "5-hour and weekly limit"
        } else {
            "no 5-hour limit"
        };
        let plan = account.plan.as_deref().unwrap_or("an unknown plan");
        screen.line(&format!("added {} ({plan}, {windows})", account.label));
    }
    tell(stage, true);
    added
}

/// Whether what is premature before everything is added is told.
fn tell(stage: &Stage, wished: bool) {
    for kind in [NoticeKind::SignIn, NoticeKind::Drain, NoticeKind::Digest] {
        let key = format!("notify.{kind}");
        let _set = stage.ask(&Request::Set { key, value: wished.into() });
    }
}

/// The desktop that is there, or a private one without a screen; and whether there is a screen.
fn ground() -> (Desktop, bool) {
    if std::env::var_os("DISPLAY").or_else(|| std::env::var_os("WAYLAND_DISPLAY")).is_none() {
        return (Desktop::start(Parts::headless()), false);
    }
    match Desktop::present() {
        Some(desktop) => (desktop, true),
        // A screen without a bus and a keychain: they are brought along.
        None => (Desktop::start_on_display(Parts::headless_with_tray()), true),
    }
}

/// Ctrl-C, a terminating signal, or the end of the terminal: heard from the start on, and never
/// lost, whatever the demo is doing.
struct End(Receiver<()>);

impl End {
    fn listening() -> Self {
        let (came, heard) = channel::<()>();
        let (ready, listens) = channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let on = |kind| signal(kind).expect("a signal handler");
                let mut interrupt = on(SignalKind::interrupt());
                let (mut terminate, mut hangup) =
                    (on(SignalKind::terminate()), on(SignalKind::hangup()));
                let _waits = ready.send(());
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hangup.recv() => {}
                }
            });
            // The channel ends with this thread, and that is told for ever.
            drop(came);
        });
        let _listens = listens.recv();
        Self(heard)
    }

    /// Waits at most `span`.
    fn came(&self, span: Duration) -> bool {
        self.0.recv_timeout(span) == Err(RecvTimeoutError::Disconnected)
    }
}

/// What a person reads while it runs, each line with the demo's own time of day.
struct Screen {
    quiet: bool,
    told: usize,
    clock: FakeClock,
}

impl Screen {
    fn line(&self, text: &str) {
        // Where nobody reads any more the demo goes on to its end.
        let _nobody_reads = if self.quiet {
            writeln!(std::io::stderr(), "{text}")
        } else {
            writeln!(std::io::stdout(), "{text}")
        };
    }

    fn at(&self, when: Utc, text: &str) {
        let minutes = when.millis().div_euclid(60_000).rem_euclid(1_440);
        self.line(&format!("{:02}:{:02}  {text}", minutes / 60, minutes % 60));
    }

    /// What the desktop is told; swaps are told with their reasons below.
    fn notice(&self, notice: &Notice) {
        if notice.kind != NoticeKind::SwapDone {
            self.at(self.clock.now(), &format!("{}. {}", notice.title, notice.body));
        }
    }

    fn swaps(&mut self, newest_first: &[SwapView]) {
        let finished: Vec<_> =
            newest_first.iter().rev().filter(|swap| swap.status != SwapStatus::Pending).collect();
        for swap in finished.iter().skip(self.told) {
            let text = format!("swap {} {}: {}", swap.id, swap.status, swap.reason);
            self.at(Utc::from_millis(swap.at_ms), &text);
        }
        self.told = finished.len();
    }
}

/// The person, who spends the one limit reset there is when it frees most.
#[derive(Default)]
struct Spender {
    spent: bool,
}

impl Spender {
    fn look(&mut self, stage: &Stage, screen: &Screen) {
        let world = stage.fake.world();
        let worth = |account: &FakeAccount| {
            account.spec.resets.is_some_and(|left| left > 0)
                && account.five_hour.used >= WORTH_PERCENT
        };
        let account =
            world.state().accounts.iter().find(|one| worth(one)).map(|one| one.spec.email.clone());
        if let Some(email) = account.filter(|_| !self.spent) {
            self.spent = true;
            world.spend_reset(&email);
            let label = email.split('@').next().unwrap_or_default();
            screen.at(screen.clock.now(), &format!("(the person spends {label}'s limit reset)"));
        }
    }
}

/// The day in three hands: Sluice's, one account's, and a plain rule's.
struct Against {
    span_min: f64,
    sluice: Fared,
    one_account: Fared,
    at_ninety: Fared,
}

impl Against {
    fn of(stage: &Stage, setup: &Setup, day: (Utc, Utc), swaps: &[SwapView]) -> Self {
        let made = swaps.iter().filter(|swap| swap.status == SwapStatus::Committed).count();
        // Whoever was added last is live when the day begins.
        let first = setup.accounts.len().saturating_sub(1);
        Self {
            span_min: day.1.seconds_since(day.0) / 60.0,
            sluice: Fared::of(&stage.fake.world().state(), made),
            one_account: rivals::fare(setup, day, first, rivals::stay),
            at_ninety: rivals::fare(setup, day, first, rivals::at_ninety),
        }
    }

    /// What a person reads at the end.
    fn words(&self, report: &Value) -> String {
        let hours = |minutes: f64| wait((minutes * 60_000.0) as i64);
        let row = |name: &str, cells: [String; 3]| {
            format!("{name:<28}{:>16}{:>16}{:>16}", cells[0], cells[1], cells[2])
        };
        let each = |tell: &dyn Fn(&Fared) -> String| {
            [&self.sluice, &self.one_account, &self.at_ninety].map(tell)
        };
        let none = |minutes: f64| if minutes < 0.5 { "none".to_owned() } else { hours(minutes) };
        let heads = ["with Sluice", "one account", "swap at 90 %"].map(str::to_owned);
        let lines = [
            format!(
                "\nIn {} of the demo the person wanted to work for {}.\n",
                hours(self.span_min),
                hours(self.sluice.wanted_min)
            ),
            row("", heads),
            row("work done", each(&|fared| none(fared.done_min()))),
            row("interrupted", each(&|fared| none(fared.interrupted_min))),
            row("swaps", each(&|fared| fared.swaps.to_string())),
            row(
                "unused (weeks of a Pro plan)",
                each(&|fared| format!("{:.1}", fared.unused_weeks)),
            ),
            format!("\nLogins lost: {}. Nothing of yours was touched.", report["lost_logins"]),
        ];
        lines.join("\n")
    }
}

fn report(
    stage: &Stage,
    swaps: &[SwapView],
    emails: &[String],
    notifications: usize,
    against: &Against,
) -> Value {
    let count = |status| swaps.iter().filter(|swap| swap.status == status).count();
    let names: Vec<&str> = emails.iter().map(String::as_str).collect();
    let census = stage.census(&names);
    let state = stage.fake.world().state();
    let reasons: Vec<Value> = swaps
        .iter()
        .rev()
        .map(|swap| {
            json!({
                "swap": swap.id,
                "status": swap.status,
                "trigger": swap.trigger,
                "reason": swap.reason,
                "residency_seconds": swap.residency_seconds,
                "error": swap.error,
            })
        })
        .collect();
    json!({
        "schema": "sluice/demo/1",
        "accounts": emails.len(),
        "swaps": {
            "committed": count(SwapStatus::Committed),
            "failed": count(SwapStatus::Failed),
            "pending": count(SwapStatus::Pending),
        },
        "reasons": reasons,
        // Accounts whose current login the keychain holds; older vintages are counted apart.
        "keychain_items": census.keychain_accounts,
        "keychain_vintages": census.keychain_items,
        "notifications": notifications,
        "wanted_min": state.counts.wanted_min.round(),
        "interrupted_min": state.counts.interrupted_min.round(),
        "avoidable_min": state.counts.avoidable_min.round(),
        "lost_logins": census.lost.len(),
        "against": {
            "sluice": against.sluice,
            "one_account": against.one_account,
            "at_ninety": against.at_ninety,
        },
        // As the provider counted them: used tokens presented again, and rotations the tool gave up.
        "provider": {
            "reuse_detections": state.tokens.counts.reuse_detections,
            "overtaken": state.counts.overtaken,
            // Who presented which token when, of every chain in which a used one came again.
            "reuse_story": state.tokens.reuse_story(),
        },
    })
}
