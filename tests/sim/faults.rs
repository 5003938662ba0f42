//! What goes wrong, drawn from the seed.

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
}

/// Draws what happens in a step of `minutes`; most steps nothing.
pub fn draw(rng: &mut Rng, accounts: usize, minutes: i64) -> Option<Fault> {
    // About three faults in two days.
    if rng.f64() > minutes as f64 / 1_000.0 {
        return None;
    }
    let account = rng.usize(0..accounts);
    Some(match rng.u8(0..10) {
        0 | 1 => Fault::Outage(rng.i64(5..240)),
        2 => Fault::ClockJump(jump(rng)),
        3 | 4 => Fault::Suspend(rng.i64(1..43_200).min(rng.i64(1..43_200)).min(rng.i64(1..43_200))),
        5 => Fault::SignedOut(account, rng.i64(30..2_880)),
        6 => Fault::Clobber(account),
        7 => Fault::ByHand(account),
        8 => Fault::Pause(rng.i64(5..600)),
        _ => Fault::Restart,
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
