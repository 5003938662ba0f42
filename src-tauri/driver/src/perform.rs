//! Carries effects out, each with its deadline, and turns what comes back into inputs.
//!
//! Nothing here waits inside the loop: every effect is a task of its own, and every part that
//! blocks has a thread of its own, so a part that hangs delays only itself.

use crate::clock::Clock;
use crate::metrics::{Counters, MetricsFile, SwapEnd};
use crate::parts::Parts;
use crate::ports::{
    Asks, Custody, Depth, Health, Holder, Ledger, Loaded, Look, PortError, Providers, Record,
    Recovered, RefreshReport, Renewal, RunReply, Runs, SeatReport, SwapOrder, SwapReport,
};
use crate::runs::{self, RunsThread};
use crate::worker::{NoAnswer, Worker};
use sluice_core::calendar;
use sluice_core::settings::Settings;
use sluice_core::{CallId, Effect, Input, PollError, Port};
use sluice_engine::{AccountId, Provider, Utc};
use sluice_protocol::{Answer, Code, Notice, Request, View, refused};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// One look into a seat or for a bearer: the keychain's own 3 s and a little.
const READ_DEADLINE: Duration = Duration::from_secs(4);
/// Restarting a tool's background process.
const RESTART_DEADLINE: Duration = Duration::from_secs(15);
/// One look for a login in other places: a keychain item for each account.
const SHARED_LOGINS_DEADLINE: Duration = Duration::from_secs(30);
/// One swap or capture, before it is called overdue.
const MOVE_DEADLINE: Duration = Duration::from_secs(10);
/// Taking the right to renew: 60 s for its lock, and the keychain.
const RENEWAL_DEADLINE: Duration = Duration::from_secs(65);
/// One token request.
const TOKEN_DEADLINE: Duration = Duration::from_secs(30);
/// One write or look-up in the database.
const LEDGER_DEADLINE: Duration = Duration::from_secs(1);
/// One whole poll of the live account.
const LIVE_POLL_DEADLINE: Duration = Duration::from_secs(50);
/// One whole poll of a parked account.
const PARKED_POLL_DEADLINE: Duration = Duration::from_secs(30);
/// Reading everything at start, and the last writes at the end.
const START_DEADLINE: Duration = Duration::from_secs(10);
/// Pauses (real time) after a swap before its parked file is looked at.
const TEND: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(29)];
/// Seconds of a week.
const WEEK_S: i64 = 604_800;
/// Notices that wait for somebody to show them.
const UNTOLD_MAX: usize = 32;
/// Calls waiting for one part.
const QUEUE: usize = 64;

/// Where the core's words go.
#[derive(Clone)]
pub(crate) struct Listeners {
    pub(crate) views: Arc<watch::Sender<Arc<View>>>,
    pub(crate) notices: broadcast::Sender<Notice>,
}

mod reading;
mod recording;

use reading::read_usage;
use recording::Asking;

/// Carries effects out.
pub(crate) struct Performer {
    parts: Parts,
    seats: Worker<Arc<dyn Custody>>,
    bearers: Worker<Arc<dyn Custody>>,
    moves: Worker<Arc<dyn Custody>>,
    renewals: Worker<Arc<dyn Custody>>,
    numbers: Worker<Arc<dyn Providers>>,
    pub(crate) ledger: Worker<Box<dyn Ledger>>,
    pub(crate) runs_thread: Option<RunsThread>,
    inputs: mpsc::Sender<Input>,
    listeners: Listeners,
    clock: Clock,
    pub(crate) waiting: HashMap<CallId, oneshot::Sender<Answer>>,
    next_call: u64,
    /// Notices nobody was there to show, with their rows and when they were made.
    untold: VecDeque<(Notice, Option<i64>, Utc)>,
    counters: Counters,
    metrics_file: Option<Arc<MetricsFile>>,
    /// Whoever writes that file now.
    writing: Option<JoinHandle<()>>,
    pub(crate) quit: bool,
}

impl Performer {
    pub(crate) fn new(
        parts: Parts,
        inputs: mpsc::Sender<Input>,
        listeners: Listeners,
        clock: Clock,
    ) -> std::io::Result<Self> {
        let hands = parts.hands.clone();
        let custody = |name| Worker::spawn(&hands, name, Arc::clone(&parts.custody), QUEUE);
        tokio::spawn(crate::watch::watch(parts.custody.watched(), inputs.clone()));
        Ok(Self {
            seats: custody("sluice-seats")?,
            bearers: custody("sluice-bearers")?,
            moves: custody("sluice-moves")?,
            renewals: custody("sluice-renewals")?,
            numbers: Worker::spawn(&hands, "sluice-numbers", Arc::clone(&parts.providers), QUEUE)?,
            ledger: Worker::spawn(&hands, "sluice-ledger", (parts.ledger)(), 4 * QUEUE)?,
            runs_thread: match &parts.runs {
                Some(make) => Some(Worker::spawn(&hands, "sluice-runs", make(), QUEUE)?),
                None => None,
            },
            metrics_file: parts.metrics.clone().map(|path| Arc::new(MetricsFile::at(path))),
            parts,
            inputs,
            listeners,
            clock,
            waiting: HashMap::new(),
            next_call: 0,
            untold: VecDeque::new(),
            counters: Counters::default(),
            writing: None,
            quit: false,
        })
    }

    /// Names an asker.
    pub(crate) fn enter(&mut self, answer: oneshot::Sender<Answer>) -> CallId {
        self.next_call += 1;
        let call = CallId(self.next_call);
        self.waiting.retain(|_, waiting| !waiting.is_closed());
        self.waiting.insert(call, answer);
        call
    }

    /// Everything the ledger keeps.
    pub(crate) async fn load(&self, now: Utc) -> Result<Loaded, PortError> {
        let loaded = self.ledger.run(START_DEADLINE, move |ledger| ledger.load(now)).await;
        loaded.unwrap_or_else(|missed| Err(ledger_trouble(missed)))
    }

    /// Settles what the last driver left open.
    pub(crate) async fn recover(&self) -> Result<Vec<Recovered>, NoAnswer> {
        let recovered = self.moves.run(START_DEADLINE, |custody| custody.recover()).await;
        recovered.inspect_err(|missed| {
            tracing::error!(%missed, "open swaps could not be settled at start");
        })
    }

    /// Waits until everything handed to the ledger so far has been written.
    pub(crate) async fn flush(&self) {
        if let Err(missed) = self.ledger.run(START_DEADLINE, |_| ()).await {
            tracing::warn!(%missed, "the last records may not have been written");
        }
    }

    /// Carries one effect out; returns at once.
    pub(crate) fn perform(&mut self, effect: Effect, settings: &Settings) {
        match effect {
            Effect::ReadSeat(provider) => self.read_seat(provider),
            Effect::ReadToolNumbers(provider) => self.read_tool_numbers(provider),
            Effect::Capture { provider, account, key } => self.capture(provider, account, key),
            Effect::ReadKept { provider, account } => self.read_kept(provider, account),
            Effect::Poll { provider, account, holder, key, asks } => {
                self.poll((provider, account), holder, (key, asks));
            }
            Effect::Refresh { provider, account, patient } => {
                self.refresh(provider, account, patient);
            }
            Effect::Swap(order) => self.swap(*order),
            Effect::Forget(account) => self.forget(account),
            Effect::Store { record, then } => self.store(*record, then),
            Effect::Look { query, call } => self.look(query, call),
            Effect::AboutRuns { request, call } => self.answer(*request, call),
            Effect::LookAtRuns => self.look_at_runs(),
            Effect::Answer(call, answer) => {
                if let Some(waiting) = self.waiting.remove(&call) {
                    // Whoever asked may have stopped waiting; that is theirs to know.
                    let _gone = waiting.send(*answer);
                }
            }
            Effect::Publish(view) => {
                self.listeners.views.send_replace(Arc::new(*view));
                self.deliver();
            }
            Effect::ForgetMetrics => self.keep_metrics(None),
            Effect::Metrics { call, page } => self.measure(call, *page),
            Effect::Tell { notice, row, at } => {
                tracing::info!(kind = notice.kind.name(), "notice");
                self.counters.counts().notice(notice.kind);
                if self.untold.len() >= UNTOLD_MAX {
                    self.untold.pop_front();
                }
                self.untold.push_back((*notice, row, at));
                self.deliver();
            }
            Effect::Recover => self.recover_again(),
            Effect::RestartTool { provider, call } => self.restart_tool(provider, call),
            Effect::SettleParked(provider) => {
                drop(tokio::spawn(settle_parked(self.moves.clone(), provider)))
            }
            Effect::LookForSharedLogins => self.look_for_shared_logins(),
            Effect::Remind { id, after_s } => {
                let inputs = self.inputs.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_secs(after_s.into())).await;
                    let _ended = inputs.send(Input::Due(id)).await;
                });
            }
            Effect::ExpandCalendar => self.expand_calendar(settings),
            Effect::Quit => self.quit = true,
        }
    }

    /// What use has shown is looked up first; a database that does not answer in time costs that.
    fn expand_calendar(&self, settings: &Settings) {
        let (settings, now) = (settings.clone(), self.clock.now().wall);
        let (ledger, inputs) = (self.ledger.clone(), self.inputs.clone());
        tokio::spawn(async move {
            let zone = settings.time_zone(crate::spoken::machine_zone());
            let mut learned = calendar::DemandProfile::default();
            if settings.learns() {
                let since = now.plus_seconds(-calendar::LEARNED_FROM_WEEKS * WEEK_S);
                let work = ledger.run(LEDGER_DEADLINE, move |ledger| ledger.work(since, now)).await;
                if let Ok(Ok(work)) = work {
                    learned = calendar::DemandProfile::of(&work, zone, now);
                }
            }
            let calendar = calendar::expand(&settings.work_calendar(learned), zone, now);
            // A closed queue means the loop has ended.
            let _ended = inputs.send(Input::Calendar(calendar)).await;
        });
    }

    /// Runs a call whose answer matters however late it comes; says when it is overdue.
    fn carry<R: Send + 'static>(
        &self,
        (port, worker): (Port, &Worker<Arc<dyn Custody>>),
        deadline: Duration,
        call: impl FnOnce(&dyn Custody) -> R + Send + 'static,
        turn: impl FnOnce(Result<R, NoAnswer>) -> Input + Send + 'static,
    ) {
        let submitted = worker.submit(move |custody| {
            let answer = call(custody.as_ref());
            (answer, custody.health())
        });
        let inputs = self.inputs.clone();
        tokio::spawn(async move {
            let answer = match submitted {
                Err(missed) => Err(missed),
                Ok(answered) => wait_for(answered, deadline, port, &inputs).await,
            };
            let (answer, health) = match answer {
                Ok((answer, health)) => (Ok(answer), Some(health)),
                Err(missed) => (Err(missed), None),
            };
            if let Some(health) = health {
                let _ended = inputs.send(Input::Health(health)).await;
            }
            let _ended = inputs.send(turn(answer)).await;
        });
    }

    fn read_seat(&self, provider: Provider) {
        self.carry(
            (Port::Seats, &self.seats),
            READ_DEADLINE,
            move |custody| custody.seat(provider),
            move |report| Input::SeatRead { provider, report: report.unwrap_or_else(unread) },
        );
    }

    fn read_tool_numbers(&self, provider: Provider) {
        let (numbers, inputs) = (self.numbers.clone(), self.inputs.clone());
        tokio::spawn(async move {
            let read = numbers.run(READ_DEADLINE, move |tools| tools.tool_numbers(provider)).await;
            if let Ok(Some(numbers)) = read {
                let _ended = inputs.send(Input::ToolNumbers { provider, numbers }).await;
            }
        });
    }

    fn recover_again(&self) {
        let (moves, inputs) = (self.moves.clone(), self.inputs.clone());
        tokio::spawn(async move {
            let found = moves.run(START_DEADLINE, |custody| custody.recover()).await;
            let _ended = inputs.send(Input::Recovered(found.map_err(busy))).await;
        });
    }

    /// The tool is asked to restart its own background process; it is never signed in or out.
    fn restart_tool(&self, provider: Provider, call: CallId) {
        let files = self.parts.custody.watched();
        let home = files
            .into_iter()
            .find(|(whose, _)| *whose == provider)
            .and_then(|(_, file)| Some(file.parent()?.to_path_buf()));
        let inputs = self.inputs.clone();
        tokio::spawn(async move {
            let result = match home {
                Some(home) => restart(provider, &home).await,
                None => Err(PortError::new(Code::Unsupported, "Its folder is not known.")),
            };
            let _ended = inputs.send(Input::Restarted { call, result }).await;
        });
    }

    fn look_for_shared_logins(&self) {
        let (bearers, inputs) = (self.bearers.clone(), self.inputs.clone());
        tokio::spawn(async move {
            if let Ok(shared_logins) =
                bearers.run(SHARED_LOGINS_DEADLINE, |custody| custody.shared_logins()).await
            {
                let _ended = inputs.send(Input::SharedLogins(shared_logins)).await;
            }
        });
    }

    fn capture(&self, provider: Provider, account: AccountId, key: String) {
        self.carry(
            (Port::Moves, &self.moves),
            MOVE_DEADLINE,
            move |custody| custody.capture(provider, account, &key),
            move |result| {
                let result = result.unwrap_or_else(|missed| Err(busy(missed)));
                Input::Captured { provider, account, result }
            },
        );
    }

    fn read_kept(&self, provider: Provider, account: AccountId) {
        self.carry(
            (Port::Bearers, &self.bearers),
            READ_DEADLINE,
            move |custody| custody.kept(provider, account),
            move |result| {
                let result = result.unwrap_or_else(|missed| Err(busy(missed)));
                Input::KeptRead { account, result }
            },
        );
    }

    /// Nothing is held back by an exchange: its task belongs to no caller, so that whoever asked may
    /// vanish, and what comes back is kept before anybody hears of it.
    fn refresh(&self, provider: Provider, account: AccountId, patient: bool) {
        let begun = self.renewals.submit(move |custody| {
            (custody.begin_refresh(provider, account, patient), custody.health())
        });
        let (providers, custody) =
            (Arc::clone(&self.parts.providers), Arc::clone(&self.parts.custody));
        let inputs = self.inputs.clone();
        let (ledger, clock, counters) = (self.ledger.clone(), self.clock, self.counters.clone());
        let sent = move |status| {
            counters.counts().request(provider, "token", status);
            let record = Record::Token { account, provider, at: clock.now().wall, status };
            recording::note(&ledger, record);
        };
        tokio::spawn(async move {
            let begun = match begun {
                Ok(begun) => wait_for(begun, RENEWAL_DEADLINE, Port::Refresh, &inputs).await,
                Err(missed) => Err(missed),
            };
            let (report, health) = match begun {
                Ok((Ok(renewal), _)) => {
                    exchange((renewal, provider), providers, custody, sent).await
                }
                Ok((Err(report), health)) => (report, Some(health)),
                Err(missed) => (unrenewed(&missed.to_string()), None),
            };
            if let Some(health) = health {
                let _ended = inputs.send(Input::Health(health)).await;
            }
            let _ended = inputs.send(Input::Refreshed { account, report }).await;
        });
    }

    fn swap(&self, order: SwapOrder) {
        let (moves, inputs) = (self.moves.clone(), self.inputs.clone());
        let (counters, provider) = (self.counters.clone(), order.provider);
        tokio::spawn(async move {
            let report = carry_swap(&moves, order, &inputs).await;
            counters.counts().swap(provider, end(&report));
            let _ended = inputs.send(Input::Swapped(report)).await;
        });
    }

    fn forget(&self, account: AccountId) {
        self.carry(
            (Port::Moves, &self.moves),
            MOVE_DEADLINE,
            move |custody| custody.forget(account),
            move |result| {
                let result = result.unwrap_or_else(|missed| Err(busy(missed)));
                Input::Forgotten { account, result }
            },
        );
    }

    fn poll(
        &self,
        (provider, account): (Provider, AccountId),
        holder: Holder,
        (key, asks): (String, Asks),
    ) {
        let (seats, bearers) = (self.seats.clone(), self.bearers.clone());
        let providers = Arc::clone(&self.parts.providers);
        let (ledger, clock, counters) = (self.ledger.clone(), self.clock, self.counters.clone());
        let asking = Asking { ledger, clock, counters, account, provider };
        let inputs = self.inputs.clone();
        tokio::spawn(async move {
            let deadline = match holder {
                Holder::Seat(_) => LIVE_POLL_DEADLINE,
                Holder::Account(_) => PARKED_POLL_DEADLINE,
            };
            let seat = match holder {
                Holder::Seat(_) => Some((seats, key.clone(), inputs.clone())),
                Holder::Account(_) => None,
            };
            let asked = (asking, key, asks);
            let read = read_usage(asked, holder, seat, bearers, providers, inputs.clone());
            let result = tokio::time::timeout(deadline, read).await;
            let result = result.unwrap_or(Err(PollError::Late));
            let _ended = inputs.send(Input::Polled { account, holder, result }).await;
        });
    }

    fn answer(&self, request: Request, call: CallId) {
        let (runs_thread, inputs, clock) =
            (self.runs_thread.clone(), self.inputs.clone(), self.clock);
        tokio::spawn(async move {
            let Some(runs_thread) = runs_thread else {
                let answer = refused(Code::Unsupported, "There are no lanes here.");
                let reply = RunReply::Answered(answer);
                let _ended = inputs.send(Input::RunReply { call, reply }).await;
                return;
            };
            let asked = move |runs: &mut Box<dyn Runs>| runs.answer(&request, clock.now().wall);
            let reply = runs_thread.run(runs::DEADLINE, asked).await.unwrap_or_else(|missed| {
                RunReply::Answered(refused(Code::Busy, format!("The database: {missed}.")))
            });
            let _ended = inputs.send(Input::RunReply { call, reply }).await;
            runs::look(&runs_thread, Depth::Glance, &inputs, clock).await;
        });
    }

    fn look_at_runs(&self) {
        let (runs_thread, inputs, clock) =
            (self.runs_thread.clone(), self.inputs.clone(), self.clock);
        tokio::spawn(async move {
            match runs_thread {
                Some(runs_thread) => runs::look(&runs_thread, Depth::Glance, &inputs, clock).await,
                // Nobody is at work where nothing is recorded.
                None => {
                    let _ended = inputs.send(Input::Looked(Box::<Look>::default())).await;
                }
            }
        });
    }
}

const fn end(report: &SwapReport) -> SwapEnd {
    match report {
        SwapReport::Committed { .. } => SwapEnd::Committed,
        SwapReport::Failed { .. } => SwapEnd::Failed,
        SwapReport::Stale { .. } | SwapReport::Waits { .. } => SwapEnd::Stale,
        SwapReport::Stuck { .. } => SwapEnd::Stuck,
    }
}

/// One swap to its end, however late; whether it is overdue is said meanwhile.
async fn carry_swap(
    moves: &Worker<Arc<dyn Custody>>,
    order: SwapOrder,
    inputs: &mpsc::Sender<Input>,
) -> SwapReport {
    let provider = order.provider;
    let submitted = moves.submit(move |custody| (custody.swap(&order), custody.health()));
    let answer = match submitted {
        Ok(answered) => wait_for(answered, MOVE_DEADLINE, Port::Moves, inputs).await,
        Err(missed) => Err(missed),
    };
    match answer {
        Ok((report, health)) => {
            let _ended = inputs.send(Input::Health(health)).await;
            if let SwapReport::Committed { .. } = &report {
                tokio::spawn(settle_parked(moves.clone(), provider));
            }
            report
        }
        Err(missed) => SwapReport::Failed { row: None, trouble: busy(missed) },
    }
}

/// Sends the request and keeps the answer. What has come is never dropped: keeping it does not wait
/// for the hands of another call.
async fn exchange(
    (renewal, provider): (Box<dyn Renewal>, Provider),
    providers: Arc<dyn Providers>,
    custody: Arc<dyn Custody>,
    sent: impl FnOnce(Option<u16>),
) -> (RefreshReport, Option<Health>) {
    let asked = providers.token(provider, renewal.body());
    let answer = tokio::time::timeout(TOKEN_DEADLINE, asked).await.ok().flatten();
    sent(answer.as_ref().map(|answer| answer.status));
    let kept =
        tokio::task::spawn_blocking(move || (renewal.finish(answer), Some(custody.health())));
    kept.await.unwrap_or_else(|_| (unrenewed("keeping the answer failed"), None))
}

async fn restart(provider: Provider, home: &std::path::Path) -> Result<(), PortError> {
    let spec = provider.spec();
    let failed = |text: String| PortError::new(Code::RestartFailed, text);
    let Some(background) = &spec.background else {
        return Err(failed(format!("{} has no background process.", spec.tool)));
    };
    let mut tool = tokio::process::Command::new(spec.program);
    tool.args(background.restart).env(spec.home_variable, home).current_dir(home);
    let quiet = std::process::Stdio::null;
    tool.stdin(quiet()).stdout(quiet()).stderr(quiet()).kill_on_drop(true);
    let ended = tokio::time::timeout(RESTART_DEADLINE, tool.status()).await;
    match ended {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(failed(format!(
            "{} did not restart its background process ({status}); end its sessions by hand.",
            spec.tool
        ))),
        Ok(Err(error)) => Err(failed(format!("{} could not be started: {error}.", spec.tool))),
        Err(_) => Err(failed(format!("{} did not answer within 15 seconds.", spec.tool))),
    }
}

fn unrenewed(text: &str) -> RefreshReport {
    RefreshReport::Later { text: text.to_owned(), retry_after_s: None }
}

/// What a swap displaced is read again when a late writer may have been at it.
async fn settle_parked(moves: Worker<Arc<dyn Custody>>, provider: Provider) {
    for pause in TEND {
        tokio::time::sleep(pause).await;
        // A busy thread tends with its next swap.
        let _busy = moves.post(move |custody| custody.settle_parked(provider));
    }
}

async fn wait_for<R>(
    mut answered: oneshot::Receiver<R>,
    deadline: Duration,
    port: Port,
    inputs: &mpsc::Sender<Input>,
) -> Result<R, NoAnswer> {
    if let Ok(answer) = tokio::time::timeout(deadline, &mut answered).await {
        return answer.map_err(|_| NoAnswer::Gone);
    }
    tracing::warn!(?port, "a part does not answer within its deadline");
    let _ended = inputs.send(Input::Overdue(port)).await;
    let answer = answered.await.map_err(|_| NoAnswer::Gone);
    let _ended = inputs.send(Input::Answering(port)).await;
    answer
}

fn unread(missed: NoAnswer) -> SeatReport {
    SeatReport::Unreadable(format!(
        "The login could not be looked at ({missed}); it is tried again by itself."
    ))
}

fn busy(missed: NoAnswer) -> PortError {
    PortError::new(
        Code::Busy,
        format!("The keychain or the login's folder: {missed}. Nothing was changed."),
    )
}

fn ledger_trouble(missed: NoAnswer) -> PortError {
    PortError::new(Code::Disk, format!("The database: {missed}."))
}
