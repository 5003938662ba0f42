//! Where a lane goes when its account fails. Many lanes may leave one account at once; they spread over
//! the others by what those have left, so that they do not fill the next one together.

use crate::limits::FULL_PERCENT;
use crate::units::{AccountId, Utc};
use core::cmp::Ordering;

/// Accounts whose use differs by less than this many points count as equally good.
pub const BAND_POINTS: f64 = 10.0;

/// An account that could take the lane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// The account that could take the lane.
    pub account: AccountId,
    /// Use of its fuller window in percent; `None` is unknown, which ranks after everything known.
    pub used: Option<f64>,
    /// Lanes that moved there lately; their use is not in the numbers yet, so each counts a band.
    pub moved: u32,
    /// Lanes on it and tools at work on it.
    pub load: u32,
    /// When its fuller window empties.
    pub resets_at: Option<Utc>,
    /// The person's order.
    pub position: i64,
}

/// The best place, `None` when nothing has room. Does not depend on the order of `places`.
#[must_use]
pub fn choose(places: &[Place]) -> Option<AccountId> {
    places
        .iter()
        .filter(|place| place.used.is_none_or(|used| used < FULL_PERCENT))
        .min_by(|a, b| rank(a, b))
        .map(|place| place.account)
}

fn rank(a: &Place, b: &Place) -> Ordering {
    band(a)
        .cmp(&band(b))
        .then(a.load.cmp(&b.load))
        .then(reset(a).cmp(&reset(b)))
        .then(a.position.cmp(&b.position))
        .then(a.account.cmp(&b.account))
}

/// Known before unknown, then tens of percent with one more per lane that moved lately.
fn band(place: &Place) -> (bool, u32) {
    let tens = place.used.map_or(0, |used| {
        // Ten comparisons instead of a cast: no rounding to argue about.
        (1..=10).take_while(|n| used >= f64::from(*n) * BAND_POINTS).count() as u32
    });
    (place.used.is_none(), tens.saturating_add(place.moved))
}

/// What empties soonest is used first; unknown comes last.
fn reset(place: &Place) -> Utc {
    place.resets_at.unwrap_or(Utc(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn place(account: i64, used: Option<f64>) -> Place {
        let account = AccountId(account);
        Place { account, used, moved: 0, load: 0, resets_at: None, position: account.0 }
    }

    #[test]
    fn known_room_before_unknown_and_full_never() {
        assert_eq!(choose(&[place(1, None), place(2, Some(95.0))]), Some(AccountId(2)));
        assert_eq!(choose(&[place(1, Some(100.0)), place(2, Some(104.0))]), None);
        assert_eq!(choose(&[place(1, Some(100.0)), place(2, None)]), Some(AccountId(2)));
        assert_eq!(choose(&[]), None);
    }

    #[test]
    fn inside_a_band_the_load_decides_then_the_reset() {
        let mut places = [place(1, Some(11.0)), place(2, Some(19.9))];
        places[0].load = 2;
        assert_eq!(choose(&places), Some(AccountId(2)));
        places[0].load = 0;
        places[1].resets_at = Some(Utc(5));
        assert_eq!(choose(&places), Some(AccountId(2)));
        assert_eq!(choose(&[place(1, Some(10.0)), place(2, Some(9.9))]), Some(AccountId(2)));
    }

    #[test]
    fn thirty_lanes_spread_by_headroom() {
        let mut places = [place(1, Some(5.0)), place(2, Some(35.0)), place(3, Some(65.0))];
        for _ in 0..30 {
            let chosen = choose(&places).unwrap();
            let taken = places.iter_mut().find(|place| place.account == chosen).unwrap();
            taken.moved += 1;
            taken.load += 1;
        }
        let moved: Vec<u32> = places.iter().map(|place| place.moved).collect();
        // Bands 0, 3 and 6 level out at 13: what is left decides how many each takes.
        assert_eq!(moved, [13, 10, 7]);
    }

    #[test]
    fn the_order_in_memory_does_not_matter() {
        let mut places: Vec<Place> =
            (1..8).map(|id| place(id, Some((id * 13 % 50) as f64))).collect();
        let chosen = choose(&places);
        for _ in 0..places.len() {
            places.rotate_left(1);
            assert_eq!(choose(&places), chosen);
        }
        places.reverse();
        assert_eq!(choose(&places), chosen);
    }
}
