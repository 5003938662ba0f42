//! What custody saw in a seat, in the core's words.

use crate::ports::{Identity, SeatLogin, SeatReport};
use sluice_custody as real;
use sluice_custody::SeatState;
use sluice_engine::{Plan, Provider};
use sluice_protocol::text;

pub(super) fn seat_report(provider: Provider, state: SeatState) -> SeatReport {
    match state {
        SeatState::Absent => SeatReport::Absent,
        SeatState::Stub => SeatReport::Stub,
        SeatState::Unreadable { path, why } => {
            SeatReport::Unreadable(format!("The file {} {why}. {}", path.display(), why.helps()))
        }
        SeatState::Foreign { path, what } => {
            let helps = what.helps(provider);
            SeatReport::Foreign(format!("The file {} {what}. {helps}", path.display()))
        }
        SeatState::Barred(why) => {
            SeatReport::Unreadable(format!("{} {}", sentence(&why.to_string()), why.helps()))
        }
        SeatState::Login(login) => SeatReport::Login(Box::new(seat_login(login))),
    }
}

fn seat_login(login: real::SeatLogin) -> SeatLogin {
    SeatLogin {
        identity: Identity {
            key: login.identity.key.0,
            email: login.identity.email.as_deref().map(text::one_line),
            organization: login.identity.organization.as_deref().map(text::one_line),
            plan: plain_plan(login.plan),
        },
        fingerprint: login.fingerprint.0,
        access_expires_at: login.access_expires_at,
        login_ends_at: login.login_ends_at,
        misnamed: login.misnamed,
    }
}

/// A plan's words come out of a file of the tool.
pub(super) fn plain_plan(plan: Plan) -> Plan {
    Plan {
        subscription: plan.subscription.as_deref().map(text::one_line),
        rate_limit_tier: plan.rate_limit_tier.as_deref().map(text::one_line),
        ..plan
    }
}

/// A message as a sentence.
pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().map(|char| char.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}.", chars.as_str().trim_end_matches('.'))
}
