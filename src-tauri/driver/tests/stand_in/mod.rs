//! Parts that answer at once, count how often they were asked, and hang on demand.

use sluice_driver::clock::Clock;
use sluice_driver::parts::Parts;
use sluice_driver::ports::{
    Beside, Custody, Health, Holder, Identity, Kept, KeptAccount, Ledger, Loaded, Pending,
    PortError, Providers, Query, Record, Recovered, RefreshReport, Renewal, SeatLogin, SeatReport,
    Settled, SwapOrder, SwapReport, TokenAnswer, ToolNumbers, UsageAnswer,
};
use sluice_driver::worker::Hands;
use sluice_engine::{
    Account, AccountId, Gates, Generation, Lane, LaneId, Login, Percent, Plan, Provider, Usage,
    Utc, Window,
};
use sluice_protocol::{Answer, Code};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use zeroize::Zeroizing;

/// The parts that can hang. The last two read what the loop says and are not asked anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Seats,
    Bearers,
    Moves,
    Renewals,
    Usage,
    Tokens,
    Ledger,
    Numbers,
    Notifier,
    FrontEnd,
}

pub const PARTS: [Part; 10] = [
    Part::Seats,
    Part::Bearers,
    Part::Moves,
    Part::Renewals,
    Part::Usage,
    Part::Tokens,
    Part::Ledger,
    Part::Numbers,
    Part::Notifier,
    Part::FrontEnd,
];

/// The part behind the hands with this name.
fn part_of(hands: &str) -> Part {
    match hands {
        "sluice-seats" => Part::Seats,
        "sluice-bearers" => Part::Bearers,
        "sluice-moves" => Part::Moves,
        "sluice-renewals" => Part::Renewals,
        "sluice-ledger" => Part::Ledger,
        "sluice-numbers" => Part::Numbers,
        other => panic!("no part is named {other}"),
    }
}

/// The outside all parts share.
pub struct Outside {
    pub clock: Clock,
    hanging: [AtomicBool; 10],
    asked: [AtomicU32; 10],
    /// Calls are carried out by tasks: a part hangs before its call and not in it.
    tasks: AtomicBool,
    /// Wakes what hangs.
    go_on: tokio::sync::Notify,
    pub decisions: AtomicU32,
    /// Rows of decisions.
    pub decided: Mutex<Vec<i64>>,
    pub kept: AtomicU32,
    pub swaps: Mutex<Vec<SwapOrder>>,
    /// Swaps succeed.
    pub commits: AtomicBool,
    /// Looks after what a swap left parked.
    pub tended: AtomicU32,
    /// Token exchanges that were written down.
    pub tokens_noted: AtomicU32,
    /// Looks for swaps that were left open.
    pub recoveries: AtomicU32,
    pub live_polls: AtomicU32,
    pub parked_polls: AtomicU32,
    rotation: AtomicI64,
    row: AtomicI64,
    over: Mutex<bool>,
    released: Condvar,
    pub mode: &'static str,
}

impl Outside {
    pub fn new(clock: Clock, mode: &'static str) -> Arc<Self> {
        Arc::new(Self {
            clock,
            hanging: Default::default(),
            asked: Default::default(),
            tasks: AtomicBool::new(false),
            go_on: tokio::sync::Notify::new(),
            decisions: AtomicU32::new(0),
            decided: Mutex::default(),
            kept: AtomicU32::new(0),
            swaps: Mutex::default(),
            commits: AtomicBool::new(false),
            tended: AtomicU32::new(0),
            tokens_noted: AtomicU32::new(0),
            recoveries: AtomicU32::new(0),
            live_polls: AtomicU32::new(0),
            parked_polls: AtomicU32::new(0),
            rotation: AtomicI64::new(0),
            row: AtomicI64::new(0),
            over: Mutex::new(false),
            released: Condvar::new(),
            mode,
        })
    }

    pub fn parts(self: &Arc<Self>) -> Parts {
        let ledger = Arc::clone(self);
        Parts {
            custody: Arc::new(Hold(Arc::clone(self))),
            providers: Arc::new(Hold(Arc::clone(self))),
            ledger: Arc::new(move || Box::new(Hold(Arc::clone(&ledger)))),
            hands: Hands::Threads,
            runs: None,
            metrics: None,
        }
    }

    /// Parts whose calls are carried out on the runtime, for a driver that is started on it.
    pub fn parts_here(self: &Arc<Self>) -> Parts {
        self.tasks.store(true, Ordering::SeqCst);
        let outside = Arc::clone(self);
        let gate = move |name: &'static str| -> Pending<()> {
            let outside = Arc::clone(&outside);
            Box::pin(async move { outside.pass(part_of(name)).await })
        };
        Parts { hands: Hands::Tasks(Arc::new(gate)), ..self.parts() }
    }

    /// Waits while the part hangs.
    async fn pass(&self, part: Part) {
        loop {
            let go_on = self.go_on.notified();
            if !self.hanging[part as usize].load(Ordering::SeqCst) {
                return;
            }
            go_on.await;
        }
    }

    pub fn hang(&self, part: Part) {
        self.hanging[part as usize].store(true, Ordering::SeqCst);
    }

    /// Lets everything that hangs go on.
    pub fn release(&self) {
        for hanging in &self.hanging {
            hanging.store(false, Ordering::SeqCst);
        }
        self.go_on.notify_waiters();
        *self.over.lock().unwrap() = true;
        self.released.notify_all();
    }

    pub fn asked(&self, part: Part) -> u32 {
        self.asked[part as usize].load(Ordering::SeqCst)
    }

    /// The tool writes its login anew.
    pub fn rotate(&self) {
        self.rotation.fetch_add(1, Ordering::SeqCst);
    }

    fn ask(&self, part: Part) {
        self.asked[part as usize].fetch_add(1, Ordering::SeqCst);
        let here = self.tasks.load(Ordering::SeqCst);
        if !here && self.hanging[part as usize].load(Ordering::SeqCst) {
            let over = self.over.lock().unwrap();
            drop(self.released.wait_while(over, |over| !*over).unwrap());
        }
    }

    async fn ask_async(&self, part: Part) {
        self.asked[part as usize].fetch_add(1, Ordering::SeqCst);
        self.pass(part).await;
    }

    fn now(&self) -> Utc {
        self.clock.now().wall
    }

    fn kept(&self, seconds: i64) -> Kept {
        Kept { access_expires_at: Some(self.now().plus_seconds(seconds)), ..Kept::default() }
    }
}

fn lane() -> Lane {
    Lane {
        id: LaneId(1),
        provider: Provider::Claude,
        active: Some(AccountId(1)),
        generation: Generation(1),
        model: None,
        gates: Gates::default(),
    }
}

struct Hold(Arc<Outside>);

/// The right to renew; nobody else has one until it is gone.
struct Exchange(Arc<Outside>);

impl Renewal for Exchange {
    fn body(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(Vec::new())
    }
    fn finish(self: Box<Self>, answer: Option<TokenAnswer>) -> RefreshReport {
        match answer {
            // Due again after five minutes at the earliest.
            Some(_) => {
                self.0.kept.fetch_add(1, Ordering::SeqCst);
                RefreshReport::Kept(self.0.kept(7_000))
            }
            None => RefreshReport::Later { text: "no answer".to_owned(), retry_after_s: None },
        }
    }
}

impl Custody for Hold {
    fn health(&self) -> Health {
        Health::Ok
    }
    fn seat(&self, _provider: Provider) -> SeatReport {
        self.0.ask(Part::Seats);
        SeatReport::Login(Box::new(SeatLogin {
            identity: Identity { key: "one".to_owned(), ..Identity::default() },
            fingerprint: self.0.rotation.load(Ordering::SeqCst).to_string(),
            access_expires_at: Some(self.0.now().plus_seconds(30_000)),
            login_ends_at: None,
            misnamed: false,
        }))
    }
    fn capture(&self, _: Provider, _: AccountId, _: &str) -> Result<Kept, PortError> {
        self.0.ask(Part::Moves);
        Ok(self.0.kept(30_000))
    }
    fn kept(&self, _: Provider, _: AccountId) -> Result<Kept, PortError> {
        Ok(self.0.kept(8_000))
    }
    fn bearer(&self, _: Provider, holder: Holder) -> Result<http::HeaderValue, PortError> {
        self.0.ask(Part::Bearers);
        let whose = if matches!(holder, Holder::Seat(_)) { "live" } else { "parked" };
        Ok(http::HeaderValue::from_static(whose))
    }
    fn begin_refresh(
        &self,
        _: Provider,
        _: AccountId,
        _: bool,
    ) -> Result<Box<dyn Renewal>, RefreshReport> {
        self.0.ask(Part::Renewals);
        Ok(Box::new(Exchange(Arc::clone(&self.0))))
    }
    fn swap(&self, order: &SwapOrder) -> SwapReport {
        self.0.ask(Part::Moves);
        self.0.swaps.lock().unwrap().push(order.clone());
        if self.0.commits.load(Ordering::SeqCst) {
            let caveats = Vec::new();
            let lane = Lane {
                active: Some(order.to.0),
                generation: Generation(order.generation.0 + 1),
                gates: order.gates.clone(),
                ..lane()
            };
            let settled = Some(Box::new(Settled { lane, residency_seconds: None }));
            return SwapReport::Committed { row: 1, settled, lingering: false, caveats };
        }
        SwapReport::Failed { row: None, trouble: PortError::new(Code::Busy, "Not in this test.") }
    }
    fn settle_parked(&self, _: Provider) {
        self.0.tended.fetch_add(1, Ordering::SeqCst);
    }
    fn recover(&self) -> Vec<Recovered> {
        self.0.recoveries.fetch_add(1, Ordering::SeqCst);
        Vec::new()
    }
    fn forget(&self, _: AccountId) -> Result<(), PortError> {
        Ok(())
    }
}

impl Providers for Hold {
    fn usage(
        &self,
        _: Provider,
        _: &str,
        bearer: http::HeaderValue,
        _: bool,
    ) -> Pending<UsageAnswer> {
        let outside = Arc::clone(&self.0);
        Box::pin(async move {
            outside.ask_async(Part::Usage).await;
            let live = bearer == "live";
            let count = if live { &outside.live_polls } else { &outside.parked_polls };
            count.fetch_add(1, Ordering::SeqCst);
            let now = outside.now();
            let window = |used, hours: i64| Window {
                used: Percent::new(used),
                resets_at: Some(now.plus_seconds(hours * 3_600)),
            };
            let usage = Usage {
                observed_at: Some(now),
                ..Usage::of(
                    window(10.0, 3),
                    window(if live { 10.0 } else { 20.0 }, if live { 150 } else { 20 }),
                )
            };
            UsageAnswer { status: Some(200), usage: Ok(usage.into()), beside: Beside::default() }
        })
    }
    fn token(&self, _: Provider, body: Zeroizing<Vec<u8>>) -> Pending<Option<TokenAnswer>> {
        let outside = Arc::clone(&self.0);
        Box::pin(async move {
            outside.ask_async(Part::Tokens).await;
            Some(TokenAnswer { status: 200, body, retry_after_s: None })
        })
    }
    fn tool_numbers(&self, _: Provider) -> Option<ToolNumbers> {
        self.0.ask(Part::Numbers);
        None
    }
}

impl Ledger for Hold {
    fn load(&mut self, _: Utc) -> Result<Loaded, PortError> {
        let account = |id, key: &str| KeptAccount {
            account: Account {
                id: AccountId(id),
                provider: Provider::Claude,
                plan: Plan::default(),
                enabled: true,
                automatic: true,
                login: Login::Valid,
                failures: 0,
                usage: Usage::default(),
                position: id,
            },
            identity: Identity { key: key.to_owned(), ..Identity::default() },
            label: key.to_owned(),
            kept: Some(self.0.kept(8_000)),
        };
        Ok(Loaded {
            accounts: vec![account(1, "one"), account(2, "two")],
            lanes: vec![lane()],
            // The policy that reads parked accounts often: a cadence shows only in what is frequent.
            settings: BTreeMap::from([
                ("mode.claude".to_owned(), self.0.mode.into()),
                ("policy".to_owned(), "tiered".into()),
            ]),
            ..Loaded::default()
        })
    }
    fn record(&mut self, record: &Record) -> Result<i64, PortError> {
        self.0.ask(Part::Ledger);
        if let Record::Token { .. } = record {
            self.0.tokens_noted.fetch_add(1, Ordering::SeqCst);
        }
        if let Record::Found { lane, .. } = record {
            return Ok(i64::try_from(lane.generation.0).unwrap());
        }
        let row = self.0.row.fetch_add(1, Ordering::SeqCst);
        if let Record::Decision { .. } = record {
            self.0.decisions.fetch_add(1, Ordering::SeqCst);
            self.0.decided.lock().unwrap().push(row);
        }
        Ok(row)
    }
    fn work(&mut self, _: Utc, _: Utc) -> Result<Vec<(Utc, f64)>, PortError> {
        self.0.ask(Part::Ledger);
        Ok(Vec::new())
    }
    fn query(&mut self, _: &Query) -> Result<Answer, PortError> {
        self.0.ask(Part::Ledger);
        Ok(Answer::Decisions { rows: Vec::new() })
    }
}
