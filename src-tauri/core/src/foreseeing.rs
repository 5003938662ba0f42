//! Looks ahead: forecasts kept up to date, capacity that will expire announced, the day's digest.

use super::effects::Effects;
use super::telling::Texts;
use super::{AfterStore, Core, Record};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use sluice_engine::forecast::{Book, Ended, Kind, Outlook, RunOut, Scene};
use sluice_engine::{Account, AccountId, Now, Utc, World, advise};
use sluice_protocol::outlook::ForecastView;
use sluice_protocol::{Cause, Notice, NoticeAction, words};

/// The book is looked at this often, seconds.
const LOOK_S: f64 = 60.0;
/// And written down this often, seconds.
const KEEP_S: f64 = 3_600.0;
/// Weekly resets this near stand in the day's digest, seconds.
const DIGEST_S: f64 = 2.0 * 86_400.0;
/// Weeks that ended this lately stand in it too, seconds.
const LATELY_S: f64 = 86_400.0;

/// What is foreseen.
#[derive(Debug, Default)]
pub(super) struct Foresight {
    book: Book,
    outlooks: Vec<Outlook>,
    looked: Option<Utc>,
    kept: Option<Utc>,
    /// Weeks that ended lately, for the digest.
    ended: Vec<Ended>,
}

impl Foresight {
    pub(super) fn new(book: Book) -> Self {
        Self { book, ..Self::default() }
    }

    /// A reading came: the next look is due at once.
    pub(super) fn read(&mut self, account: &Account) {
        self.book.read(account);
        self.looked = None;
    }

    /// A window emptied before its reset.
    pub(super) fn fell(&mut self, account: AccountId, kind: Kind) {
        self.book.fell(account, kind);
    }

    /// The account's plan is another one.
    pub(super) fn replanned(&mut self, account: AccountId) {
        self.book.replanned(account);
    }

    /// Written down before its hour: what it would say after a restart is void.
    pub(super) fn keep(&mut self, effects: &mut Effects) {
        effects.store(Record::Forecast(Box::new(self.book.clone())), AfterStore::Nothing);
    }

    /// The forecast of every open window that is known well enough.
    pub(crate) fn outlooks(&self) -> &[Outlook] {
        &self.outlooks
    }

    /// When an account is full if work goes on at its pace.
    pub(crate) fn run_out(&self, account: AccountId, now: Utc) -> Option<RunOut> {
        self.book.run_out(account, now)
    }

    /// What is foreseen from what is known, without letting time pass: for a driver that only
    /// answers.
    pub(super) fn look(&mut self, world: &World, now: Utc) {
        self.outlooks = self.book.outlooks(&scene(world, now));
    }

    /// Lets time pass, once a minute and after each reading. Says whether there is anything to tell.
    fn advance(&mut self, world: &World, now: Utc, effects: &mut Effects) -> bool {
        let since = |at: Option<Utc>| at.map(|at| now.seconds_since(at));
        if since(self.looked).is_some_and(|age| (0.0..LOOK_S).contains(&age)) {
            return false;
        }
        let ended = self.book.advance(&scene(world, now));
        self.looked = Some(now);
        self.look(world, now);
        let weeks: Vec<_> =
            ended.into_iter().filter(|ended| ended.window == Kind::SevenDay).collect();
        for week in &weeks {
            effects.store(Record::Stranded(*week), AfterStore::Nothing);
        }
        let kept = since(self.kept);
        if !weeks.is_empty() || kept.is_none_or(|age| !(0.0..KEEP_S).contains(&age)) {
            self.kept = Some(now);
            effects.store(Record::Forecast(Box::new(self.book.clone())), AfterStore::Nothing);
        }
        self.ended.extend(weeks);
        self.ended.retain(|week| now.seconds_since(week.resets_at) < LATELY_S);
        true
    }

    /// Capacity that will expire unused.
    fn expiring(&self, now: Utc) -> Vec<Outlook> {
        let expiring = self.outlooks.iter().filter(|said| advise::will_expire(said, now));
        expiring.copied().collect()
    }

    /// Once a day, when work begins: what is about to be lost and what was. A day on which there
    /// is neither has none.
    fn digest(&self, texts: Texts<'_>, now: Utc) -> Option<Notice> {
        let calendar = &texts.world().calendar;
        let working = calendar.spans.iter().any(|span| span.0 <= now && now < span.1);
        let midnight = calendar.midnight_before(now).filter(|_| working)?;
        let mut lines = self.digest_ahead(texts, now);
        lines.extend(self.ended.iter().filter(|week| week.unused > advise::WORTH).map(|week| {
            let label = texts.label(week.account);
            format!("{label}: {} of the last week was lost.", words::percent(week.unused))
        }));
        let cause = Cause::Digest { midnight_ms: midnight.millis() };
        (!lines.is_empty()).then(|| Notice::new(cause, "Capacity today", lines.join("\n")))
    }

    fn digest_ahead(&self, texts: Texts<'_>, now: Utc) -> Vec<String> {
        let near = self.outlooks.iter().filter(|said| {
            said.window == Kind::SevenDay
                && said.p50 > advise::WORTH
                && said.resets_at.seconds_since(now) <= DIGEST_S
                && texts.world().account(said.account).is_some_and(|found| found.enabled)
                // What was announced by itself is not said twice.
                && !texts.notices().is_open(&drain_cause(texts, said))
        });
        near.map(|said| {
            format!(
                "{}: {} will be left when its week resets in {}.",
                texts.label(said.account),
                ForecastView::from(said).words(),
                words::span(now, said.resets_at)
            )
        })
        .collect()
    }
}

fn scene(world: &World, now: Utc) -> Scene<'_> {
    Scene { accounts: &world.accounts, lanes: &world.lanes, calendar: &world.calendar, now }
}

impl Core {
    pub(super) fn foresee(&mut self, now: Now) {
        if !self.foresight.advance(&self.world, now.wall, &mut self.effects) {
            return;
        }
        for said in self.foresight.expiring(now.wall) {
            self.tell_drain(&said, now);
        }
        if let Some(digest) = self.foresight.digest(self.texts(), now.wall) {
            self.tell(digest, now);
        }
    }

    /// Capacity that will expire unused, once per account and week, of accounts work may go to.
    fn tell_drain(&mut self, said: &Outlook, now: Now) {
        let Some(found) = self.world.account(said.account) else { return };
        let usable = found.enabled && found.login.is_usable();
        if !usable || !self.settings.watches(found.provider) {
            return;
        }
        let live = self.seats.is_live(said.account);
        let notice = drain(self.texts(), said, live, now.wall);
        self.tell(notice, now);
    }
}

fn drain(texts: Texts<'_>, said: &Outlook, live: bool, now: Utc) -> Notice {
    let cause = drain_cause(texts, said);
    let label = texts.label(said.account);
    let title =
        format!("{label}: {} will expire unused", words::percent(said.p50.max(said.likely)));
    let body = format!(
        "Its week resets in {}. {}",
        words::span(now, said.resets_at),
        if live { "It is live; work now loses nothing." } else { "Route work to it if you can." }
    );
    let mut notice = Notice::new(cause.clone(), title, body);
    if !live {
        notice = notice.with(NoticeAction::route_here(said.account));
    }
    notice.with(NoticeAction::snooze(cause, said.resets_at.millis()))
}

/// One episode per account and week.
fn drain_cause(texts: Texts<'_>, said: &Outlook) -> Cause {
    let account = said.account;
    texts.notices().episode(|hour| Cause::Drain { account, hour }, Some(said.resets_at))
}
