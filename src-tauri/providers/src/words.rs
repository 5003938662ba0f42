//! Failure texts of the tools: the last resort when nothing structured was said.
//!
//! The wording changes several times a year, so the table has a version and is data: one line per
//! wording, tried from the top. A text that merely quotes a message must not match, so patterns are
//! anchored at the start of a line.

use crate::failure::FailureClass as Class;
use sluice_engine::Utc;

/// Raised with every change of the tables.
pub const VERSION: u32 = 3;
/// Lines of a text looked at, and characters of each.
const LINES_MAX: usize = 12;
const LINE_MAX: usize = 600;
/// Longest run of characters a `%` stands for: a model's name.
const NAME_MAX: usize = 32;

/// A pattern and what it means. `*` is any text, `%` a short name, all else is lower case.
pub type Table = &'static [(&'static str, Class)];

/// What stands before a message without changing it.
const PREFIXES: [&str; 6] = [
    "error: ",
    "api error: ",
    "please run /login · ",
    "failed to authenticate. ",
    "failed to authenticate: ",
    "stream error: ",
];

/// Texts of Claude Code, newest first within a class.
pub const CLAUDE: Table = &[
    ("you've hit your session limit*", Class::FiveHourLimit),
    ("you've hit your 5-hour limit*", Class::FiveHourLimit),
    ("5-hour limit reached*", Class::FiveHourLimit),
    ("session limit reached*", Class::FiveHourLimit),
    ("you've hit your weekly limit*", Class::WeeklyLimit),
    ("weekly limit reached*", Class::WeeklyLimit),
    ("you've hit your daily limit*", Class::DailyLimit),
    ("you've hit your limit*", Class::LimitUnspecified),
    ("you've hit your usage limit*", Class::LimitUnspecified),
    ("you've hit your monthly *", Class::Billing),
    ("you've hit your org's monthly *", Class::Billing),
    ("you've hit your % spend limit*", Class::Billing),
    ("you've hit your spend limit*", Class::Billing),
    ("you've hit your % limit*", Class::ModelWeeklyLimit),
    ("you've reached your % limit*", Class::ModelWeeklyLimit),
    ("claude usage limit reached*", Class::LimitUnspecified),
    ("claude ai usage limit reached*", Class::LimitUnspecified),
    ("usage limit reached*", Class::LimitUnspecified),
    ("spend limit reached*", Class::Billing),
    ("% spend limit reached*", Class::Billing),
    ("% limit reached*", Class::ModelWeeklyLimit),
    ("server is temporarily limiting requests*", Class::Throttled),
    ("request rejected (429)*", Class::Throttled),
    ("429 *", Class::Throttled),
    ("rate limited.*", Class::Throttled),
    ("repeated 529 *", Class::Overloaded),
    ("529 *", Class::Overloaded),
    ("overloaded*", Class::Overloaded),
    ("500 *", Class::ServerError),
    ("502 *", Class::ServerError),
    ("503 *", Class::ServerError),
    ("504 *", Class::ServerError),
    ("internal server error*", Class::ServerError),
    ("not logged in*", Class::AuthLoginRequired),
    ("login expired*", Class::AuthLoginRequired),
    ("oauth session expired*", Class::AuthLoginRequired),
    ("oauth token revoked*", Class::AuthRevoked),
    ("oauth token has been revoked*", Class::AuthRevoked),
    ("*oauth token has expired*", Class::AuthExpired),
    ("*oauth access token has expired*", Class::AuthExpired),
    ("invalid authentication credentials*", Class::AuthInvalid),
    ("401 *invalid authentication credentials*", Class::AuthInvalid),
    ("401 *invalid bearer token*", Class::AuthInvalid),
    ("invalid bearer token*", Class::AuthInvalid),
    ("could not refresh your login because another *", Class::RefreshLockBusy),
    ("failed to refresh oauth token: another *", Class::RefreshLockBusy),
    ("invalid api key*", Class::AuthApiKey),
    ("invalid x-api-key*", Class::AuthApiKey),
    ("credit balance is too low*", Class::Billing),
    ("your credit balance is too low*", Class::Billing),
    ("usage credits required*", Class::Billing),
    ("you're out of *", Class::Billing),
    ("402 *", Class::Billing),
    ("your account does not have access to claude code*", Class::PlanIneligible),
    ("your account has been disabled*", Class::AuthOrgDisabled),
    ("your account has been suspended*", Class::AuthOrgDisabled),
    ("your organization has disabled claude subscription*", Class::AuthOrgDisabled),
    ("your anthropic_api_key belongs to a disabled organization*", Class::AuthOrgDisabled),
    ("*this organization has been disabled*", Class::AuthOrgDisabled),
    (
        "*oauth authentication is currently not allowed for this organization*",
        Class::AuthOrgDisabled,
    ),
    ("*oauth token does not meet scope requirement*", Class::AuthScope),
    ("your login expires *", Class::WarningLoginExpiring),
    ("403 request not allowed*", Class::Forbidden),
    ("request not allowed*", Class::Forbidden),
    ("this credential is only authorized for use with claude code*", Class::Policy),
    ("third-party apps now draw from *", Class::Policy),
    ("claude configuration file at *", Class::ConfigInvalid),
];

/// Texts of Codex.
pub const CODEX: Table = &[
    ("you've hit your usage limit for *", Class::ModelLimit),
    ("you've hit your usage limit*", Class::LimitUnspecified),
    ("the usage limit has been reached*", Class::LimitUnspecified),
    ("your workspace is out of credits*", Class::Billing),
    ("your workspace has reached its *", Class::Billing),
    ("you have reached your workspace*", Class::Billing),
    ("quota exceeded. check your plan*", Class::Billing),
    ("to use codex with your chatgpt plan*", Class::PlanIneligible),
    ("selected model is at capacity*", Class::Overloaded),
    ("we're currently experiencing high demand*", Class::Overloaded),
    ("our servers are currently overloaded*", Class::Overloaded),
    ("exceeded retry limit, last status: 429*", Class::Throttled),
    ("exceeded retry limit, last status: 401*", Class::AuthInvalid),
    ("exceeded retry limit, last status: 403*", Class::Forbidden),
    ("exceeded retry limit, last status: 5*", Class::ServerError),
    (
        "your access token could not be refreshed because you have since *",
        Class::RestartRequiredAfterSwitch,
    ),
    ("your access token could not be refreshed*", Class::AuthLoginRequired),
    ("your authentication token has been invalidated*", Class::AuthInvalid),
    ("not logged in*", Class::AuthLoginRequired),
    ("unknown variant *", Class::ConfigInvalid),
    ("error loading config*", Class::ConfigInvalid),
];

/// The class of a text a tool showed; `None` when no known wording of `table` begins any of its lines.
#[must_use]
pub fn classify_text(table: Table, text: &str) -> Option<Class> {
    text.lines().take(LINES_MAX).find_map(|line| {
        let plain = normal(line);
        std::iter::successors(Some(plain.as_str()), |rest| strip(rest))
            .find_map(|rest| table.iter().find(|(pattern, _)| matches(pattern, rest)))
            .map(|(_, class)| *class)
    })
}

/// The reset an old wording carries as seconds since the epoch: `…limit reached|1795266000`.
#[must_use]
pub fn reset_in_text(text: &str) -> Option<Utc> {
    let digits = text.trim().rsplit_once("limit reached|")?.1;
    let digits = digits.split(|c: char| !c.is_ascii_digit()).next()?;
    crate::json::written_instant(digits)
}

/// The text without one of the prefixes, when it has one.
fn strip(text: &str) -> Option<&str> {
    PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix))
}

/// Lower case, plain quotes and dots, bounded.
fn normal(line: &str) -> String {
    let plain = line.trim().chars().take(LINE_MAX).map(|c| match c {
        '\u{2018}' | '\u{2019}' => '\'',
        '\u{2219}' | '\u{2022}' | '\u{22c5}' => '·',
        '\u{a0}' | '\u{202f}' => ' ',
        c => c.to_ascii_lowercase(),
    });
    plain.collect()
}

/// Whether the whole of `text` fits `pattern`. Linear: `*` and `%` never need a second try, because
/// the next literal is taken where it is first found.
fn matches(pattern: &str, text: &str) -> bool {
    let Some(at) = pattern.find(['*', '%']) else {
        return pattern == text;
    };
    let Some(rest) = text.strip_prefix(&pattern[..at]) else {
        return false;
    };
    let tail = &pattern[at + 1..];
    if tail.is_empty() {
        return true;
    }
    let literal_end = tail.find(['*', '%']).unwrap_or(tail.len());
    let Some(found) = rest.find(&tail[..literal_end]) else {
        return false;
    };
    let short = pattern.as_bytes()[at] == b'*' || is_name(&rest[..found]);
    short && matches(tail, &rest[found..])
}

fn is_name(text: &str) -> bool {
    let ordinary = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '.' | '_');
    let words = text.split(' ').count();
    !text.is_empty() && text.chars().count() <= NAME_MAX && words <= 3 && text.chars().all(ordinary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_a_message_is_not_the_message() {
        for text in [
            "I'll add a retry when the API says rate limit",
            "The test checks \"You've hit your session limit · resets 3pm\".",
            "I think the design has its limit reached now",
            "",
        ] {
            assert_eq!(classify_text(CLAUDE, text), None, "{text}");
        }
    }

    #[test]
    fn prefixes_and_typography_do_not_matter() {
        for text in [
            "You\u{2019}ve hit your session limit ∙ resets 3pm",
            "Error: You've hit your session limit",
            "⎿\nYou've hit your session limit",
        ] {
            assert_eq!(classify_text(CLAUDE, text), Some(Class::FiveHourLimit), "{text}");
        }
    }

    #[test]
    fn the_old_wording_carries_its_reset() {
        let reset = reset_in_text("Claude AI usage limit reached|1795266000");
        assert_eq!(reset, Some(Utc::from_seconds(1_795_266_000)));
        for text in ["limit reached", "limit reached|", "limit reached|soon", "limit reached|12"] {
            assert_eq!(reset_in_text(text), None, "{text}");
        }
    }

    #[test]
    fn no_pattern_is_hidden_by_an_earlier_one() {
        for table in [CLAUDE, CODEX] {
            for (index, (pattern, class)) in table.iter().enumerate() {
                let example = pattern.replace('*', "x").replace('%', "opus");
                let first = table.iter().position(|(other, _)| matches(other, &example));
                let hidden = first.is_some_and(|first| table[first].1 != *class);
                assert!(!hidden && first <= Some(index), "{pattern} is hidden by {first:?}");
            }
        }
    }
}
