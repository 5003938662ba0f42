//! The kinds of forecasts with outcomes of their own: the error of a forecast three days ahead says nothing
//! about one of two hours.

use super::Way;

/// Edges of work expected over what can be used.
const EDGES: [f64; 6] = [0.15, 0.5, 0.9, 1.4, 2.5, 6.0];
/// Kinds by work expected.
const FITS: usize = EDGES.len() + 1;
/// Kinds by time ahead.
pub(super) const AHEAD: usize = 5;
/// All kinds of one window.
pub(super) const CELLS: usize = AHEAD * FITS * 2;

/// The kind a forecast is of.
pub(super) fn cell(ahead: usize, way: &Way) -> usize {
    let fit = EDGES.iter().filter(|edge| way.fit() >= **edge).count();
    (ahead * FITS + fit) * 2 + usize::from(way.live)
}
