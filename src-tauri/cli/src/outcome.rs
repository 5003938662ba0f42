//! What a command ends with: a document and its words, or a refusal; printed, with the exit code.

use crate::{Exit, render};
use sluice_protocol::{Answer, Code, Refused, Remedy};

/// What a command ends with.
pub enum Outcome {
    /// One document: `json` gets a schema, `text` is for people.
    Shown {
        /// The document.
        json: serde_json::Value,
        /// The same in words.
        text: String,
    },
    Refused(Refused),
}

/// A document and the same in words.
pub fn shown(json: serde_json::Value, text: impl Into<String>) -> Outcome {
    Outcome::Shown { json, text: text.into() }
}

/// Who drives, as far as a command can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// One that answers.
    Running,
    /// One that was there and did not answer; what is shown was read beside it.
    Silent,
    /// Nobody; what is shown was read by the command itself.
    None,
}

impl Driver {
    /// The word in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Silent => "silent",
            Self::None => "none",
        }
    }

    /// What a person should know about it.
    pub const fn text(self) -> Option<&'static str> {
        match self {
            Self::Running => None,
            Self::Silent => Some(
                "A driver is there and does not answer; this was read beside it. `sluice doctor` \
                 looks for trouble.",
            ),
            Self::None => Some(
                "No driver is running, so nothing is read or swapped: start the tray \
                 (`sluice-app`) or `sluice daemon`.",
            ),
        }
    }
}

/// Prints an outcome.
pub fn finish(name: &str, outcome: Outcome, json: bool) -> Exit {
    let (document, text, exit) = match outcome {
        Outcome::Shown { json, text } => (json, text, Exit::Done),
        Outcome::Refused(refused) => {
            let exit = match refused.code.remedy() {
                Remedy::AskAnew => Exit::Usage,
                Remedy::Wait => Exit::Later,
                Remedy::Mend => Exit::Failed,
            };
            if !json {
                render::complain(&refused.text);
            }
            (serde_json::json!({ "refused": refused }), String::new(), exit)
        }
    };
    if json {
        render::document(name, document);
    } else if !text.is_empty() {
        render::say(&text);
    }
    exit
}

/// An answer of the wrong kind: the two sides are of different versions.
pub fn unexpected(answer: &Answer) -> Refused {
    tracing::debug!(?answer, "an answer of the wrong kind");
    let text = "The running Sluice gave an answer this command does not know; are they of the same version?";
    Refused::new(Code::Version, text)
}
