//! The core against a simulated outside: seats, vault, provider and ledger answer at once, time
//! passes only when a test says so.

mod answers;
mod conditions;
mod conduct;
mod counting;
mod falls;
mod keeping;
mod lanes;
mod modes;
mod notices;
mod polling;
mod recording;
mod reports;
mod resets;
mod rows;
mod turns;
mod walls;
mod weeks;
mod wishes;

use super::*;
use crate::ports::{
    Asks, Health, Holder, Identity, Kept, PortError, ReadError, RefreshReport, SeatLogin,
    SeatReport, Settled, SwapOrder, SwapReport, ToolNumbers,
};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use sluice_engine::WindowKind;
use sluice_engine::observation::Reading;
use sluice_engine::skip::Wall;
use sluice_engine::{
    AccountId, Calendar, Generation, Lane, LaneId, Login, Mono, Percent, Usage, Window,
};
use sluice_protocol::{
    AccountView, Answer, Cause, Code, DecisionAction, Mode, Need, Notice, NoticeKind,
    ReportOutcome, Request, SwapStatus, View,
};

const START: Utc = Utc::from_seconds(1_795_262_400);
const CLAUDE: Provider = Provider::Claude;
const LANE: LaneId = LaneId(1);
/// Access tokens of the simulated provider live this long, seconds.
const ACCESS_S: i64 = 8 * 3_600;

/// Everything outside the core.
struct Outside {
    /// The tool's configuration names another account than the seat's.
    misnamed: bool,
    core: Core,
    now: Now,
    /// Key of the login in the seat.
    seat: Option<String>,
    rotation: u64,
    accounts: BTreeMap<String, AccountId>,
    usage: BTreeMap<AccountId, (f64, f64, i64)>,
    /// Accounts whose plan has no 5-hour window.
    no_short: BTreeSet<AccountId>,
    /// Accounts that may be paid for.
    credits: BTreeMap<AccountId, sluice_engine::Credits>,
    /// Percent of the 5-hour window the live account burns per minute.
    burn: f64,
    settings: BTreeMap<String, serde_json::Value>,
    answers: BTreeMap<CallId, Answer>,
    notices: Vec<Notice>,
    view: View,
    done: Vec<(Utc, Effect)>,
    poll_error: BTreeMap<AccountId, PollError>,
    refresh_error: Option<RefreshReport>,
    swap_error: Option<SwapReport>,
    capture_error: Option<PortError>,
    /// What reading an account's kept login back answers; without one it is there.
    kept_error: BTreeMap<AccountId, PortError>,
    /// The lane as the ledger has it.
    lane: Lane,
    /// Swaps are not answered.
    swaps_hang: bool,
    /// Observations that the ledger has not kept yet, once they are held back.
    unkept: Option<Vec<Input>>,
    /// The ledger does not say yet which generation follows from what was found in the seat.
    finds_hang: bool,
    row: i64,
    /// The row of the last decision to swap.
    decision: Option<i64>,
    /// What writing a decision down answers instead of its row; `Ok` is no answer at all.
    unrecorded: Option<Result<(), PortError>>,
    calls: u64,
    reminders: Vec<(Utc, u64)>,
    lingering: bool,
    /// What a recovery finds.
    recovered: Vec<crate::ports::Recovered>,
    /// What is asked of these accounts' usage and tokens is never answered.
    hung: BTreeSet<AccountId>,
    /// A tool is in the middle of a turn.
    mid_turn: bool,
    /// What the seat shows instead of a login.
    shown: Option<SeatReport>,
    /// What a committed swap is told to be worth.
    caveats: Vec<String>,
    /// What is said of limit resets, where they are asked for.
    said: BTreeMap<AccountId, sluice_engine::grant::Said>,
    /// What comes of a reading that asks for them.
    resets_error: Option<PollError>,
}

fn lane() -> Lane {
    Lane {
        id: LANE,
        provider: CLAUDE,
        active: None,
        generation: Generation(0),
        model: None,
        gates: sluice_engine::Gates::default(),
    }
}

fn window(used: f64, resets_at: Utc) -> Window {
    Window { used: Percent::new(used), resets_at: Some(resets_at) }
}

impl Outside {
    /// Nothing kept, nobody signed in. The policy is the one whose choice follows from the numbers
    /// alone; `horizon` waits for work, which most of these stories do not have.
    fn empty() -> Self {
        let settings = BTreeMap::from([("policy".to_owned(), "tiered".into())]);
        Self::load(Loaded { lanes: vec![lane()], settings, ..Loaded::default() }, None)
    }

    fn load(loaded: Loaded, seat: Option<String>) -> Self {
        let now = Now { wall: START, mono: Mono(0) };
        let settings = loaded.settings.clone();
        let ledger_lane = loaded.lanes.first().cloned().unwrap_or_else(lane);
        let accounts = loaded
            .accounts
            .iter()
            .map(|kept| (kept.identity.key.clone(), kept.account.id))
            .collect();
        let (core, effects) = Core::new(loaded, &[], Options { offline: false, seed: 7 }, now);
        let mut outside = Self {
            core,
            now,
            seat,
            rotation: 0,
            accounts,
            usage: BTreeMap::new(),
            no_short: BTreeSet::new(),
            credits: BTreeMap::new(),
            burn: 0.0,
            settings,
            answers: BTreeMap::new(),
            notices: Vec::new(),
            view: View::default(),
            done: Vec::new(),
            poll_error: BTreeMap::new(),
            refresh_error: None,
            swap_error: None,
            misnamed: false,
            capture_error: None,
            kept_error: BTreeMap::new(),
            lane: ledger_lane,
            swaps_hang: false,
            unkept: None,
            finds_hang: false,
            row: 0,
            decision: None,
            unrecorded: None,
            calls: 0,
            reminders: Vec::new(),
            lingering: false,
            recovered: Vec::new(),
            hung: BTreeSet::new(),
            mid_turn: false,
            shown: None,
            caveats: Vec::new(),
            said: BTreeMap::new(),
            resets_error: None,
        };
        outside.settle(effects);
        outside
    }

    /// Two accounts, the first live: its week ends late, the other's within a day.
    fn pair(mode: &str) -> Self {
        let mut outside = Self::empty();
        outside.sign_in_and_add("a", (10.0, 10.0, 6 * 24));
        outside.sign_in_and_add("b", (0.0, 20.0, 20));
        outside.sign_in("a");
        outside.ask(Request::SetMode {
            provider: CLAUDE,
            mode: serde_json::from_str(&format!("\"{mode}\"")).unwrap(),
        });
        outside.advance(1);
        assert_eq!(outside.view.providers[0].live, Some(outside.id("a")));
        outside.ask(Request::Resume { provider: None });
        outside
    }

    fn id(&self, key: &str) -> AccountId {
        self.accounts[key]
    }

    /// The tool signs in as somebody.
    fn sign_in(&mut self, key: &str) {
        self.seat = Some(key.to_owned());
        self.rotation += 1;
        self.input(Input::SeatTouched(CLAUDE));
    }

    fn sign_in_and_add(&mut self, key: &str, usage: (f64, f64, i64)) -> AccountId {
        self.sign_in(key);
        let answer = self.ask(Request::Add { provider: CLAUDE, label: Some(key.to_uppercase()) });
        let Answer::Account { account } = answer else { panic!("not added: {answer:?}") };
        self.usage.insert(account, usage);
        account
    }

    fn ask(&mut self, request: Request) -> Answer {
        let call = self.begin(request);
        self.answers.remove(&call).expect("an answer")
    }

    fn begin(&mut self, request: Request) -> CallId {
        self.calls += 1;
        let call = CallId(self.calls);
        self.input(Input::Call { call, request });
        call
    }

    fn input(&mut self, input: Input) {
        let effects = self.core.handle(input, self.now);
        self.settle(effects);
    }

    /// Lets time pass, waking the core when it wants to be woken.
    fn advance(&mut self, seconds: i64) {
        let end = self.now.wall.plus_seconds(seconds);
        let mut wakes = 0;
        while let Some(due) = self.next_wake().filter(|due| *due <= end) {
            wakes += 1;
            assert!(wakes <= 100 + seconds, "a busy loop: woken {wakes} times in {seconds} s");
            self.pass(due.max(self.now.wall.plus_seconds(1)));
            self.remind();
            self.input(Input::Tick);
        }
        self.pass(end);
        self.input(Input::Tick);
    }

    fn next_wake(&self) -> Option<Utc> {
        let reminder = self.reminders.iter().map(|(at, _)| *at).min();
        self.core.wake_at().into_iter().chain(reminder).min()
    }

    fn remind(&mut self) {
        let now = self.now.wall;
        let (due, later) =
            core::mem::take(&mut self.reminders).into_iter().partition(|r| r.0 <= now);
        self.reminders = later;
        for (_, id) in Vec::from_iter::<Vec<(Utc, u64)>>(due) {
            self.input(Input::Due(id));
        }
    }

    fn pass(&mut self, to: Utc) {
        let seconds = to.seconds_since(self.now.wall).max(0.0);
        if let Some(live) = self.seat.as_ref().and_then(|key| self.accounts.get(key)) {
            let usage = self.usage.entry(*live).or_insert((0.0, 0.0, 96));
            usage.0 = (usage.0 + self.burn * seconds / 60.0).min(100.0);
            usage.1 = (usage.1 + self.burn * seconds / 600.0).min(100.0);
        }
        self.now.wall = to;
        self.now.mono = Mono(self.now.mono.0 + (seconds * 1_000.0) as i64);
    }

    fn settle(&mut self, effects: Vec<Effect>) {
        let mut queue = VecDeque::from(effects);
        let mut rounds = 0;
        while let Some(effect) = queue.pop_front() {
            rounds += 1;
            assert!(rounds < 10_000, "effects without end");
            self.done.push((self.now.wall, effect.clone()));
            if let Some(input) = self.carry_out(effect) {
                queue.extend(self.core.handle(input, self.now));
            }
        }
    }

    fn carry_out(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::ReadSeat(provider) => Some(Input::SeatRead { provider, report: self.report() }),
            Effect::Capture { provider, account, key } => {
                let result = match &self.capture_error {
                    Some(trouble) => Err(trouble.clone()),
                    None if self.seat.as_ref() == Some(&key) => {
                        self.kept_error.remove(&account);
                        Ok(self.kept())
                    }
                    None => Err(PortError::new(Code::WrongAccount, "Somebody else is signed in.")),
                };
                Some(Input::Captured { provider, account, result })
            }
            Effect::ReadKept { account, .. } => {
                let result = self
                    .kept_error
                    .get(&account)
                    .map_or_else(|| Ok(Kept::default()), |trouble| Err(trouble.clone()));
                Some(Input::KeptRead { account, result })
            }
            Effect::Poll { account, .. } | Effect::Refresh { account, .. }
                if self.hung.contains(&account) =>
            {
                None
            }
            Effect::Poll { account, holder, key, asks: Asks { resets, .. }, .. } => {
                let refused = self.resets_error.clone().filter(|_| resets);
                let read = refused.map_or_else(|| self.poll(account, holder, &key), Err);
                let resets = self.said.get(&account).filter(|_| resets).cloned();
                let result = read.map(|usage| Reading { usage, resets });
                Some(Input::Polled { account, holder, result })
            }
            Effect::Refresh { account, .. } => {
                let report = self.refresh_error.clone().unwrap_or(RefreshReport::Kept(self.kept()));
                Some(Input::Refreshed { account, report })
            }
            Effect::Swap(_) if self.swaps_hang => None,
            Effect::Swap(order) => Some(Input::Swapped(self.swap(&order))),
            Effect::Forget(account) => Some(Input::Forgotten { account, result: Ok(()) }),
            Effect::Store { record, then } => self.store(&record, then),
            Effect::Answer(call, answer) => {
                self.answers.insert(call, *answer);
                None
            }
            Effect::Publish(view) => {
                self.view = *view;
                None
            }
            Effect::Tell { notice, .. } => self.hear(*notice),
            Effect::LookAtRuns => Some(Input::Looked(Box::new(self.look()))),
            Effect::Remind { id, after_s } => {
                self.reminders.push((self.now.wall.plus_seconds(after_s.into()), id));
                None
            }
            Effect::Recover => Some(Input::Recovered(Ok(core::mem::take(&mut self.recovered)))),
            Effect::RestartTool { call, .. } => Some(Input::Restarted { call, result: Ok(()) }),
            Effect::AboutRuns { .. }
            | Effect::Look { .. }
            | Effect::LookForSharedLogins
            | Effect::SettleParked(_)
            | Effect::Metrics { .. }
            | Effect::ForgetMetrics
            | Effect::ReadToolNumbers(_)
            | Effect::ExpandCalendar
            | Effect::Quit => None,
        }
    }

    fn store(&mut self, record: &Record, then: AfterStore) -> Option<Input> {
        let stored = Input::Stored { then, result: self.write(record)? };
        let held = self.unkept.as_mut().filter(|_| matches!(record, Record::Observation(_)));
        let Some(unkept) = held else { return Some(stored) };
        unkept.push(stored);
        None
    }

    /// What the ledger answers; `None`: nothing.
    fn write(&mut self, record: &Record) -> Option<Result<i64, PortError>> {
        match (record, &self.unrecorded) {
            (Record::Decision { .. }, Some(Ok(()))) => None,
            (Record::Decision { .. }, Some(Err(trouble))) => Some(Err(trouble.clone())),
            (Record::Found { .. }, _) if self.finds_hang => None,
            (record, _) => Some(Ok(self.record(record))),
        }
    }

    fn poll(&self, account: AccountId, holder: Holder, key: &str) -> Result<Usage, PollError> {
        match self.poll_error.get(&account) {
            Some(error) => Err(error.clone()),
            None if holder == Holder::Seat(CLAUDE) && self.seat.as_deref() != Some(key) => {
                Err(PollError::OtherLogin)
            }
            None => Ok(self.numbers(account)),
        }
    }

    fn hear(&mut self, notice: Notice) -> Option<Input> {
        self.notices.push(notice);
        None
    }

    /// What the thread of runs would see: the walls as they are known, and whether a turn goes on.
    fn look(&self) -> crate::ports::Look {
        let mid_turn = self.mid_turn.then_some((CLAUDE, 1)).into_iter().collect();
        let walls = self.accounts.values().map(|id| (*id, self.core.skips.of(*id)));
        let walls = walls.filter(|(_, wall)| *wall != Wall::default()).collect();
        crate::ports::Look { walls, mid_turn, ..crate::ports::Look::default() }
    }

    fn report(&self) -> SeatReport {
        if let Some(shown) = &self.shown {
            return shown.clone();
        }
        let Some(key) = &self.seat else { return SeatReport::Absent };
        SeatReport::Login(Box::new(SeatLogin {
            identity: Identity {
                key: key.clone(),
                email: Some(format!("{key}@example.test")),
                ..Identity::default()
            },
            fingerprint: format!("{key}{}", self.rotation),
            access_expires_at: Some(self.now.wall.plus_seconds(ACCESS_S)),
            login_ends_at: None,
            misnamed: self.misnamed,
        }))
    }

    fn kept(&self) -> Kept {
        Kept { access_expires_at: Some(self.now.wall.plus_seconds(ACCESS_S)), ..Kept::default() }
    }

    fn numbers(&self, account: AccountId) -> Usage {
        let (five, seven, hours) = self.usage.get(&account).copied().unwrap_or((0.0, 0.0, 96));
        let week = window(seven, START.plus_seconds(hours * 3_600));
        let mut usage = Usage::default().with(WindowKind::SevenDay, week);
        if !self.no_short.contains(&account) {
            let ends = self.now.wall.plus_seconds(3 * 3_600);
            *usage.of_kind(&WindowKind::FiveHour) = window(five, ends);
        }
        let credits = self.credits.get(&account).cloned();
        Usage { credits, observed_at: Some(self.now.wall), ..usage }
    }

    fn swap(&mut self, order: &SwapOrder) -> SwapReport {
        if let Some(error) = &self.swap_error {
            return error.clone();
        }
        if order.generation != self.lane.generation {
            return SwapReport::Stale { text: "The lane has another generation.".to_owned() };
        }
        assert_eq!(
            order.from.as_ref().map(|from| &from.1),
            self.seat.as_ref(),
            "the journal names who leaves"
        );
        self.seat = Some(order.to.1.clone());
        self.rotation += 1;
        self.row += 1;
        let mut gates = order.gates.clone();
        gates.settled(self.now.wall, order.protect_s);
        self.lane = Lane {
            active: Some(order.to.0),
            generation: Generation(order.generation.0 + 1),
            gates,
            ..self.lane.clone()
        };
        let settled = Settled { lane: self.lane.clone(), residency_seconds: None };
        SwapReport::Committed {
            row: self.row,
            settled: Some(Box::new(settled)),
            lingering: self.lingering,
            caveats: self.caveats.clone(),
        }
    }

    fn record(&mut self, record: &Record) -> i64 {
        match record {
            Record::NewAccount { identity, .. } => {
                let id = AccountId(self.accounts.len() as i64 + 1);
                self.accounts.insert(identity.key.clone(), id);
                id.0
            }
            Record::Setting { key, value } => {
                self.settings.insert(key.clone(), value.clone());
                0
            }
            Record::Gates { generation, gates, .. } => {
                if *generation == self.lane.generation {
                    self.lane.gates = (**gates).clone();
                }
                0
            }
            Record::Found { lane, .. } => {
                if self.lane.active != lane.active {
                    self.lane.generation.0 += 1;
                }
                let generation = self.lane.generation;
                self.lane = Lane { generation, ..(**lane).clone() };
                generation.0 as i64
            }
            record => {
                self.row += 1;
                if let Record::Decision { action: DecisionAction::Swap, .. } = record {
                    self.decision = Some(self.row);
                }
                self.row
            }
        }
    }

    /// What was begun since an instant.
    fn since(&self, from: Utc) -> impl Iterator<Item = &Effect> {
        self.done.iter().filter(move |(at, _)| *at >= from).map(|(_, effect)| effect)
    }

    fn swaps(&self) -> Vec<&SwapOrder> {
        let orders = self.done.iter().filter_map(|(_, effect)| match effect {
            Effect::Swap(order) => Some(&**order),
            _ => None,
        });
        orders.collect()
    }

    fn polls(&self, from: Utc) -> Vec<(Utc, AccountId)> {
        let polls = self.done.iter().filter_map(|(at, effect)| match effect {
            Effect::Poll { account, .. } if *at >= from => Some((*at, *account)),
            _ => None,
        });
        polls.collect()
    }

    fn told(&self, kind: NoticeKind) -> Vec<&Notice> {
        self.notices.iter().filter(|notice| notice.kind == kind).collect()
    }

    /// The ledger's content for a second start.
    fn reload(&self) -> Loaded {
        Loaded {
            accounts: self
                .core
                .world
                .accounts
                .iter()
                .filter_map(|account| self.core.profiles.to_keep(account.id, &self.core.world))
                .collect(),
            lanes: vec![self.lane.clone()],
            memory: self.core.world.memory.clone(),
            resets: self.core.world.resets.clone(),
            watches: self.core.world.watches.clone(),
            settings: self.settings.clone(),
            ..Loaded::default()
        }
    }
}

#[track_caller]
fn code(answer: &Answer) -> Code {
    match answer {
        Answer::Refused(refused) => refused.code,
        other => panic!("no refusal: {other:?}"),
    }
}

fn touches_outside(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::Poll { .. }
            | Effect::Refresh { .. }
            | Effect::Swap(_)
            | Effect::Capture { .. }
            | Effect::SettleParked(_)
    )
}

fn distinct<T: Ord>(items: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    items.into_iter().collect()
}
