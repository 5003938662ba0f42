//! The tray icon, drawn from numbers: bars that fill up (5-hour left, weekly right; one where there is one window), a badge
//! when a person is needed, grey when everything is stopped.
//!
//! The bars stand on their own dark plate with a light rim, so the icon reads on any panel.

use sluice_protocol::View;
use sluice_protocol::limits::{DRAWN_FULL_PERCENT, DRAWN_HIGH_PERCENT};

/// What the icon says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// Used shares of the live account's own windows in percent, the shortest first; `None` is unknown.
    /// One bar each: an account without a short window has one.
    pub bars: Bars,
    /// The state beside the numbers.
    pub state: State,
}

/// The bars of the icon: used shares in percent, `None` is unknown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bars {
    /// Of the one window there is.
    One(Option<f64>),
    /// Of the short window and the long one.
    Two(Option<f64>, Option<f64>),
}

impl Bars {
    fn of(account: &sluice_protocol::AccountView) -> Self {
        let mut used = account.own_windows().map(|named| named.window.used);
        match (used.next(), used.next()) {
            (Some(only), None) => Self::One(only),
            (short, long) => Self::Two(short.flatten(), long.flatten()),
        }
    }
}

/// The state beside the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// All is well.
    Running,
    /// A person is needed: something to mend, a login to keep, the first question, advice.
    NeedsYou,
    /// The kill switch is on.
    Stopped,
}

impl Reading {
    /// The reading of a view. With several live accounts the one closest to a limit counts.
    #[must_use]
    pub fn of(view: &View) -> Self {
        let fullest = |account: &&sluice_protocol::AccountView| {
            let used = account.own_windows().filter_map(|named| named.window.used);
            (used.fold(-1.0, f64::max) * 100.0) as i64
        };
        let live = view.accounts.iter().filter(|account| account.live).max_by_key(fullest);
        let waits = view.first_start
            || !view.needs_you.is_empty()
            || view.providers.iter().any(|provider| {
                provider.unmanaged_login
                    || provider.observe_only.is_some()
                    || provider.advice.is_some()
            });
        Self {
            bars: live.map_or(Bars::Two(None, None), Bars::of),
            state: match (view.stopped, waits) {
                (true, _) => State::Stopped,
                (false, true) => State::NeedsYou,
                (false, false) => State::Running,
            },
        }
    }
}

/// Straight (not premultiplied) RGBA, row by row from the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Width and height in pixels.
    pub side: u32,
    /// `side * side * 4` bytes.
    pub rgba: Vec<u8>,
}

type Rgb = [f64; 3];

const PLATE: Rgb = [24.0, 33.0, 47.0];
const RIM: Rgb = [203.0, 213.0, 225.0];
const TRACK: Rgb = [71.0, 85.0, 105.0];
const CALM: Rgb = [56.0, 189.0, 248.0];
const HIGH: Rgb = [251.0, 191.0, 36.0];
const FULL: Rgb = [248.0, 113.0, 113.0];
const GREY: Rgb = [148.0, 163.0, 184.0];
const BADGE: Rgb = [249.0, 115.0, 22.0];
const WHITE: Rgb = [255.0, 255.0, 255.0];

/// Sub-samples per pixel edge: enough for smooth edges at 22 pixels.
const SAMPLES: u32 = 4;

/// Draws the icon, `side` pixels wide and high.
#[must_use]
pub fn draw(reading: Reading, side: u32) -> Picture {
    let mut rgba = Vec::with_capacity((side * side * 4) as usize);
    for y in 0..side {
        for x in 0..side {
            rgba.extend(pixel(reading, side, x, y));
        }
    }
    Picture { side, rgba }
}

fn pixel(reading: Reading, side: u32, x: u32, y: u32) -> [u8; 4] {
    let step = f64::from(SAMPLES);
    let unit = |pixel: u32, sample: u32| {
        (f64::from(pixel) + (f64::from(sample) + 0.5) / step) / f64::from(side)
    };
    let mut sum = [0.0; 3];
    let mut hits = 0.0;
    for sample_y in 0..SAMPLES {
        for sample_x in 0..SAMPLES {
            if let Some(colour) = colour_at(reading, unit(x, sample_x), unit(y, sample_y)) {
                for channel in 0..3 {
                    sum[channel] += colour[channel];
                }
                hits += 1.0;
            }
        }
    }
    if hits == 0.0 {
        return [0; 4];
    }
    let channel = |index: usize| (sum[index] / hits).round() as u8;
    [channel(0), channel(1), channel(2), (hits / (step * step) * 255.0).round() as u8]
}

/// The colour at a point of the unit square; `None` is transparent.
fn colour_at(reading: Reading, x: f64, y: f64) -> Option<Rgb> {
    if reading.state == State::NeedsYou
        && let Some(badge) = badge_at(x, y)
    {
        return badge;
    }
    if !rounded((0.02, 0.02, 0.98, 0.98), 0.2, x, y) {
        return None;
    }
    if !rounded((0.07, 0.07, 0.93, 0.93), 0.16, x, y) {
        return Some(RIM);
    }
    let bar = |left, width, used| bar_at((left, width), used, reading.state, x, y);
    let found = match reading.bars {
        Bars::One(used) => bar(0.18, 0.64, used),
        Bars::Two(short, long) => bar(0.18, 0.28, short).or_else(|| bar(0.54, 0.28, long)),
    };
    Some(found.unwrap_or(PLATE))
}

/// A dot with a rim of nothing around it, lower right: `Some(None)` is the cut-out.
fn badge_at(x: f64, y: f64) -> Option<Option<Rgb>> {
    let distance = ((x - 0.74).powi(2) + (y - 0.74).powi(2)).sqrt();
    if distance > 0.31 {
        return None;
    }
    if distance > 0.26 {
        return Some(None);
    }
    let stroke = (x - 0.74).abs() < 0.045;
    let mark = stroke && ((0.58..0.77).contains(&y) || (0.82..0.90).contains(&y));
    Some(Some(if mark { WHITE } else { BADGE }))
}

fn bar_at(
    (left, width): (f64, f64),
    used: Option<f64>,
    state: State,
    x: f64,
    y: f64,
) -> Option<Rgb> {
    const TOP: f64 = 0.17;
    const BOTTOM: f64 = 0.83;
    if !rounded((left, TOP, left + width, BOTTOM), 0.05, x, y) {
        return None;
    }
    let Some(used) = used else {
        // Unknown is a dash in the middle of an empty track, not an empty bar.
        let dash = (0.46..0.54).contains(&y) && x > left + 0.06 && x < left + width - 0.06;
        return Some(if dash { GREY } else { TRACK });
    };
    let share = (used / 100.0).clamp(0.0, 1.0);
    let filled = y >= BOTTOM - share * (BOTTOM - TOP);
    Some(match (filled, state) {
        (false, _) => TRACK,
        (true, State::Stopped) => GREY,
        (true, State::Running | State::NeedsYou) => level(used),
    })
}

/// The colour of a level, the same steps as on the accounts page.
const fn level(used: f64) -> Rgb {
    if used >= DRAWN_FULL_PERCENT {
        FULL
    } else if used >= DRAWN_HIGH_PERCENT {
        HIGH
    } else {
        CALM
    }
}

fn rounded(edges: (f64, f64, f64, f64), radius: f64, x: f64, y: f64) -> bool {
    let (left, top, right, bottom) = edges;
    if x < left || x > right || y < top || y > bottom {
        return false;
    }
    let dx = (left + radius - x).max(x - (right - radius)).max(0.0);
    let dy = (top + radius - y).max(y - (bottom - radius)).max(0.0);
    dx * dx + dy * dy <= radius * radius
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use sluice_protocol::WindowKind;
    use sluice_protocol::{Need, NeedsYou};

    const PLAIN: Reading =
        Reading { bars: Bars::Two(Some(50.0), Some(95.0)), state: State::Running };

    fn at(picture: &Picture, x: f64, y: f64) -> [u8; 4] {
        let side = f64::from(picture.side);
        let index = ((y * side) as usize * picture.side as usize + (x * side) as usize) * 4;
        let bytes = &picture.rgba[index..index + 4];
        [bytes[0], bytes[1], bytes[2], bytes[3]]
    }

    fn opaque(colour: Rgb) -> [u8; 4] {
        [colour[0] as u8, colour[1] as u8, colour[2] as u8, 255]
    }

    #[test]
    fn bars_fill_from_the_bottom_in_the_colour_of_their_level() {
        let picture = draw(PLAIN, 64);
        assert_eq!(picture.rgba.len(), 64 * 64 * 4);
        assert_eq!(at(&picture, 0.32, 0.70), opaque(CALM), "half full below the middle");
        assert_eq!(at(&picture, 0.32, 0.30), opaque(TRACK), "empty above it");
        assert_eq!(at(&picture, 0.68, 0.30), opaque(FULL), "95 % reaches up there");
    }

    #[test]
    fn the_filled_area_grows_with_the_use() {
        let filled = |used: f64| {
            let picture = draw(Reading { bars: Bars::Two(Some(used), Some(95.0)), ..PLAIN }, 32);
            picture.rgba.chunks(4).filter(|p| p[..3] == opaque(CALM)[..3]).count()
        };
        let counts: Vec<usize> = [0.0, 20.0, 40.0, 60.0].map(filled).to_vec();
        assert_eq!(counts[0], 0);
        assert!(counts.is_sorted_by(|a, b| a < b), "{counts:?}");
    }

    #[test]
    fn unknown_does_not_look_like_zero() {
        let unknown = draw(Reading { bars: Bars::Two(None, Some(95.0)), ..PLAIN }, 32);
        let zero = draw(Reading { bars: Bars::Two(Some(0.0), Some(95.0)), ..PLAIN }, 32);
        assert_ne!(unknown, zero);
    }

    #[test]
    fn an_account_without_a_short_window_has_one_bar() {
        let mut view = fixture::view();
        let live = view.accounts.iter_mut().find(|account| account.live).unwrap();
        live.windows.retain(|named| named.kind != WindowKind::FiveHour);
        let week = live.window(&WindowKind::SevenDay).unwrap().used;
        view.accounts.retain(|account| account.live);
        let reading = Reading::of(&view);
        assert_eq!(reading.bars, Bars::One(week));
        let picture = draw(Reading { bars: Bars::One(Some(50.0)), ..PLAIN }, 64);
        assert_eq!(at(&picture, 0.50, 0.70), opaque(CALM), "the bar goes across the middle");
        assert_eq!(at(&picture, 0.50, 0.30), opaque(TRACK));
    }

    #[test]
    fn the_three_states_differ_and_stopped_has_no_colour() {
        let running = draw(PLAIN, 22);
        let needs = draw(Reading { state: State::NeedsYou, ..PLAIN }, 22);
        let stopped = draw(Reading { state: State::Stopped, ..PLAIN }, 22);
        assert_ne!(running, needs);
        assert_ne!(running, stopped);
        let spread = |p: &[u8]| p[..3].iter().max().unwrap() - p[..3].iter().min().unwrap();
        assert!(stopped.rgba.chunks(4).all(|pixel| spread(pixel) < 60));
        assert!(needs.rgba.chunks(4).any(|pixel| spread(pixel) > 150));
    }

    /// On black and on white every shape must stand off what is behind it by WCAG's 3:1.
    #[test]
    fn legible_on_light_and_dark_panels() {
        let luminance = |colour: Rgb| {
            let linear = |channel: f64| {
                let value = channel / 255.0;
                if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * linear(colour[0]) + 0.7152 * linear(colour[1]) + 0.0722 * linear(colour[2])
        };
        let contrast = |one: Rgb, other: Rgb| {
            let (a, b) = (luminance(one), luminance(other));
            (a.max(b) + 0.05) / (a.min(b) + 0.05)
        };
        assert!(contrast(RIM, [0.0; 3]) > 3.0, "rim on a black panel");
        assert!(contrast(PLATE, WHITE) > 3.0, "plate on a white panel");
        for fill in [CALM, HIGH, FULL, GREY] {
            assert!(contrast(fill, PLATE) > 3.0, "{fill:?} on the plate");
        }
        for fill in [CALM, HIGH, FULL] {
            assert!(contrast(fill, TRACK) > 2.0, "{fill:?} on its track");
        }
    }

    #[test]
    fn the_reading_follows_the_view() {
        let mut view = fixture::view();
        let wanted = Reading { bars: Bars::Two(Some(42.0), Some(71.0)), state: State::Running };
        assert_eq!(Reading::of(&view), wanted);
        view.needs_you.push(NeedsYou { code: Need::Keychain, account: None, text: String::new() });
        assert_eq!(Reading::of(&view).state, State::NeedsYou);
        view.stopped = true;
        assert_eq!(Reading::of(&view).state, State::Stopped);
        view.accounts.clear();
        assert_eq!(Reading::of(&view).bars, Bars::Two(None, None));
    }
}
