//! What goes wrong or changes, drawn from the seed.

use fastrand::Rng;

/// Something that happens to the world between two ticks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// Reads fail for some minutes.
    Outage(i64),
    /// The wall clock is set by so many seconds.
    ClockJump(i64),
    /// The machine sleeps for some minutes.
    Suspend(i64),
    /// A login dies until somebody signs in again, minutes.
    SignedOut(usize, i64),
    /// A tool or a person changes the seat.
    Clobber(usize),
    /// A person swaps by hand.
    ByHand(usize),
    /// A person pauses automatic swaps, minutes.
    Pause(i64),
    /// The program restarts from its ledger.
    Restart,
    /// An account's plan becomes another one.
    Plan(usize, Change),
    /// Windows are emptied before their end: an account's (a limit reset was spent), or everybody's (a
    /// promotion). The week may begin anew with it.
    Emptied(Option<usize>, bool),
    /// An account's windows come and go with each answer, minutes.
    Wavers(usize, i64),
}

/// What a plan has afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The short window vanishes, or is back.
    Short,
    /// Money takes the place of the windows, or windows that of money.
    Paid,
    /// It grows or shrinks.
    Size,
}

/// Draws what happens in a step of `minutes`; most steps nothing.
pub fn draw(rng: &mut Rng, accounts: usize, minutes: i64) -> Option<Fault> {
    // About two and a half in two days.
    if rng.f64() > minutes as f64 / 600.0 {
        return None;
    }
    let account = rng.usize(0..accounts);
    Some(match rng.u8(0..17) {
        0 | 1 => Fault::Outage(rng.i64(5..240)),
        2 => Fault::ClockJump(jump(rng)),
        3 | 4 => Fault::Suspend(rng.i64(1..43_200).min(rng.i64(1..43_200)).min(rng.i64(1..43_200))),
        5 => Fault::SignedOut(account, rng.i64(30..2_880)),
        6 => Fault::Clobber(account),
        7 => Fault::ByHand(account),
        8 => Fault::Pause(rng.i64(5..600)),
        9 => Fault::Restart,
        10 | 11 => Fault::Plan(account, Change::Short),
        12 if rng.u8(0..3) == 0 => Fault::Plan(account, Change::Paid),
        12 | 13 => Fault::Plan(account, Change::Size),
        14 => Fault::Emptied(Some(account), rng.bool()),
        15 => Fault::Emptied(None, rng.bool()),
        _ => Fault::Wavers(account, rng.i64(60..4_320)),
    })
}

/// Seconds: usually a correction, sometimes an hour (a zone mistaken), rarely months.
fn jump(rng: &mut Rng) -> i64 {
    let size = match rng.u8(0..10) {
        0..=5 => rng.i64(1..120),
        6..=8 => 3_600 * rng.i64(1..24),
        _ => 86_400 * rng.i64(1..300),
    };
    if rng.bool() { size } else { -size }
}
