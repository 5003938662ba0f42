//! `cargo xtask demo`: the main job on an embedded provider. Four accounts whose days pass in
//! minutes, through real HTTP on loopback, real seat files, the real keychain, SQLite, tray and
//! notifications, all inside a throw-away directory.

use serde_json::{Value, json};
use sluice_protocol::{Mode, Notice, SwapStatus, SwapView};
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
    let emails: Vec<String> = setup.accounts.iter().map(|a| a.email.clone()).collect();
    let mut stage = Stage::on(desktop, FakeClock::starting_now(SPEED), setup);
    let mut program = if shown { stage.app(&["--window"]) } else { stage.daemon() };
    let mut screen = Screen { quiet: options.json, told: 0 };
    screen.line(&format!("A day passes in {:.0} s. Ctrl-C ends it.", 86_400.0 / SPEED));
    for email in &emails {
        if end.came(Duration::ZERO) {
            break;
        }
        let account = stage.add(email);
        screen.line(&format!("added {}", account.label));
    }
    stage.mode(Mode::Auto);
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
        told.extend(notices.try_iter());
        // The program may be quit in its tray at any moment.
        swaps = stage.swaps_if_driven().unwrap_or(swaps);
        screen.swaps(&swaps);
    }
    let died = program.ended().filter(|_| last.is_some());
    swaps = stage.swaps_if_driven().unwrap_or(swaps);
    // Logins are counted when nobody renews one any more: a token that is replaced between the look
    // at the keychain and the question to the provider would count as lost.
    program.end(END);
    stage.fake.rest();
    let report = report(&stage, &swaps, &emails, told.len());
    stage.forget_keychain();
    if options.json {
        let _nobody_reads = writeln!(std::io::stdout(), "{report:#}");
    } else {
        screen.line(&format!("{report:#}"));
    }
    if let Some(status) = died {
        eprintln!("Sluice ended by itself ({status}); it said:\n{}", program.output());
        return 1.into();
    }
    std::process::ExitCode::SUCCESS
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

/// What a person reads while it runs.
struct Screen {
    quiet: bool,
    told: usize,
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

    fn swaps(&mut self, newest_first: &[SwapView]) {
        let finished: Vec<_> =
            newest_first.iter().rev().filter(|swap| swap.status != SwapStatus::Pending).collect();
        for swap in finished.iter().skip(self.told) {
            self.line(&format!("swap {} {}: {}", swap.id, swap.status, swap.reason));
        }
        self.told = finished.len();
    }
}

fn report(stage: &Stage, swaps: &[SwapView], emails: &[String], notifications: usize) -> Value {
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
        // As the provider counted them: used tokens presented again, and rotations the tool gave up.
        "provider": {
            "reuse_detections": state.tokens.counts.reuse_detections,
            "overtaken": state.counts.overtaken,
            // Who presented which token when, of every chain in which a used one came again.
            "reuse_story": state.tokens.reuse_story(),
        },
    })
}
