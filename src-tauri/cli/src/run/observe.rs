//! What a run without a person at it prints. Structured events decide. A fixed wording counts only in a mode
//! without structured events, when nothing else was printed.

use crate::render;
use sluice_driver::spoken;
use sluice_engine::skip::{FailureKind, Softer};
use sluice_engine::{Provider, Utc, WindowKind};
use sluice_providers::claude::signals::Numbers;
use sluice_providers::json::Oddities;
use sluice_providers::spoken::{Spoken, reset_said};
use sluice_providers::words::classify_text;
use sluice_providers::{FailureClass, tool};
use std::ffi::OsString;

/// What is kept back while nothing was produced yet, bytes.
const HELD_MAX: usize = 64 * 1024;

/// How a run is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    /// Whose tool.
    pub provider: Provider,
    /// The tool writes one JSON document per line, or one at its end.
    pub structured: bool,
    /// Input is a conversation that the caller leads as it goes.
    pub led: bool,
}

/// How a run is to be looked at: only a known tool in its mode without a person.
pub fn manner(provider: Provider, program: &str, command: &[OsString]) -> Option<Manner> {
    let words: Vec<&str> =
        command.iter().skip(1).map_while(|word| word.to_str()).take_while(|w| *w != "--").collect();
    let has = |word: &str| words.contains(&word);
    let option = |name: &str| {
        let after = words.iter().position(|word| *word == name).and_then(|at| words.get(at + 1));
        let joined = words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        after.copied().or(joined)
    };
    let any = |names: &[&str]| names.iter().any(|name| has(name));
    let formatted = |name: Option<&str>| name.and_then(option).is_some_and(|form| form != "text");
    let unattended = &tool(provider).unattended;
    if !program.starts_with(provider.spec().program) || !any(unattended.words) {
        return None;
    }
    Some(Manner {
        provider,
        structured: any(unattended.structured) || formatted(unattended.output_format),
        led: formatted(unattended.input_format),
    })
}

/// The failure of the account behind a class; `None` when the class says nothing of the account.
pub const fn kind(class: FailureClass) -> Option<FailureKind> {
    use FailureClass as Class;
    match class {
        Class::FiveHourLimit
        | Class::WeeklyLimit
        | Class::DailyLimit
        | Class::ModelWeeklyLimit
        | Class::ModelLimit
        | Class::LimitUnspecified => Some(FailureKind::RateLimit),
        Class::Billing => Some(FailureKind::Billing),
        Class::AuthExpired
        | Class::AuthInvalid
        | Class::AuthRevoked
        | Class::AuthLoginRequired
        | Class::AuthOrgDisabled => Some(FailureKind::Auth),
        _ => None,
    }
}

/// The window a class names; `None` when it names none.
pub const fn window(class: FailureClass) -> Option<WindowKind> {
    match class {
        FailureClass::FiveHourLimit => Some(WindowKind::FiveHour),
        FailureClass::WeeklyLimit => Some(WindowKind::SevenDay),
        _ => None,
    }
}

/// A failure that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The class.
    pub class: FailureClass,
    /// What it means for the account.
    pub kind: FailureKind,
    /// When the window empties.
    pub resets_at: Option<Utc>,
    /// Said in a structured event, not in a fixed wording.
    pub structured: bool,
    /// How the session may go on all the same.
    pub softer: Option<Softer>,
}

impl Seen {
    fn of(class: FailureClass, resets_at: Option<Utc>, structured: bool) -> Option<Self> {
        Some(Self { class, kind: kind(class)?, resets_at, structured, softer: None })
    }

    /// What one event says is not taken back by a later one that says less.
    fn then(self, later: Self) -> Self {
        if self.kind != later.kind {
            return later;
        }
        let vague = |seen: Self| seen.class == FailureClass::LimitUnspecified;
        if self.class != later.class && !vague(self) && !vague(later) {
            return later;
        }
        let class = if vague(later) { self.class } else { later.class };
        // The reset is told as a number before the result that says it in words.
        let resets_at = self.resets_at.or(later.resets_at);
        Self { class, resets_at, softer: later.softer.or(self.softer), ..later }
    }

    /// A window or its end was named.
    fn is_specific(self) -> bool {
        self.class != FailureClass::LimitUnspecified || self.resets_at.is_some()
    }
}

/// What came of a run.
pub struct Evidence {
    /// The failure of the account.
    pub failure: Option<Seen>,
    /// Something was produced and passed on.
    pub produced: bool,
}

/// One channel of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Standard output: what the run produces.
    Output,
    /// Standard error, or both channels in one: how it goes.
    Errors,
}

/// Both channels of a run on their way through.
pub struct Held {
    manner: Manner,
    lines: [Vec<u8>; 2],
    held: Vec<u8>,
    produced: bool,
    /// Work was told of on the channel of errors.
    worked: bool,
    seen: Option<Seen>,
    worded: [Option<Seen>; 2],
    numbers: Option<Numbers>,
}

enum Judged {
    Content,
    Noise,
    Failure(Seen),
    /// The run ended otherwise: with an answer, or for a reason that is not the account's.
    Otherwise,
}

impl Held {
    /// Nothing was said yet.
    pub const fn new(manner: Manner) -> Self {
        Self {
            manner,
            lines: [Vec::new(), Vec::new()],
            held: Vec::new(),
            produced: false,
            worked: false,
            seen: None,
            worded: [None, None],
            numbers: None,
        }
    }

    /// Takes what the tool wrote and gives what is to be passed on now. Nothing is kept back once
    /// something was produced, and nothing of the channel of errors ever is.
    pub fn feed(&mut self, channel: Channel, chunk: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        if self.produced || channel == Channel::Errors {
            out.extend_from_slice(chunk);
        } else {
            self.held.extend_from_slice(chunk);
        }
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            let line = &mut self.lines[channel as usize];
            if line.len() < HELD_MAX {
                line.extend_from_slice(piece);
            }
            if piece.ends_with(b"\n") {
                self.judge_line(channel);
            }
        }
        if self.held.len() > HELD_MAX {
            self.produced = true;
        }
        if self.produced {
            out.append(&mut self.held);
        }
        out
    }

    /// The numbers that were told since this was asked last.
    pub const fn numbers(&mut self) -> Option<Numbers> {
        self.numbers.take()
    }

    fn judge_line(&mut self, channel: Channel) {
        let line = std::mem::take(&mut self.lines[channel as usize]);
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        if !self.manner.structured && !text.starts_with('{') {
            return self.judge_words(channel, text);
        }
        if let Some(read) = tool(self.manner.provider).read_windows {
            self.numbers = read(text.as_bytes()).or(self.numbers.take());
        }
        match (channel, judge(self.manner.provider, text)) {
            (_, Judged::Noise) | (Channel::Errors, Judged::Content) => {}
            (_, Judged::Failure(seen)) => {
                self.seen = Some(self.seen.map_or(seen, |known| known.then(seen)));
            }
            (_, Judged::Otherwise) => self.doubt(),
            (Channel::Output, Judged::Content) => {
                self.doubt();
                self.produced = true;
            }
        }
    }

    /// What came after a guess shows that it was none.
    fn doubt(&mut self) {
        self.seen = self.seen.filter(|seen| seen.is_specific());
    }

    /// Nothing structured exists in this mode. On standard output a wording counts that is all there
    /// is; on standard error the last thing said, before any work.
    fn judge_words(&mut self, channel: Channel, text: &str) {
        let tool = tool(self.manner.provider);
        let resets_at = || reset_said(text).and_then(|said| meant(&said));
        let seen = classify_text(tool.wordings, text)
            .and_then(|class| Seen::of(class, resets_at(), false));
        let before = &mut self.worded[channel as usize];
        match channel {
            Channel::Output if seen.is_none() || before.is_some() => {
                *before = None;
                self.produced = true;
            }
            Channel::Output => *before = seen,
            Channel::Errors => {
                self.worked |= tool.unattended.headings.contains(&text);
                *before = seen;
            }
        }
    }

    /// The tool ended. A wording alone counts only with a failing exit code. What was kept back is
    /// given beside.
    pub fn end(mut self, success: bool) -> (Evidence, Vec<u8>) {
        for channel in [Channel::Output, Channel::Errors] {
            if !self.lines[channel as usize].is_empty() {
                self.judge_line(channel);
            }
        }
        let [output, errors] = self.worded;
        let worded = output.or(errors.filter(|_| !self.worked));
        let worded = worded.filter(|_| !success && !self.produced);
        let mut failure = self.seen.or(worded);
        if let Some(seen) = failure.as_mut().filter(|_| !success) {
            // What was offered to it was of no use: it ended.
            seen.softer = None;
        }
        (Evidence { failure, produced: self.produced || self.worked }, self.held)
    }
}

fn judge(provider: Provider, text: &str) -> Judged {
    if !text.starts_with('{') {
        return Judged::Content;
    }
    let document = Oddities::default().document(text.as_bytes()).unwrap_or_default();
    let signal = (tool(provider).read_line)(text.as_bytes());
    let (class, resets_at) = (signal.class, signal.resets_at.or_else(|| meant(&signal.spoken?)));
    let kind = document["type"].as_str().unwrap_or_default();
    match class.map(|class| (class, Seen::of(class, resets_at, true))) {
        Some((_, Some(seen))) => Judged::Failure(Seen { softer: signal.softer, ..seen }),
        // It says itself that it does not know: what was said before says more.
        Some((FailureClass::Unknown, None)) => Judged::Noise,
        Some(_) => Judged::Otherwise,
        None if kind == "turn.completed" => Judged::Otherwise,
        // The tool's own message about an error, in the place of an answer.
        None if kind == "assistant" && document["error"].is_string() => Judged::Noise,
        None if is_told_only(kind) => Judged::Noise,
        None => Judged::Content,
    }
}

/// The tool speaks in the zone of this process.
fn meant(said: &Spoken) -> Option<Utc> {
    spoken::instant(said, spoken::local_zone(), super::now())
}

/// Events that tell of the run and not of its work.
fn is_told_only(kind: &str) -> bool {
    matches!(
        kind,
        "system" | "rate_limit_event" | "thread.started" | "turn.started" | "error" | "turn.failed"
    )
}

/// Says on standard error that a run could not be reported.
pub fn unreported(why: &str) {
    render::complain(&format!("the failure could not be reported: {why}"));
}

// By its path: fuzzing builds this file from elsewhere.
#[cfg(test)]
#[path = "observe/tests.rs"]
mod tests;
