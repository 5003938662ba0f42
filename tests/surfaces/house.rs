//! The outside of a driver with ten accounts: their provider is the contract server, over real sockets,
//! on the clock of a runtime whose time is paused. The seat, what is kept and the ledger lie in memory.

use sluice_driver::clock::Clock;
use sluice_driver::parts::Parts;
use sluice_driver::ports::{
    Beside, Custody, Health, Holder, Identity, Kept, KeptAccount, Ledger, Loaded, Pending,
    PortError, Providers, Query, ReadError, Record, Recovered, RefreshReport, Renewal, SeatLogin,
    SeatReport, Settled, SwapOrder, SwapReport, TokenAnswer, ToolNumbers, UsageAnswer,
};
use sluice_driver::worker::Hands;
use sluice_engine::{
    Account, AccountId, Gates, Generation, Lane, LaneId, Login, Plan, Provider, Source, Usage, Utc,
};
use sluice_protocol::Answer;
use sluice_providers::{
    Claude, Deadlines, Endpoints, FailureClass, Http, ProviderError, RetryAfter,
};
use sluice_tests::contract::clock::Hand;
use sluice_tests::contract::routes::CLIENT_ID;
use sluice_tests::contract::tokens::{Pair, Presenter};
use sluice_tests::contract::{AccountSpec, FakeClock, FakeProvider, Setup, Work};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use zeroize::Zeroizing;

const CLAUDE: Provider = Provider::Claude;
/// What the provider allows within a rolling hour and account.
pub const PER_HOUR: usize = 28;
/// The tool renews its login so long before it ends, seconds.
const RENEWS_S: f64 = 300.0;

/// Everything outside the driver.
pub struct House {
    pub clock: Clock,
    hand: Hand,
    pub fake: FakeProvider,
    claude: Claude,
    /// For what takes real time: the sockets.
    real: &'static tokio::runtime::Runtime,
    policy: &'static str,
    pub accounts: Vec<(AccountId, String, AccountSpec)>,
    state: Mutex<State>,
}

struct State {
    logins: BTreeMap<AccountId, Pair>,
    lane: Lane,
    row: i64,
    swaps: usize,
    /// What the tool keeps of the last answer it had itself.
    cached: Option<ToolNumbers>,
}

/// Ten accounts of every plan, and a person who works from six to eleven in the evening.
fn setup() -> Setup {
    let account = |index: usize| {
        let (plan, weight, short_window) =
            [("ultra", 20.0, false), ("max", 5.0, true), ("pro", 1.0, true)][index % 3];
        AccountSpec {
            plan: plan.to_owned(),
            weight,
            short_window,
            ..AccountSpec::new(
                &format!("a{index}@example.test"),
                8.0 * index as f64,
                20.0 + 14.0 * index as f64,
            )
        }
    };
    Setup {
        accounts: (0..10).map(account).collect(),
        work: Work { per_hour: 400.0, weekly_share: 0.10, ..Work::default() },
        login_life_s: 400 * 86_400,
        usage_per_hour: Some(PER_HOUR),
        ..Setup::default()
    }
}

impl House {
    /// At `clock`, with the first account in the seat.
    pub fn new(clock: Clock, policy: &'static str) -> Arc<Self> {
        let hand = Hand::at(clock.now().wall);
        let setup = setup();
        let specs = setup.accounts.clone();
        let fake = FakeProvider::start_on(FakeClock::by_hand(hand), setup);
        let env = fake.env();
        let named =
            |name: &str| env.iter().find(|(known, _)| *known == name).map(|it| it.1.clone());
        let endpoints = Endpoints::from_lookup(named).unwrap();
        let http = Http::new(&endpoints, Deadlines::default()).unwrap();
        let mut real = tokio::runtime::Builder::new_multi_thread();
        let real = real.worker_threads(1).enable_all().build().unwrap();
        // It cannot be let go of where tasks run.
        let real = Box::leak(Box::new(real));
        let accounts = specs.into_iter().enumerate().map(|(index, spec)| {
            let known = &fake.world().state().accounts[index];
            let key = format!("{}/{}", known.uuid, known.organization);
            (AccountId(index as i64 + 1), key, spec)
        });
        let accounts: Vec<_> = accounts.collect();
        let logins = accounts.iter().map(|(id, _, spec)| (*id, fake.world().sign_in(&spec.email)));
        let state =
            State { logins: logins.collect(), lane: lane(), row: 0, swaps: 0, cached: None };
        let claude = Claude::new(endpoints, http);
        let state = Mutex::new(state);
        Arc::new(Self { clock, hand, fake, claude, real, policy, accounts, state })
    }

    pub fn parts(self: &Arc<Self>) -> Parts {
        let ledger = Arc::clone(self);
        let open = |_: &'static str| -> Pending<()> { Box::pin(std::future::ready(())) };
        Parts {
            custody: Arc::new(Side(Arc::clone(self))),
            providers: Arc::new(Side(Arc::clone(self))),
            ledger: Arc::new(move || Box::new(Side(Arc::clone(&ledger)))),
            hands: Hands::Tasks(Arc::new(open)),
            runs: None,
            metrics: None,
        }
    }

    /// Who is in the seat.
    pub fn live(&self) -> AccountId {
        self.state.lock().unwrap().lane.active.unwrap()
    }

    pub fn swaps(&self) -> usize {
        self.state.lock().unwrap().swaps
    }

    /// Whether the person works now.
    pub fn at_work(&self) -> bool {
        let now = self.now();
        self.fake.world().state().work.wanted(now) > 0.0
    }

    /// The person works up to now, and the tool renews its login when that is due.
    pub fn work(&self) {
        let now = self.now();
        let (world, mut state) = (self.fake.world(), self.state.lock().unwrap());
        let live = state.lane.active.unwrap();
        let pair = state.logins[&live].clone();
        world.work(Some(&pair.access));
        if pair.access_ends.seconds_since(now) < RENEWS_S {
            let next = world.state().tokens.exchange(&pair.refresh, Presenter::Tool, now);
            state.logins.insert(live, next.expect("a login that lives").1);
        }
    }

    /// The tool reads its own usage, which counts as anybody's, and keeps the answer.
    pub async fn tool_reads(self: &Arc<Self>) {
        let live = self.live();
        let answer = self.ask(self.bearer_of(live)).await;
        let account = self.key(live).to_owned();
        if let Ok(reading) = answer.usage {
            let (usage, resets) = (reading.usage, reading.resets);
            self.state.lock().unwrap().cached = Some(ToolNumbers {
                account,
                source: Source::ToolCache,
                usage,
                resets,
                odd: Vec::new(),
            });
        }
    }

    fn bearer_of(&self, account: AccountId) -> http::HeaderValue {
        let access = self.state.lock().unwrap().logins[&account].access.clone();
        http::HeaderValue::from_str(&format!("Bearer {access}")).unwrap()
    }

    /// One request for usage.
    fn ask(self: &Arc<Self>, bearer: http::HeaderValue) -> Pending<UsageAnswer> {
        let house = Arc::clone(self);
        Box::pin(async move {
            let at = house.now();
            // While a thread is at work, paused time does not pass.
            let asking = tokio::task::spawn_blocking(move || {
                house.real.handle().block_on(house.claude.usage(bearer))
            });
            match asking.await.unwrap() {
                Ok(reply) => {
                    let usage = Usage { observed_at: Some(at), ..reply.usage };
                    UsageAnswer {
                        status: Some(200),
                        usage: Ok(usage.into()),
                        beside: Beside::default(),
                    }
                }
                Err(error) => UsageAnswer {
                    status: error.status,
                    usage: Err(why(&error)),
                    beside: Beside::default(),
                },
            }
        })
    }

    /// Requests for usage that were answered with 429.
    pub fn throttled(&self) -> usize {
        let state = self.fake.world().state();
        state.served.iter().filter(|(_, status)| *status == 429).count()
    }

    /// The most requests for usage of one account within an hour, and of all of them together.
    pub fn asked(&self) -> (usize, u64) {
        let state = self.fake.world().state();
        let peak = state.accounts.iter().map(|account| account.peak_per_hour).max();
        let all = state.accounts.iter().filter_map(|account| account.requests.get("usage")).sum();
        (peak.unwrap_or(0), all)
    }

    fn key(&self, account: AccountId) -> &str {
        &self.accounts.iter().find(|(id, ..)| *id == account).unwrap().1
    }

    fn now(&self) -> Utc {
        let now = self.clock.now().wall;
        self.hand.set(now);
        now
    }
}

fn why(error: &ProviderError) -> ReadError {
    let wait = error.retry_after.map(RetryAfter::seconds).or(Some(error.min_wait().as_secs()));
    match error.class {
        FailureClass::UsageEndpointThrottled | FailureClass::Throttled => {
            ReadError::Throttled { retry_after_s: wait }
        }
        class if class.transient() => ReadError::Unreachable(error.to_string()),
        _ => ReadError::TokenRefused,
    }
}

fn lane() -> Lane {
    Lane {
        id: LaneId(1),
        provider: CLAUDE,
        active: Some(AccountId(1)),
        generation: Generation(1),
        model: None,
        gates: Gates::default(),
    }
}

struct Side(Arc<House>);

impl Side {
    fn kept_of(&self, account: AccountId) -> Kept {
        let state = self.0.state.lock().unwrap();
        let pair = &state.logins[&account];
        Kept {
            access_expires_at: Some(pair.access_ends),
            login_ends_at: Some(pair.login_ends),
            login_since: None,
        }
    }
}

/// The right to renew a parked login.
struct Exchange(Arc<House>, AccountId);

impl Renewal for Exchange {
    fn body(&self) -> Zeroizing<Vec<u8>> {
        let refresh = self.0.state.lock().unwrap().logins[&self.1].refresh.clone();
        let body = serde_json::json!({
            "grant_type": "refresh_token", "refresh_token": refresh, "client_id": CLIENT_ID,
        });
        Zeroizing::new(body.to_string().into_bytes())
    }

    fn finish(self: Box<Self>, answer: Option<TokenAnswer>) -> RefreshReport {
        let later =
            |text: &str| RefreshReport::Later { text: text.to_owned(), retry_after_s: None };
        let Some(answer) = answer else { return later("no answer") };
        let Ok(sent) = serde_json::from_slice::<serde_json::Value>(&answer.body) else {
            return later("no pair");
        };
        let (Some(access), Some(refresh)) =
            (sent["access_token"].as_str(), sent["refresh_token"].as_str())
        else {
            return later("no pair");
        };
        let ends = |key: &str| self.0.now().plus_seconds(sent[key].as_i64().unwrap_or(0));
        let pair = Pair {
            access: access.to_owned(),
            refresh: refresh.to_owned(),
            access_ends: ends("expires_in"),
            login_ends: ends("refresh_token_expires_in"),
            identity: None,
        };
        self.0.state.lock().unwrap().logins.insert(self.1, pair);
        RefreshReport::Kept(Side(Arc::clone(&self.0)).kept_of(self.1))
    }
}

impl Custody for Side {
    fn health(&self) -> Health {
        Health::Ok
    }

    fn seat(&self, _: Provider) -> SeatReport {
        let live = self.0.live();
        let state = self.0.state.lock().unwrap();
        let pair = &state.logins[&live];
        SeatReport::Login(Box::new(SeatLogin {
            identity: Identity { key: self.0.key(live).to_owned(), ..Identity::default() },
            fingerprint: pair.refresh.clone(),
            access_expires_at: Some(pair.access_ends),
            login_ends_at: Some(pair.login_ends),
            misnamed: false,
        }))
    }

    fn capture(&self, _: Provider, account: AccountId, _: &str) -> Result<Kept, PortError> {
        Ok(self.kept_of(account))
    }

    fn kept(&self, _: Provider, account: AccountId) -> Result<Kept, PortError> {
        Ok(self.kept_of(account))
    }

    fn bearer(&self, _: Provider, holder: Holder) -> Result<http::HeaderValue, PortError> {
        let account = match holder {
            Holder::Seat(_) => self.0.live(),
            Holder::Account(account) => account,
        };
        Ok(self.0.bearer_of(account))
    }

    fn begin_refresh(
        &self,
        _: Provider,
        account: AccountId,
        _: bool,
    ) -> Result<Box<dyn Renewal>, RefreshReport> {
        Ok(Box::new(Exchange(Arc::clone(&self.0), account)))
    }

    fn swap(&self, order: &SwapOrder) -> SwapReport {
        let mut state = self.0.state.lock().unwrap();
        if order.generation != state.lane.generation {
            return SwapReport::Stale { text: "The lane has another generation.".to_owned() };
        }
        state.row += 1;
        state.swaps += 1;
        let mut gates = order.gates.clone();
        gates.settled(self.0.clock.now().wall, order.protect_s);
        state.lane.active = Some(order.to.0);
        state.lane.generation.0 += 1;
        state.lane.gates = gates;
        let settled = Settled { lane: state.lane.clone(), residency_seconds: None };
        SwapReport::Committed {
            row: state.row,
            settled: Some(Box::new(settled)),
            lingering: false,
            caveats: Vec::new(),
        }
    }

    fn recover(&self) -> Vec<Recovered> {
        Vec::new()
    }

    fn forget(&self, _: AccountId) -> Result<(), PortError> {
        Ok(())
    }
}

impl Providers for Side {
    fn usage(
        &self,
        _: Provider,
        _: &str,
        bearer: http::HeaderValue,
        _: bool,
    ) -> Pending<UsageAnswer> {
        self.0.ask(bearer)
    }

    fn token(&self, _: Provider, body: Zeroizing<Vec<u8>>) -> Pending<Option<TokenAnswer>> {
        let house = Arc::clone(&self.0);
        Box::pin(async move {
            house.now();
            let asking = tokio::task::spawn_blocking(move || {
                house.real.handle().block_on(house.claude.token(body))
            });
            let reply = asking.await.unwrap().ok()?;
            Some(TokenAnswer { status: reply.status, body: reply.body, retry_after_s: None })
        })
    }

    fn tool_numbers(&self, _: Provider) -> Option<ToolNumbers> {
        self.0.state.lock().unwrap().cached.clone()
    }
}

impl Ledger for Side {
    fn load(&mut self, _: Utc) -> Result<Loaded, PortError> {
        let account = |(id, key, spec): &(AccountId, String, AccountSpec)| KeptAccount {
            account: Account {
                id: *id,
                provider: CLAUDE,
                plan: Plan { weight: Some(spec.weight), ..Plan::default() },
                enabled: true,
                automatic: true,
                login: Login::Valid,
                failures: 0,
                usage: Usage::default(),
                position: id.0,
            },
            identity: Identity { key: key.clone(), ..Identity::default() },
            label: spec.email.clone(),
            kept: Some(self.kept_of(*id)),
        };
        Ok(Loaded {
            accounts: self.0.accounts.iter().map(account).collect(),
            lanes: vec![self.0.state.lock().unwrap().lane.clone()],
            settings: BTreeMap::from([
                ("mode.claude".to_owned(), "auto".into()),
                ("policy".to_owned(), self.0.policy.into()),
            ]),
            ..Loaded::default()
        })
    }

    fn record(&mut self, record: &Record) -> Result<i64, PortError> {
        let mut state = self.0.state.lock().unwrap();
        if let Record::Found { .. } = record {
            return Ok(i64::try_from(state.lane.generation.0).unwrap());
        }
        state.row += 1;
        Ok(state.row)
    }

    fn work(&mut self, _: Utc, _: Utc) -> Result<Vec<(Utc, f64)>, PortError> {
        Ok(Vec::new())
    }

    fn query(&mut self, _: &Query) -> Result<Answer, PortError> {
        Ok(Answer::Decisions { rows: Vec::new() })
    }
}
