//! What a run without a person at it says on standard output. Only structured events and fixed
//! wordings at the start of a line count; prose is passed on unread.

use crate::render;
use sluice_driver::parts::engine::skip::FailureKind;
use sluice_driver::parts::engine::{Provider, Utc};
use sluice_driver::parts::providers::FailureClass;
use sluice_driver::parts::providers::claude::signals::parse_stream_line;
use sluice_driver::parts::providers::codex::signals::{Message, parse_message};
use sluice_driver::parts::providers::spoken::{Spoken, reset_said};
use sluice_driver::parts::providers::words::{Speaker, classify_text};
use sluice_driver::spoken;
use std::ffi::OsString;
use std::io::Write as _;

/// What is kept back while nothing was produced yet.
const HELD_MAX: usize = 64 * 1024;

/// Whether standard output is looked at: only for a known tool in its mode without a person.
pub fn wanted(provider: Provider, program: &str, command: &[OsString]) -> bool {
    let has = |word: &str| command.iter().skip(1).any(|given| given == word);
    match provider {
        Provider::Claude => program.starts_with("claude") && (has("-p") || has("--print")),
        Provider::Codex => program.starts_with("codex") && has("exec"),
    }
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

/// The window a class names, as the engine calls it.
pub const fn window(class: FailureClass) -> &'static str {
    match class {
        FailureClass::WeeklyLimit => "seven_day",
        _ => "five_hour",
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
}

/// What came of a run.
pub struct Evidence {
    /// The failure of the account.
    pub failure: Option<Seen>,
    /// Something was produced and passed on.
    pub produced: bool,
    held: Vec<u8>,
}

impl Evidence {
    /// Passes on what was kept back.
    pub fn show(&self) {
        pass(&self.held);
    }
}

/// Standard output on its way through.
pub struct Held {
    provider: Provider,
    line: Vec<u8>,
    held: Vec<u8>,
    produced: bool,
    seen: Option<Seen>,
}

enum Judged {
    Content,
    Noise,
    Failure(Seen),
}

fn pass(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    // A closed pipe is the reader's choice; the tool learns of it by itself.
    let _closed = out.write_all(bytes).and_then(|()| out.flush());
}

impl Held {
    /// Nothing was said yet.
    pub const fn new(provider: Provider) -> Self {
        Self { provider, line: Vec::new(), held: Vec::new(), produced: false, seen: None }
    }

    /// Takes what the tool wrote. Nothing is kept back once something was produced.
    pub fn feed(&mut self, chunk: &[u8]) {
        if self.produced {
            pass(chunk);
        } else {
            self.held.extend_from_slice(chunk);
        }
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            if self.line.len() < HELD_MAX {
                self.line.extend_from_slice(piece);
            }
            if piece.ends_with(b"\n") {
                self.judge_line();
            }
        }
        if self.held.len() > HELD_MAX {
            self.let_go();
        }
    }

    fn judge_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        match judge(self.provider, &line) {
            Judged::Noise => {}
            Judged::Failure(seen) => {
                // The reset is told, as a number, before the result that names the failure in words.
                let resets_at = self.seen.and_then(|known| known.resets_at).or(seen.resets_at);
                self.seen = Some(Seen { resets_at, ..seen });
            }
            Judged::Content => self.let_go(),
        }
    }

    fn let_go(&mut self) {
        self.produced = true;
        pass(&std::mem::take(&mut self.held));
    }

    /// The tool ended. A wording alone counts only with a failing exit code.
    pub fn end(mut self, success: bool) -> Evidence {
        if !self.line.is_empty() {
            self.judge_line();
        }
        let failure = self.seen.filter(|seen| seen.structured || !success);
        Evidence { failure, produced: self.produced, held: self.held }
    }
}

fn judge(provider: Provider, line: &[u8]) -> Judged {
    let text = String::from_utf8_lossy(line);
    let text = text.trim();
    if text.is_empty() {
        return Judged::Noise;
    }
    if !text.starts_with('{') {
        let speaker = match provider {
            Provider::Claude => Speaker::Claude,
            Provider::Codex => Speaker::Codex,
        };
        let class = classify_text(speaker, text);
        return match class.and_then(|class| kind(class).map(|kind| (class, kind))) {
            Some((class, kind)) => {
                let resets_at = reset_said(text).and_then(|said| meant(&said));
                Judged::Failure(Seen { class, kind, resets_at, structured: false })
            }
            None => Judged::Content,
        };
    }
    let (class, resets_at) = match provider {
        Provider::Claude => {
            let signal = parse_stream_line(text.as_bytes());
            (signal.class, signal.resets_at.or_else(|| meant(&signal.spoken?)))
        }
        Provider::Codex => match parse_message(text.as_bytes()) {
            Message::Failed(class) => (Some(class), None),
            _ => (None, None),
        },
    };
    match class {
        Some(class) => match kind(class) {
            Some(kind) => Judged::Failure(Seen { class, kind, resets_at, structured: true }),
            None => Judged::Content,
        },
        None if is_noise(text) => Judged::Noise,
        None => Judged::Content,
    }
}

/// The tool speaks in the zone of this process.
fn meant(said: &Spoken) -> Option<Utc> {
    spoken::instant(said, spoken::local_zone(), super::now())
}

/// Events that tell of the run and not of its work.
fn is_noise(text: &str) -> bool {
    let document: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    matches!(
        document["type"].as_str(),
        Some("system" | "rate_limit_event" | "thread.started" | "turn.started")
    )
}

/// Says on standard error that a run could not be reported.
pub fn unreported(why: &str) {
    render::complain(&format!("the failure could not be reported: {why}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lines: &str, success: bool) -> Evidence {
        let mut held = Held::new(Provider::Claude);
        // Torn anywhere, as a pipe does it.
        for chunk in lines.as_bytes().chunks(7) {
            held.feed(chunk);
        }
        held.end(success)
    }

    const INIT: &str = "{\"type\":\"system\",\"subtype\":\"init\"}\n";

    #[test]
    fn a_rejected_limit_event_and_its_result_are_one_failure_and_no_product() {
        let limit = "{\"type\":\"rate_limit_event\",\"rate_limit_info\":{\"status\":\"rejected\",\
                     \"rateLimitType\":\"five_hour\",\"resetsAt\":1790009000}}\n";
        let result = "{\"type\":\"result\",\"is_error\":true,\"result\":\"You've hit your session \
                      limit \u{b7} resets 3:45pm\",\"api_error_status\":429}\n";
        let evidence = told(&format!("{INIT}{limit}{result}"), false);
        let seen = evidence.failure.unwrap();
        assert_eq!((seen.kind, seen.structured), (FailureKind::RateLimit, true));
        assert_eq!(seen.resets_at, Some(Utc::from_seconds(1_790_009_000)));
        assert!(!evidence.produced);
    }

    #[test]
    fn a_fixed_wording_counts_only_when_the_tool_failed() {
        let text = "You've hit your session limit \u{b7} resets 3:45pm\n";
        assert_eq!(told(text, false).failure.unwrap().kind, FailureKind::RateLimit);
        assert_eq!(told(text, true).failure, None);
    }

    #[test]
    fn prose_about_limits_is_content() {
        for line in [
            "The rate limit of 429 requests is documented here.",
            "line 4290: opus weekly",
            "You have used 91 % of your session limit",
            "error: the test quotes \"You've hit your session limit\"",
            "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"You've hit your session limit\"}]}}",
            "{\"type\":\"result\",\"is_error\":false,\"result\":\"rate limit 429\"}",
            "Zoom",
        ] {
            let evidence = told(&format!("{line}\n"), false);
            assert_eq!(evidence.failure, None, "{line}");
            assert!(evidence.produced, "{line}");
        }
    }

    #[test]
    fn what_passes_by_itself_is_no_failure_of_the_account() {
        for (status, text) in [(529, "Overloaded"), (500, "Internal"), (429, "Too many requests")] {
            let line = format!(
                "{{\"type\":\"result\",\"is_error\":true,\"result\":\"API Error: {text}\",\
                 \"api_error_status\":{status}}}\n"
            );
            assert_eq!(told(&line, false).failure, None, "{status}");
        }
    }
}
