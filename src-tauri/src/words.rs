//! Numbers and instants as the person reads them. Unknown is a dash, never zero.

use chrono::{DateTime, FixedOffset, Local, Offset as _, TimeZone as _, Utc};
use sluice_protocol::words::{share, wait};
use sluice_protocol::{AccountView, Login, WindowKind, WindowView};

const MINUTE_MS: i64 = 60_000;

/// The wall clock and the offset of the person's zone at that moment, read once per drawing.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// The person's offset from UTC.
    pub offset: FixedOffset,
}

impl Moment {
    /// The moment in the zone of this machine.
    #[must_use]
    pub fn at(at_ms: i64) -> Self {
        let zone = Local.timestamp_millis_opt(at_ms).single();
        let offset = zone.map_or(Utc.fix(), |there| *there.offset());
        Self { at_ms, offset }
    }

    fn local(self, at_ms: i64) -> Option<DateTime<FixedOffset>> {
        self.offset.timestamp_millis_opt(at_ms).single()
    }

    /// `14:05` today, `Tue 14:05` within a week, else `24 Nov 14:05`.
    #[must_use]
    pub fn clock(self, at_ms: i64) -> String {
        let (Some(then), Some(now)) = (self.local(at_ms), self.local(self.at_ms)) else {
            return "–".to_owned();
        };
        let days = (then.date_naive() - now.date_naive()).num_days();
        let form = match days {
            0 => "%H:%M",
            -6..=6 => "%a %H:%M",
            _ => "%-d %b %H:%M",
        };
        then.format(form).to_string()
    }

    /// Six in the morning of the next local day: what "until tomorrow" means to somebody who stops
    /// for today.
    #[must_use]
    pub fn tomorrow_ms(self) -> i64 {
        let next = self
            .local(self.at_ms)
            .and_then(|now| now.date_naive().succ_opt())
            .and_then(|day| day.and_hms_opt(6, 0, 0))
            .and_then(|naive| self.offset.from_local_datetime(&naive).single());
        next.map_or(self.at_ms + 12 * 60 * MINUTE_MS, |then| then.timestamp_millis())
    }
}

/// A window of the account as a whole, in as few letters as a menu has room for.
const fn short_name(kind: &WindowKind) -> &'static str {
    match kind {
        WindowKind::FiveHour => "5h",
        WindowKind::Money(_) => "spent",
        _ => "7d",
    }
}

/// The windows of the account as a whole with their names, as they count now.
fn own(account: &AccountView, now_ms: i64) -> Vec<(&'static str, WindowView)> {
    let own = account.own_windows();
    own.map(|named| (short_name(&named.kind), named.window.at(now_ms))).collect()
}

/// The window that binds: the fullest one, with its name; the first of equals. `None` where there is
/// no window.
#[must_use]
pub fn binding(account: &AccountView, now_ms: i64) -> Option<(&'static str, WindowView)> {
    let own = own(account, now_ms).into_iter();
    own.reduce(|best, next| if next.1.used > best.1.used { next } else { best })
}

/// `5h 42 % · 7d 71 % · 5h resets in 2 h 10 min`, or what emptied and was not read since.
#[must_use]
pub fn windows(account: &AccountView, moment: Moment) -> String {
    let now_ms = moment.at_ms;
    let own = own(account, now_ms);
    let Some((name, window)) = binding(account, now_ms) else { return "no limits told".to_owned() };
    let emptied = own.iter().find_map(|(name, window)| Some((name, window.emptied_at_ms?)));
    let reset = match (emptied, window.resets_at_ms) {
        (Some((name, at)), _) => {
            format!(" · {name} reset at {}, not read since", moment.clock(at))
        }
        (None, Some(at)) if at > now_ms => format!(" · {name} resets in {}", wait(at - now_ms)),
        (None, Some(_) | None) => String::new(),
    };
    let shares: Vec<String> =
        own.iter().map(|(name, window)| format!("{name} {}", share(*window, now_ms))).collect();
    format!("{}{reset}", shares.join(" · "))
}

/// What stands between the account and use, in two or three words.
#[must_use]
pub fn obstacle(account: &AccountView) -> Option<&'static str> {
    match account.login {
        Login::NeedsSignIn => Some("signed out"),
        Login::Missing => Some("no login kept"),
        Login::Valid | Login::Unverified if !account.enabled => Some("off"),
        Login::Valid | Login::Unverified => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use sluice_protocol::NamedWindow;

    fn moment(text: &str) -> Moment {
        let at = DateTime::parse_from_rfc3339(text).expect("instant");
        Moment { at_ms: at.timestamp_millis(), offset: *at.offset() }
    }

    #[test]
    fn the_fuller_window_is_named() {
        let mut account = fixture::view().accounts[0].clone();
        account.windows[0].window =
            WindowView { used: Some(20.0), resets_at_ms: Some(120_000), ..WindowView::default() };
        account.windows[1].window = WindowView {
            used: Some(30.0),
            resets_at_ms: Some(86_400_000),
            ..WindowView::default()
        };
        let said = |account: &AccountView, seconds: i64| {
            let start = moment("2026-11-22T14:00:00+01:00");
            let (mut shown, move_ms) = (account.clone(), start.at_ms);
            for NamedWindow { window, .. } in &mut shown.windows {
                window.resets_at_ms = window.resets_at_ms.map(|at| at + move_ms);
            }
            windows(&shown, Moment { at_ms: move_ms + seconds * 1_000, ..start })
        };
        assert_eq!(said(&account, 0), "5h 20 % · 7d 30 % · 7d resets in 1 d");
        account.windows[1].window = WindowView::default();
        assert_eq!(said(&account, 0), "5h 20 % · 7d – · 5h resets in 2 min");
        assert_eq!(said(&account, 120), "5h ≈ 0 % · 7d – · 5h reset at 14:02, not read since");
        account.windows[0].window = WindowView::default();
        assert_eq!(said(&account, 0), "5h – · 7d –");
        account.windows.remove(0);
        account.windows[0].window.used = Some(9.0);
        assert_eq!(said(&account, 0), "7d 9 %", "a window that is not there is not told of");
        account.windows.clear();
        assert_eq!(said(&account, 0), "no limits told");
    }

    #[test]
    fn instants_are_as_short_as_they_can_be() {
        let now = moment("2026-11-22T09:00:00+01:00");
        let at = |text: &str| now.clock(moment(text).at_ms);
        assert_eq!(at("2026-11-22T14:05:00+01:00"), "14:05");
        assert_eq!(at("2026-11-24T14:05:00+01:00"), "Tue 14:05");
        assert_eq!(at("2026-12-24T14:05:00+01:00"), "24 Dec 14:05");
    }

    #[test]
    fn until_tomorrow_is_the_next_morning() {
        let now = moment("2026-11-22T23:50:00+01:00");
        assert_eq!(now.tomorrow_ms(), moment("2026-11-23T06:00:00+01:00").at_ms);
        let early = moment("2026-11-22T00:30:00+01:00");
        assert_eq!(early.tomorrow_ms(), moment("2026-11-23T06:00:00+01:00").at_ms);
    }
}
