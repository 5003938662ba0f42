//! Bounds what one place in the code logs: a line that others can cause as often as they like (connections,
//! clicks, files) must not push everything else out of a log of a few megabytes.
//!
//! Only the levels that are on by default count; a person who asks for more gets all of it.

use crate::clock::Since;
use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use tracing::callsite::Identifier;
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// Lines of one place within [`SPAN_MS`].
const LINES_MAX: u32 = 20;
/// After so long a place begins anew, and what was left out is told (real time).
const SPAN_MS: u64 = 60_000;

/// What each place has logged lately. Bounded by the number of places in the code.
#[derive(Debug, Default)]
struct Places(HashMap<Identifier, Place>);

#[derive(Clone, Debug, Default)]
struct Place {
    /// Where it stands, for people.
    at: String,
    since_ms: u64,
    lines: u32,
    left_out: u64,
}

impl Place {
    /// What was left out, once the span is over; told once.
    fn tell(&mut self, now_ms: u64) -> Option<String> {
        if self.left_out == 0 || now_ms < self.since_ms.saturating_add(SPAN_MS) {
            return None;
        }
        let count = std::mem::take(&mut self.left_out);
        Some(format!("{count} more lines from {} were left out\n", self.at))
    }
}

impl Places {
    /// Whether a line of this place is kept, and what there is to tell before it.
    fn admit(&mut self, metadata: &Metadata<'_>, now_ms: u64) -> (bool, String) {
        if *metadata.level() > Level::INFO {
            return (true, String::new());
        }
        let told: String = self.0.values_mut().filter_map(|place| place.tell(now_ms)).collect();
        let place = self.0.entry(metadata.callsite()).or_insert_with(|| Place {
            at: format!(
                "{}:{}",
                metadata.file().unwrap_or(metadata.target()),
                metadata.line().unwrap_or_default()
            ),
            ..Place::default()
        });
        if place.lines == 0 || now_ms >= place.since_ms.saturating_add(SPAN_MS) {
            (place.since_ms, place.lines) = (now_ms, 0);
        }
        if place.lines >= LINES_MAX {
            place.left_out += 1;
            return (false, told);
        }
        place.lines += 1;
        (true, told)
    }
}

/// A writer of log lines that keeps the bound.
#[derive(Clone, Debug)]
pub(crate) struct Metered<W> {
    inner: W,
    places: Arc<Mutex<Places>>,
    start: Since,
}

impl<W> Metered<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self { inner, places: Arc::default(), start: Since::now() }
    }
}

/// One line on its way, or dropped.
pub(crate) struct Passing<W> {
    /// Told before it, once.
    told: String,
    inner: W,
    kept: bool,
}

impl<W: Write> Write for Passing<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if !self.told.is_empty() {
            self.inner.write_all(std::mem::take(&mut self.told).as_bytes())?;
        }
        if self.kept { self.inner.write(line) } else { Ok(line.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Metered<W> {
    type Writer = Passing<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Passing { told: String::new(), inner: self.inner.make_writer(), kept: true }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Self::Writer {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let (kept, told) = places.admit(metadata, self.start.elapsed_ms());
        Passing { told, inner: self.inner.make_writer_for(metadata), kept }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt as _;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Sink {
        fn lines(&self) -> Vec<String> {
            let bytes = self.0.lock().unwrap();
            String::from_utf8(bytes.clone()).unwrap().lines().map(str::to_owned).collect()
        }
    }

    fn burst() {
        for number in 0..10_000 {
            tracing::warn!(number, "too many connections");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_from_one_place_becomes_a_count() {
        let sink = Sink::default();
        let into = sink.clone();
        let metered = Metered::new(move || into.clone());
        let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(metered);
        let subscriber = tracing_subscriber::registry().with(layer);
        let _default = tracing::subscriber::set_default(subscriber);
        burst();
        tracing::warn!("something else");
        let lines = sink.lines();
        assert_eq!(lines.len(), 21, "{lines:#?}");
        assert!(lines[20].contains("something else"), "another place is heard at once");
        tokio::time::sleep(std::time::Duration::from_secs(61)).await;
        tracing::info!("a minute later");
        let lines = sink.lines();
        assert!(lines[21].starts_with("9980 more lines from "), "{}", lines[21]);
        assert!(lines[21].contains("meter.rs:") && lines[22].contains("a minute later"));
        burst();
        assert_eq!(sink.lines().len(), 23 + 20, "a minute on, it is heard again");
    }
}
