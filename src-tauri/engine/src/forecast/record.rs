//! How earlier forecasts came out: the measure of what a new one may claim.
//!
//! Each forecast says how much of a window *could* still be used and how much work there is for
//! it. What then was used, as a share of what could have been, is kept by how far ahead the
//! forecast was made and how much work it expected. A new forecast takes its quantiles from the
//! shares its own kind came to, so its bands are as wide as its errors were.

use super::cells::CELLS;
use super::{Kind, prior};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Outcomes kept per kind of forecast; the oldest go first.
const KEPT: usize = 160;

/// What forecasts of one kind of window came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Record {
    cells: Vec<Vec<f32>>,
}

impl Record {
    /// Keeps what a forecast came to: the share of what could be used that was used, 0 to 1.
    pub(super) fn keep(&mut self, cell: usize, share: f64) {
        self.cells.resize(CELLS, Vec::new());
        let Some(kept) = self.cells.get_mut(cell) else { return };
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push(share.clamp(0.0, 1.0) as f32);
    }

    /// What outcomes of this kind came to.
    pub(super) fn shares(&self, kind: Kind, cell: usize) -> Shares {
        let (assumed, each) = prior::shares(kind, cell);
        let mut points: Vec<(f64, f64)> =
            assumed.iter().map(|share| (f64::from(*share) / 100.0, each)).collect();
        let kept = self.cells.get(cell).map(Vec::as_slice).unwrap_or_default();
        points.extend(kept.iter().map(|share| (f64::from(*share), 1.0)));
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total = points.iter().map(|point| point.1).sum();
        Shares { points, total }
    }
}

/// Outcomes of one kind with their weights, the smallest first.
pub(super) struct Shares {
    points: Vec<(f64, f64)>,
    total: f64,
}

impl Shares {
    /// The value that this share of the outcomes stayed below, half of each one's own weight
    /// counting.
    pub(super) fn quantile(&self, share: f64) -> f64 {
        let wanted = share * self.total;
        let (mut below, mut last) = (0.0, None);
        for &(value, weight) in &self.points {
            let middle = below + weight / 2.0;
            if middle >= wanted {
                let Some((before, at)) = last else { return value };
                let step: f64 = middle - at;
                let way = if step > 0.0 { (wanted - at) / step } else { 1.0 };
                return before + (value - before) * way;
            }
            last = Some((value, middle));
            below += weight;
        }
        last.map_or(0.0, |(value, _): (f64, f64)| value)
    }

    /// The shortest span that holds this share of the outcomes. Where many came to the very same,
    /// as at nothing or everything used, it does not spend its misses on both sides.
    pub(super) fn shortest(&self, share: f64) -> (f64, f64) {
        let wanted = share * self.total - 1e-9;
        let (mut inside, mut first) = (0.0, 0);
        let mut best: Option<(f64, f64)> = None;
        for &(high, weight) in &self.points {
            inside += weight;
            while inside - self.points[first].1 >= wanted {
                inside -= self.points[first].1;
                first += 1;
            }
            let low = self.points[first].0;
            if inside >= wanted && best.is_none_or(|(a, b)| high - low < b - a) {
                best = Some((low, high));
            }
        }
        best.unwrap_or((0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Way;
    use super::super::cells::cell;
    use super::*;

    fn way(need: f64) -> Way {
        Way { room: 50.0, most: 40.0, need, live: false }
    }

    #[test]
    fn quantiles_follow_what_happened() {
        let cell = cell(2, &way(20.0));
        let mut record = Record::default();
        for share in 0..64 {
            record.keep(cell, f64::from(share) / 63.0);
        }
        let shares = record.shares(Kind::SevenDay, cell);
        let [low, middle, high] = [0.1, 0.5, 0.9].map(|share| shares.quantile(share));
        assert!(low < 0.25 && (0.3..0.7).contains(&middle) && high > 0.75, "{low} {middle} {high}");
        for _ in 0..KEPT {
            record.keep(cell, 1.0);
        }
        assert!(record.shares(Kind::SevenDay, cell).quantile(0.5) > 0.95, "the newest count");
    }

    #[test]
    fn the_band_spends_no_misses_where_nothing_lies_beyond() {
        let points = |shares: &[f64]| {
            let points: Vec<_> = shares.iter().map(|share| (*share, 1.0)).collect();
            Shares { total: points.len() as f64, points }
        };
        let mass = points(&[0.0, 0.0, 0.0, 0.0, 0.0, 0.2, 0.3, 0.4, 0.5, 1.0]);
        assert_eq!(mass.shortest(0.9), (0.0, 0.5));
        let even = points(&[0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0]);
        assert_eq!(even.shortest(0.9), (0.0, 0.8));
        assert_eq!(points(&[0.7]).shortest(0.9), (0.7, 0.7));
    }

    #[test]
    fn a_kind_is_made_of_time_ahead_work_and_whether_it_is_live() {
        let kinds: Vec<_> = [0.0, 10.0, 30.0, 50.0, 80.0, 200.0, 400.0]
            .into_iter()
            .map(|need| cell(1, &way(need)))
            .collect();
        assert_eq!(kinds, [14, 16, 18, 20, 22, 24, 26]);
        assert_eq!(cell(1, &Way { live: true, ..way(0.0) }), 15);
        assert_eq!(cell(4, &Way { live: true, ..way(1_000.0) }), CELLS - 1);
    }
}
