//! An account's label, from what the tool says of it.

use alloc::format;
use alloc::string::{String, ToString};

/// Shown when the mail address is not known.
const UNKNOWN: &str = "unknown";
/// A display name that says nothing.
const NAMELESS: &str = "user";
/// Endings of the organisation every person has of their own.
const PERSONAL: [&str; 2] = ["'s Organization", "\u{2019}s Organization"];

/// `[name — ] mail [(organisation)]`. A display name that repeats the mail's first word, or says
/// nothing, is left out; a person's own organisation reads `(personal)`.
#[must_use]
pub fn label(email: Option<&str>, organization: Option<&str>, name: Option<&str>) -> String {
    let email = email.filter(|email| !email.is_empty()).unwrap_or(UNKNOWN);
    let mut label = email.to_string();
    if let Some(organization) = organization.filter(|organization| !organization.is_empty()) {
        let personal = PERSONAL.iter().any(|ending| organization.ends_with(ending));
        label.push_str(&format!(" ({})", if personal { "personal" } else { organization }));
    }
    match name.map(str::trim).filter(|name| says_something(name, email)) {
        Some(name) => format!("{name} \u{2014} {label}"),
        None => label,
    }
}

fn says_something(name: &str, email: &str) -> bool {
    let local = email.split('@').next().unwrap_or(email);
    let first = local.split('.').next().unwrap_or(local);
    let name = name.to_lowercase();
    !name.is_empty() && name != NAMELESS && name != first.to_lowercase()
}
