//! A view of a plausible afternoon, for tests of what is drawn from it.

use sluice_protocol::{
    AccountId, AccountView, Advice, Cause, Generation, LaneId, LaneView, Login, LoginHealth, Mode,
    NamedWindow, Provider, ProviderView, RunView, View, WindowKind, WindowView,
};

/// 2026-11-22T13:00:00Z, the moment all fixtures are drawn at.
pub const NOW_MS: i64 = 1_795_352_400_000;
const HOUR_MS: i64 = 3_600_000;

/// Three accounts of one provider: one live and half used, one fresh, one that needs a sign-in.
pub fn view() -> View {
    View {
        schema: "sluice/view/1".to_owned(),
        revision: 7,
        at_ms: NOW_MS,
        providers: vec![ProviderView {
            provider: Provider::Claude,
            mode: Mode::Auto,
            paused_until_ms: None,
            live: Some(AccountId(1)),
            unmanaged_login: false,
            observe_only: None,
            next_poll_at_ms: Some(NOW_MS + 90_000),
            advice: None,
            after_turn: None,
            run_out: None,
        }],
        accounts: vec![
            account(1, "Work", true, (42.0, 2.2), (71.0, 76.0)),
            account(2, "Personal", false, (0.0, 5.0), (18.0, 20.0)),
            AccountView {
                login: Login::NeedsSignIn,
                ..account(3, "Studio", false, (96.0, 1.0), (55.0, 100.0))
            },
        ],
        swaps_last_24h: 3,
        ..View::default()
    }
}

/// A lane of a project on the first account.
pub fn lane(id: i64, name: &str, active: i64) -> LaneView {
    LaneView {
        id: LaneId(id),
        provider: Provider::Claude,
        name: name.to_owned(),
        folder: Some(format!("/home/me/{name}")),
        active: Some(AccountId(active)),
        generation: Generation(4),
        since_ms: Some(NOW_MS - HOUR_MS),
        automatic: true,
        ready: vec![AccountId(1), AccountId(2)],
    }
}

/// A tool at work in a lane.
pub fn run(id: &str, lane: i64) -> RunView {
    RunView {
        id: id.to_owned(),
        provider: Provider::Claude,
        account: Some(AccountId(1)),
        lane: Some(LaneId(lane)),
        label: None,
        folder: None,
        program: "claude".to_owned(),
        pid: Some(4242),
        since_ms: NOW_MS - HOUR_MS,
        unknown: false,
        mid_turn: false,
        shadowed: Vec::new(),
    }
}

/// One account; each window as used percent and hours until its reset.
pub fn account(
    id: i64,
    label: &str,
    live: bool,
    five: (f64, f64),
    seven: (f64, f64),
) -> AccountView {
    let window = |(used, hours): (f64, f64)| WindowView {
        used: Some(used),
        resets_at_ms: Some(NOW_MS + (hours * HOUR_MS as f64) as i64),
        ..WindowView::default()
    };
    AccountView {
        id: AccountId(id),
        provider: Provider::Claude,
        label: label.to_owned(),
        email: Some(format!("{}@example.com", label.to_lowercase())),
        organization: None,
        plan: Some("Max 20x".to_owned()),
        live,
        enabled: true,
        automatic: true,
        login: Login::Valid,
        login_ends_at_ms: None,
        login_health: LoginHealth::default(),
        windows: vec![
            NamedWindow::plain(WindowKind::FiveHour, window(five)),
            NamedWindow::plain(WindowKind::SevenDay, window(seven)),
            NamedWindow::plain(WindowKind::named("opus"), window((33.0, seven.1))),
        ],
        blocked: None,
        observed_at_ms: Some(NOW_MS - 40_000),
        refreshing: false,
        tier: Some(1),
        target: Some(80.0),
        stranding: None,
        refusal: None,
        problem: None,
        rests_until_ms: None,
        forecasts: Default::default(),
        resets: None,
        resets_withheld: false,
        fell: Vec::new(),
    }
}

/// Advice to move to an account.
pub fn advice(to: i64, reason: &str) -> Advice {
    let to = AccountId(to);
    let cause = Cause::Advice { provider: Provider::Claude, to };
    Advice { to, reason: reason.to_owned(), decision: 9, cause }
}
