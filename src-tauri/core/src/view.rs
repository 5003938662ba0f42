//! Builds the view: a pure function of the core's state, so that every front end shows the same.

use crate::seats::Seat;
use crate::{Core, Page};
use alloc::borrow::ToOwned as _;
use alloc::vec::Vec;
use sluice_engine::limits::usage_requests_left;
use sluice_engine::{
    Account, AccountId, Candidate, LaneId, Login, Provider, Usage, Utc, WindowKind,
};
use sluice_protocol::text;
use sluice_protocol::{
    AccountView, BlockedView, DecisionAction, DecisionView, FallView, LoginHealth, LoginView,
    NamedWindow, ProviderView, ResetsView, Swapping, View, WindowView,
};

/// What fell this lately is shown with the account, seconds.
const FELL_S: f64 = 86_400.0;

/// Makes the view of an instant; `revision` and `at_ms` are set where it is published.
#[must_use]
pub(crate) fn view(core: &Core, now: Utc) -> View {
    let mut accounts: Vec<&Account> = core.world.accounts.iter().collect();
    accounts.sort_by_key(|account| (account.position, account.id));
    let day = now.plus_seconds(-86_400);
    View {
        schema: "sluice/view/1".to_owned(),
        revision: 0,
        at_ms: 0,
        stopped: core.settings.stopped,
        first_start: core.settings.modes.is_empty(),
        providers: core
            .world
            .providers()
            .into_iter()
            .filter_map(|one| provider_view(core, one, now))
            .collect(),
        accounts: accounts.into_iter().map(|account| account_view(core, account, now)).collect(),
        needs_you: core.notices.needs(),
        swapping: core.swaps.under_way().filter(|_| !core.swaps.is_overdue()).map(|order| {
            Swapping {
                provider: order.provider,
                from: order.from.as_ref().map(|(account, _)| *account),
                to: order.to.0,
            }
        }),
        bulk: core.wishes.progress(),
        swaps_last_24h: u32::try_from(core.swaps.count_since(day)).unwrap_or(u32::MAX),
        last_decision: core.lanes.newest_decision().filter(|last| is_current(core, last)).cloned(),
        lanes: core.at_work.lanes().to_vec(),
        runs: core.at_work.runs().to_vec(),
        caps: core.at_work.caps().to_vec(),
        week: core.weeks.view(&core.world, planning(core), now),
    }
}

/// The machine's own lanes that decide, and who is live there.
fn planning(core: &Core) -> impl Iterator<Item = (LaneId, Option<AccountId>)> {
    let watched = |provider: &Provider| core.settings.watches(*provider);
    let lane = |one| Some((core.world.lane_of(one)?.id, core.seats.live(one)));
    core.world.providers().into_iter().filter(watched).filter_map(lane)
}

/// What is known, for a collector.
#[must_use]
pub(crate) fn page(core: &Core, show_mail: bool, now: Utc) -> Page {
    let view = View { at_ms: now.millis(), ..view(core, now) };
    let requests_left = core.world.accounts.iter().map(|account| {
        let spent = core.world.memory.get(&account.id);
        let spent = spent.map_or(0, |memory| memory.requests_in_hour(now));
        (account.id, usage_requests_left(spent))
    });
    Page { view, requests_left: requests_left.collect(), show_mail }
}

/// Whether a decision's sentence is still true: a swap by hand, a new sign-in, a failed swap or the
/// kill switch may have overtaken it.
fn is_current(core: &Core, last: &DecisionView) -> bool {
    let live = core.seats.live(last.provider);
    let coming = core.swaps.under_way().is_some_and(|order| Some(order.to.0) == last.target);
    core.settings.watches(last.provider)
        && match last.action {
            DecisionAction::Swap => coming || last.target == live,
            DecisionAction::Stay | DecisionAction::Advise | DecisionAction::Other => {
                last.active == live
            }
        }
}

fn provider_view(core: &Core, provider: Provider, now: Utc) -> Option<ProviderView> {
    let lane = core.world.lane_of(provider)?;
    let seat = core.seats.seat(provider);
    let present = !matches!(seat, None | Some(Seat::Unread | Seat::Empty));
    let configured = core.settings.modes.contains_key(&provider)
        || core.world.accounts.iter().any(|account| account.provider == provider);
    // The usual provider is always shown, or a first start would show nothing at all.
    if !present && !configured && provider != Provider::USUAL {
        return None;
    }
    let live = core.seats.live(provider);
    let watched = core.settings.watches(provider);
    let due = live.and_then(|account| core.polls.due(account));
    Some(ProviderView {
        provider,
        mode: core.settings.mode(provider),
        paused_until_ms: lane.gates.paused_until.filter(|until| *until > now).map(Utc::millis),
        live,
        unmanaged_login: seat == Some(&Seat::Unmanaged),
        observe_only: core.observe_only(provider),
        next_poll_at_ms: due.filter(|_| watched).map(Utc::millis),
        advice: core.lanes.advice(lane.id).cloned(),
        after_turn: core.swaps.after_turn(lane.id),
        run_out: live.and_then(|live| core.foresight.run_out(live, now)).map(Into::into),
    })
}

fn account_view(core: &Core, account: &Account, now: Utc) -> AccountView {
    let identity = core.profiles.identity(account.id);
    let candidate = candidate(core, account);
    let usage = &account.usage;
    let live = core.seats.live(account.provider) == Some(account.id);
    let resets = core.world.resets.get(&account.id);
    AccountView {
        id: account.id,
        provider: account.provider,
        label: core.profiles.label(account.id).to_owned(),
        email: identity.and_then(|identity| identity.email.clone()),
        organization: identity.and_then(|identity| identity.organization.clone()),
        plan: crate::plans::name(&account.plan, account.provider),
        live,
        enabled: account.enabled,
        automatic: account.automatic,
        login: account.login,
        login_ends_at_ms: core
            .profiles
            .kept(account.id)
            .and_then(|kept| kept.login_ends_at)
            .map(Utc::millis),
        login_health: login_health(core, account.id, now),
        windows: windows(usage, now),
        blocked: usage
            .blocked(now)
            .map(|why| BlockedView { why, until_ms: usage.blocked_until().map(Utc::millis) }),
        observed_at_ms: usage.observed_at.map(Utc::millis),
        refreshing: core.polls.is_reading(account.id),
        tier: candidate.map(|one| one.tier),
        target: candidate.and_then(|one| one.target),
        stranding: candidate.and_then(|one| one.stranding),
        refusal: candidate.map(|one| one.refusal),
        problem: core.profiles.problem(account.id).map(str::to_owned),
        rests_until_ms: core.skips.rests_until(account.id, now).map(Utc::millis),
        forecasts: sluice_protocol::outlook::of(account.id, core.foresight.outlooks()),
        resets: resets
            .and_then(|known| ResetsView::of(known, core.reset_counsel(account, known, now), now)),
        resets_withheld: resets.is_some_and(|known| known.withheld),
        fell: fell(core, account.id, now),
    }
}

fn fell(core: &Core, account: AccountId, now: Utc) -> Vec<FallView> {
    let late = core.world.falls(account).iter().filter(|fall| now.seconds_since(fall.at) < FELL_S);
    late.map(FallView::from).collect()
}

fn login_health(core: &Core, account: AccountId, now: Utc) -> LoginHealth {
    let kept = core.profiles.kept(account).unwrap_or_default();
    LoginHealth {
        since_ms: kept.login_since.map(Utc::millis),
        access_ends_at_ms: kept.access_expires_at.map(Utc::millis),
        proven_at_ms: core.profiles.proven_at(account).map(Utc::millis),
        warn_days: kept.login_ends_at.and_then(|ends| crate::last_days(ends, now)),
        also_in: core.profiles.also_in(account).map(str::to_owned),
    }
}

/// What is known of one login.
#[must_use]
pub(crate) fn login_view(core: &Core, account: AccountId, now: Utc) -> LoginView {
    let kept = core.profiles.kept(account);
    LoginView {
        account,
        login: core.world.account(account).map_or(Login::Missing, |found| found.login),
        ends_at_ms: kept.and_then(|kept| kept.login_ends_at).map(Utc::millis),
        health: login_health(core, account, now),
    }
}

fn candidate<'core>(core: &'core Core, account: &Account) -> Option<&'core Candidate> {
    let lane = core.world.lane_of(account.provider)?;
    let last = core.lanes.last_decision(lane.id)?;
    last.candidates.iter().find(|one| one.account == account.id)
}

fn windows(usage: &Usage, now: Utc) -> Vec<NamedWindow> {
    let named = |kind: WindowKind| {
        let shown = usage.shown(&kind, now);
        let window = WindowView {
            used: shown.used.map(sluice_engine::Percent::get),
            resets_at_ms: usage.window(&kind).resets_at.map(Utc::millis),
            emptied_at_ms: shown.emptied_at.map(Utc::millis),
            read_at_ms: usage.read_at(&kind).map(Utc::millis),
            span_ms: (usage.span_s(&kind) * 1_000.0) as i64,
        };
        let amounts = usage.amounts(&kind).cloned();
        let kind = match kind {
            WindowKind::Model(model) => WindowKind::Model(text::one_line(&model)),
            other => WindowKind::named(&text::one_line(other.name())),
        };
        NamedWindow { kind, window, amounts }
    };
    let own = WindowKind::ACCOUNT_WIDE.into_iter().filter(|kind| !usage.lacks(kind));
    let models = usage.models().map(|(_, metered)| metered.kind.clone());
    let further = usage.further().map(|metered| metered.kind.clone());
    own.chain(further).chain(models).map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_engine::{Percent, Window};

    const READ: Utc = Utc::from_seconds(1_795_262_400);

    fn at(minutes: i64) -> Utc {
        READ.plus_seconds(minutes * 60)
    }

    /// The week of a view of `now`, read full at `read` with its reset five minutes after [`READ`].
    fn week(used: Option<f64>, read: Utc, now: Utc) -> WindowView {
        let window = Window { used: used.and_then(Percent::new), resets_at: Some(at(5)) };
        let mut usage = Usage::default();
        usage.take(&Usage::default().with(WindowKind::SevenDay, window), read, true);
        let week = windows(&usage, now).into_iter().next().expect("the week");
        assert_eq!(week.kind, WindowKind::SevenDay, "an absent 5-hour window is not shown");
        week.window
    }

    #[test]
    fn money_stands_where_a_seat_has_no_windows() {
        let mut told = Usage::default();
        let amounts = sluice_engine::Amounts {
            used: Some(10.5),
            limit: Some(25.0),
            currency: Some("EUR".to_owned()),
        };
        let window = Window { used: amounts.share(), resets_at: None };
        told.add(WindowKind::money("spend"), window, Some(amounts.clone()));
        let mut usage = Usage::default();
        usage.take(&told, at(0), true);
        let shown = windows(&usage, at(1));
        let kinds: Vec<&str> = shown.iter().map(|named| named.kind.name()).collect();
        assert_eq!(kinds, ["money:spend"], "the endpoint names no other window");
        assert_eq!(shown[0].amounts.as_ref(), Some(&amounts));
        assert_eq!(shown[0].window.used, Some(42.0));
    }

    #[test]
    fn a_window_past_its_reset_shows_about_nothing_and_since_when() {
        let before = week(Some(100.0), at(0), at(4));
        assert_eq!((before.used, before.emptied_at_ms), (Some(100.0), None));
        let after = week(Some(100.0), at(0), at(9));
        assert_eq!((after.used, after.emptied_at_ms), (Some(0.0), Some(at(5).millis())));
        assert_eq!(before.at(at(9).millis()), after, "an older view, looked at later");
        assert_eq!(after.at(at(60).millis()), after);
        let newer = week(Some(100.0), at(6), at(9));
        assert_eq!((newer.used, newer.emptied_at_ms), (Some(100.0), None));
        assert_eq!(newer.at(at(9).millis()), newer);
        assert_eq!(week(None, at(0), at(9)).used, None, "unknown is never zero");
    }

    #[test]
    fn both_windows_are_expected_until_the_provider_has_spoken() {
        let kinds: Vec<_> =
            windows(&Usage::default(), at(0)).into_iter().map(|one| one.kind).collect();
        assert_eq!(kinds, WindowKind::ACCOUNT_WIDE);
    }
}
