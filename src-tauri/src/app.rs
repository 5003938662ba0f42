//! Puts the parts together and runs them: Tauri's loop on the main thread, everything that waits on
//! a runtime of its own.

use crate::commands;
use crate::driver;
use crate::instance::{self, Found, Sole};
use crate::menu::Act;
use crate::notify::{self, Teller};
use crate::shell::{Reach, Shell, VIEW_EVENT};
use crate::tray::{Parts, Shows, Tray};
use crate::windows::{self, Scratch};
use sluice_driver::clock::Clock;
use sluice_driver::{Link, Paths};
use sluice_protocol::{Answer, Cause, Notice, Request, View};
use std::sync::Arc;
use std::time::Duration;
use tauri::{AppHandle, Emitter as _, Manager as _, RunEvent};
use tokio::sync::{broadcast, mpsc, watch};

/// How long ending waits for a swap under way.
const END: Duration = Duration::from_secs(12);
/// Before a driver that could not start is tried again: at first, and at most.
const AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));
/// A driver that has lived so long has not failed at its start.
const SETTLED: Duration = Duration::from_secs(30);
/// Clicks that wait to be carried out.
const CLICKS_MAX: usize = 32;
/// How long a panel may take to show the icon before the window is opened in its place.
const PANEL: Duration = Duration::from_secs(3);
/// When the window opens without a click.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// At the start.
    AtOnce,
    /// Where the person would see nothing of Sluice, or not know what to do with it: no panel shows
    /// the icon, or nobody was ever here.
    WhereNeeded,
    /// When it is asked for.
    OnDemand,
}

/// Runs the application until it is quit.
///
/// # Errors
/// What kept it from starting, for people.
pub fn run(opening: Opening) -> Result<(), String> {
    let paths = Paths::from_env()
        .ok_or("No data directory: set SLUICE_HOME, XDG_DATA_HOME or HOME.".to_owned())?;
    let clock = Clock::from_env()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let sole = match runtime.block_on(instance::take(&paths))? {
        Found::Sole(sole) => sole,
        Found::Other(holder) => {
            tracing::info!(holder, "already running; its window was asked for");
            return Ok(());
        }
    };
    tauri::async_runtime::set(runtime.handle().clone());
    let icon = notify::icon(&instance::directory(&paths));
    let scratch = Scratch::below(&instance::directory(&paths));
    let (reached, reach) = watch::channel(Reach::Starting);
    let keeper = runtime.spawn(keep_driver(paths, reached)).abort_handle();
    let shell = Arc::new(Shell { reach, keeper, clock });
    drive(shell, scratch, Own { sole, icon, opening })
}

/// Becomes the driver, or attaches to the one that runs; and again whenever none could be started
/// or that one has ended, for as long as the application lives.
async fn keep_driver(paths: Paths, reached: watch::Sender<Reach>) {
    let mut pause = AGAIN.0;
    loop {
        let trouble = match driver::reach(&paths).await {
            Ok(link) => {
                reached.send_replace(Reach::Ready(link.clone()));
                if tokio::time::timeout(SETTLED, link.ended()).await.is_err() {
                    pause = AGAIN.0;
                    link.ended().await;
                }
                tracing::warn!("the driver has ended; another one is looked for");
                "The driver has ended.".to_owned()
            }
            Err(reason) => {
                tracing::warn!(reason, "no driver; trying again");
                reason
            }
        };
        // The first attempt after an end comes at once and is not worth a word.
        reached.send_replace(if pause == AGAIN.0 {
            Reach::Starting
        } else {
            Reach::Failed(format!("{trouble} Sluice tries again by itself."))
        });
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(AGAIN.1);
    }
}

/// What only this process has.
struct Own {
    sole: Sole,
    icon: Arc<str>,
    opening: Opening,
}

fn drive(shell: Arc<Shell>, scratch: Scratch, own: Own) -> Result<(), String> {
    let setup = Arc::clone(&shell);
    let app = tauri::Builder::default()
        .manage(Arc::clone(&shell))
        .manage(scratch)
        .invoke_handler(tauri::generate_handler![commands::call, commands::view])
        .setup(move |app| {
            let handle = app.handle().clone();
            if own.opening == Opening::AtOnce {
                windows::open(&handle);
            }
            tauri::async_runtime::spawn(attend(setup, handle, own));
            Ok(())
        })
        .build(tauri::generate_context!())
        .map_err(|error| error.to_string())?;
    app.run(|app, event| match event {
        // The last window was closed; the tray stays.
        RunEvent::ExitRequested { code: None, api, .. } => api.prevent_exit(),
        RunEvent::Exit => app.state::<Scratch>().empty(),
        _ => {}
    });
    Ok(())
}

/// The shell's own loop: what changed is shown, what was clicked is asked.
async fn attend(shell: Arc<Shell>, app: AppHandle, own: Own) {
    let (clicks, mut clicked) = mpsc::channel(CLICKS_MAX);
    let (answers, mut answered) = mpsc::channel(CLICKS_MAX);
    let teller = Teller::new(answers, own.icon);
    let tray = start_tray(&shell, &app, clicks).await;
    let needs = Needs { opening: own.opening, first: own.sole.first };
    let seen = tray.as_ref().map(Tray::seen);
    tokio::spawn(needs.look(Arc::clone(&shell), app.clone(), teller.clone(), seen));
    let mut reach = shell.reach.clone();
    let mut news = News::of(&reach.borrow_and_update());
    let mut ending = std::pin::pin!(asked_to_end());
    let mut ended = false;
    loop {
        tokio::select! {
            Ok(()) = reach.changed() => {
                news = News::of(&reach.borrow_and_update());
                show(&shell, &app, tray.as_ref()).await;
            }
            fresh = news.next() => match fresh {
                Fresh::View => {
                    if let Shows::View(view) = shell.shows() {
                        teller.sweep(&view);
                    }
                    show(&shell, &app, tray.as_ref()).await;
                }
                Fresh::Notice(notice) => teller.tell(notice),
            },
            Some(act) = clicked.recv() => perform(&shell, &app, &teller, act),
            Some(click) = answered.recv() => perform(&shell, &app, &teller, click.into()),
            () = own.sole.asked() => windows::open(&app),
            () = &mut ending, if !ended => {
                // Asked once; a finished future must not be polled again while the end is prepared.
                ended = true;
                perform(&shell, &app, &teller, Act::Quit);
            }
        }
    }
}

/// What the driver publishes; silent while there is none.
struct News(Option<(watch::Receiver<Arc<View>>, broadcast::Receiver<Notice>)>);

impl News {
    fn of(reach: &Reach) -> Self {
        match reach {
            Reach::Ready(link) => Self(Some((link.views(), link.notices()))),
            Reach::Starting | Reach::Failed(_) => Self(None),
        }
    }

    /// Resolves at the next view or notice; never, once the driver is gone. Missed notices are
    /// counted in the log, not made up for.
    async fn next(&mut self) -> Fresh {
        while let Some((views, notices)) = &mut self.0 {
            tokio::select! {
                changed = views.changed() => match changed {
                    Ok(()) => return Fresh::View,
                    Err(_) => self.0 = None,
                },
                notice = notices.recv() => match notice {
                    Ok(notice) => return Fresh::Notice(notice),
                    Err(broadcast::error::RecvError::Closed) => self.0 = None,
                    Err(broadcast::error::RecvError::Lagged(missed)) => {
                        tracing::warn!(missed, "notices came faster than they could be told");
                    }
                },
            }
        }
        std::future::pending().await
    }
}

enum Fresh {
    View,
    Notice(Notice),
}

async fn start_tray(
    shell: &Arc<Shell>,
    app: &AppHandle,
    clicks: mpsc::Sender<Act>,
) -> Option<Tray> {
    let clock = Arc::clone(shell);
    let parts = Parts { shows: shell.shows(), now: Arc::new(move || clock.moment()), clicks };
    match Tray::start(app, parts).await {
        Ok(tray) => Some(tray),
        Err(error) => {
            tracing::error!(error, "no tray icon");
            None
        }
    }
}

/// Whether the person has to be shown something that was not asked for.
struct Needs {
    opening: Opening,
    /// No tray was ever started here.
    first: bool,
}

impl Needs {
    /// Opens the window where it is needed; a start for the background says so instead, where it can.
    async fn look(
        self,
        shell: Arc<Shell>,
        app: AppHandle,
        teller: Teller,
        seen: Option<watch::Receiver<bool>>,
    ) {
        let needed = self.opening == Opening::WhereNeeded;
        if needed && self.first && keeps_nobody(&shell).await {
            tracing::info!("the first start: opening the window");
            return windows::open(&app);
        }
        let Some(mut seen) = seen else {
            // No session bus: a notice would be seen by nobody, either.
            return windows::open(&app);
        };
        let shown = tokio::time::timeout(PANEL, seen.wait_for(|seen| *seen)).await;
        if shown.is_ok_and(|shown| shown.is_ok()) {
            tracing::info!("a panel shows the icon; the window opens when it is asked for");
        } else if needed {
            tracing::warn!("no panel shows the icon: opening the window instead");
            windows::open(&app);
        } else if self.opening == Opening::OnDemand {
            tracing::warn!("no panel shows the icon");
            let body = "This desktop shows no tray icons. Start Sluice again to open its window.";
            teller.tell(Notice::new(Cause::NoTray, "Sluice runs without an icon", body));
        }
    }
}

/// No account is kept, as far as anybody can say.
async fn keeps_nobody(shell: &Shell) -> bool {
    match shell.ask(Request::Status).await {
        Answer::View(view) => view.accounts.is_empty(),
        _ => true,
    }
}

async fn show(shell: &Shell, app: &AppHandle, tray: Option<&Tray>) {
    if let Some(tray) = tray {
        tray.show(shell.shows()).await;
    }
    if windows::is_open(app)
        && let Err(error) = app.emit_to(windows::SETTINGS, VIEW_EVENT, shell.shown())
    {
        tracing::warn!(%error, "the window was not told of a change");
    }
}

/// Carries out a click without making the loop wait.
fn perform(shell: &Arc<Shell>, app: &AppHandle, teller: &Teller, act: Act) {
    let request = match act {
        Act::Open => return windows::open(app),
        Act::Quit => {
            tokio::spawn(quit(Arc::clone(shell), app.clone(), teller.clone()));
            return;
        }
        Act::Pause(rest) => rest.request(shell.moment()),
        Act::Ask(request) => request,
    };
    let (shell, teller) = (Arc::clone(shell), teller.clone());
    tokio::spawn(async move {
        if let Answer::Refused(refused) = shell.ask(request).await {
            // The person clicked and nothing happened: say why.
            let cause = Cause::Refused(refused.code);
            teller.tell(Notice::new(cause, "Sluice did not do that", refused.text));
        }
    });
}

async fn quit(shell: Arc<Shell>, app: AppHandle, teller: Teller) {
    teller.clear().await;
    // Nobody starts another one now.
    shell.keeper.abort();
    let reach = shell.reach.borrow().clone();
    if let Reach::Ready(Link::Local(handle)) = reach {
        handle.shut_down(END).await;
    }
    app.exit(0);
}

/// Resolves when the system wants the application to end, at log-out for one.
async fn asked_to_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (terminate, interrupt) =
            (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
        if let (Ok(mut terminate), Ok(mut interrupt)) = (terminate, interrupt) {
            tokio::select! {
                _ = terminate.recv() => return,
                _ = interrupt.recv() => return,
            }
        }
    }
    std::future::pending().await
}
