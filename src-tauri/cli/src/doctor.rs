//! `sluice doctor`: looks for trouble and says what to do about each thing it finds.
//!
//! Made to be pasted: no secret, and accounts by number unless names are asked for.

mod others;
mod own;
mod tools;

use crate::outcome::{Driver, Outcome};
use crate::render::until;
use serde::Serialize;
use serde_json::json;
use sluice_driver::Paths;
use sluice_protocol::{AccountView, Login, Need, ProviderView, View};

/// A login that ends within a week is worth a word.
const LOGIN_ENDS_SOON_MS: i64 = 7 * 86_400_000;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    /// As it should be.
    Ok,
    /// Something may go wrong, or is not as usual.
    Warning,
    /// Something does not work.
    Error,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Finding {
    level: Level,
    /// Stays the same over versions, for scripts.
    code: String,
    /// What is so.
    text: String,
    /// What to do about it.
    remedy: Option<String>,
}

impl Finding {
    fn ok(code: &str, text: impl Into<String>) -> Self {
        Self { level: Level::Ok, code: code.to_owned(), text: text.into(), remedy: None }
    }

    fn warning(code: &str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        let remedy = Some(remedy.into());
        Self { level: Level::Warning, code: code.to_owned(), text: text.into(), remedy }
    }

    fn error(code: &str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { level: Level::Error, ..Self::warning(code, text, remedy) }
    }

    fn line(&self) -> String {
        let level = match self.level {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Error => "error",
        };
        let remedy = self.remedy.as_ref().map_or_else(String::new, |remedy| format!(" {remedy}"));
        format!("{level:<8} {}{remedy}", self.text)
    }
}

/// How accounts are called.
#[derive(Clone, Copy)]
struct Names {
    show_mail: bool,
}

impl Names {
    fn of(self, account: &AccountView) -> String {
        let number = account.id.0;
        if !self.show_mail {
            return format!("account {number}");
        }
        let mail = account.email.as_ref().map_or_else(String::new, |mail| format!(", {mail}"));
        format!("account {number} ({}{mail})", account.label)
    }
}

/// Looks at everything there is.
pub async fn look(paths: &Paths, driver: Driver, view: &View, show_mail: bool) -> Outcome {
    let names = Names { show_mail };
    let mut findings = vec![driving(driver)];
    if view.stopped {
        let text = "The kill switch is on: nothing is read and nothing is swapped.";
        findings.push(Finding::warning("stopped", text, "`sluice start` begins again."));
    }
    findings.extend(own::vault(paths));
    findings.extend(own::kept(paths, view, names));
    findings.extend(view.providers.iter().map(|one| seat(view, show_mail, one)));
    findings.extend(own::exposed());
    findings.extend(view.accounts.iter().flat_map(|found| account(view, found, names)));
    findings.extend(needs(view, &findings, show_mail));
    findings.extend(own::budgets(paths, view, names));
    findings.extend(own::answers(paths, view.at_ms));
    findings.extend(own::database(paths, view.at_ms));
    findings.extend(tools::names(paths));
    findings.extend(tools::locks());
    findings.extend(tools::hooks());
    findings.extend(tools::versions(view).await);
    findings.extend(others::stores());
    findings.extend(others::programs());
    findings.extend(own::surroundings());
    let lines: Vec<_> = findings.iter().map(Finding::line).collect();
    Outcome::Shown { json: json!({ "findings": findings }), text: lines.join("\n") }
}

/// What needs the person and was not found above; it says itself what to do.
fn needs(view: &View, found: &[Finding], show_mail: bool) -> Vec<Finding> {
    let new =
        view.needs_you.iter().filter(|need| found.iter().all(|one| one.code != need.code.name()));
    let told = new.map(|need| Finding {
        level: Level::Error,
        code: need.code.name().to_owned(),
        text: without_names(view, show_mail, &need.text),
        remedy: None,
    });
    told.collect()
}

fn driving(driver: Driver) -> Finding {
    match (driver, driver.text()) {
        (Driver::Silent, told) => Finding::error(
            "driver",
            told.unwrap_or_default(),
            "If that lasts, end it (the lock file in the data directory names its process).",
        ),
        (_, Some(told)) => Finding::ok("driver", told),
        (_, None) => Finding::ok("driver", "A Sluice is running and answers."),
    }
}

/// A text for the screen with the person's names for accounts taken out.
fn without_names(view: &View, show_mail: bool, text: &str) -> String {
    let mut accounts: Vec<&AccountView> = view.accounts.iter().filter(|_| !show_mail).collect();
    // Longer names first: one may begin with another.
    accounts.sort_by_key(|account| std::cmp::Reverse(account.label.len()));
    let (mut out, mut rest, mut last) = (String::new(), text, None);
    // In one walk, so that what stands there instead is never taken for a name.
    while let Some(next) = rest.chars().next() {
        let named = accounts.iter().find(|account| {
            let inside = |side: Option<char>| side.is_some_and(char::is_alphanumeric);
            let after = rest.strip_prefix(account.label.as_str());
            // Whole words only: a name may be a letter.
            !account.label.is_empty()
                && !inside(last)
                && after.is_some_and(|after| !inside(after.chars().next()))
        });
        let taken = named.map_or(next.len_utf8(), |account| account.label.len());
        match named {
            Some(account) => out.push_str(&format!("account {}", account.id.0)),
            None => out.push(next),
        }
        last = rest[..taken].chars().next_back();
        rest = &rest[taken..];
    }
    out
}

fn seat(view: &View, show_mail: bool, provider: &ProviderView) -> Finding {
    let name = provider.provider.name();
    match (&provider.observe_only, provider.unmanaged_login, provider.live) {
        (Some(text), _, _) => Finding::error(
            "observe_only",
            format!("{name}: {}", without_names(view, show_mail, text)),
            "Until then Sluice only watches; nothing is written.",
        ),
        (None, true, _) => Finding::warning(
            Need::UnmanagedLogin.name(),
            format!("{name}: the login in use is not kept, so nothing is swapped."),
            "`sluice add` keeps it.",
        ),
        (None, false, None) => Finding::warning(
            "signed_out",
            format!("{name}: nobody is signed in."),
            "Sign in with the tool.",
        ),
        (None, false, Some(_)) => {
            Finding::ok("seat", format!("{name}: the seat holds an account that is kept."))
        }
    }
}

fn account(view: &View, account: &AccountView, names: Names) -> Vec<Finding> {
    let name = names.of(account);
    let mut findings = Vec::new();
    let refused = matches!(account.login, Login::NeedsSignIn | Login::Missing);
    // Of a login that only a person mends nothing is tried again by itself.
    if let Some(problem) = account.problem.as_ref().filter(|_| !refused) {
        let problem = without_names(view, names.show_mail, problem);
        let remedy = "It is tried again by itself; `sluice refresh` tries at once.";
        findings.push(Finding::warning("account", format!("{name}: {problem}"), remedy));
    }
    if refused {
        let text = format!("{name}: the provider takes its login no longer, or none is kept.");
        let remedy = "Sign in as it with the tool, then `sluice add`; its history stays.";
        findings.push(Finding::error("login", text, remedy));
    }
    match account.login_ends_at_ms {
        Some(ends) if ends - view.at_ms < LOGIN_ENDS_SOON_MS => {
            let when = until(view.at_ms, Some(ends));
            findings.push(Finding::warning(
                "login_ends",
                format!("{name}: its login ends {when}, however often it is renewed."),
                "Sign in as it with the tool before then, then `sluice add`.",
            ));
        }
        Some(ends) => {
            let when = until(view.at_ms, Some(ends));
            findings.push(Finding::ok("login_ends", format!("{name}: its login ends {when}.")));
        }
        None => {}
    }
    if account.login_health.also_in.is_some() {
        findings.push(Finding::warning(
            Need::SharedLogin.name(),
            format!(
                "{name}: its login also lies in another place of this machine, and either side \
                 spends the other's tokens."
            ),
            "`sluice accounts` names the place; sign in there anew.",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{Login, Names, account, without_names};
    use crate::explain::tests::unread;
    use sluice_protocol::View;

    #[test]
    fn a_name_is_taken_out_as_a_whole_word_wherever_it_stands() {
        let hidden = |text: &str, name: &str| without_names(&view(&[(7, name)]), false, text);
        assert_eq!(hidden("The login of Rose ends.", "Rose"), "The login of account 7 ends.");
        assert_eq!(hidden("Rose, Rose", "Rose"), "account 7, account 7");
        assert_eq!(
            hidden("a tool reads Max 20x of a", "a"),
            "account 7 tool reads Max 20x of account 7"
        );
        assert_eq!(hidden("Rosemary", "Rose"), "Rosemary");
        assert_eq!(hidden("unchanged", ""), "unchanged");
        assert_eq!(without_names(&view(&[(7, "Rose")]), true, "Rose"), "Rose");
    }

    #[test]
    fn what_stands_there_instead_of_a_name_is_never_taken_for_one() {
        let crossed = view(&[(2, "1"), (1, "2"), (3, "account")]);
        assert_eq!(without_names(&crossed, false, "the login of 1"), "the login of account 2");
        assert_eq!(without_names(&crossed, false, "2 and account"), "account 1 and account 3");
    }

    #[test]
    fn a_refused_login_is_one_finding_with_what_helps() {
        let mut refused = unread(7, "Rose");
        refused.login = Login::NeedsSignIn;
        refused.problem = Some("It needs you to sign in: refused.".to_owned());
        let found = account(&View::default(), &refused, Names { show_mail: false });
        assert_eq!(found.iter().map(|one| one.code.as_str()).collect::<Vec<_>>(), ["login"]);
        assert!(found[0].remedy.as_ref().is_some_and(|helps| helps.contains("sluice add")));
    }

    fn view(accounts: &[(i64, &str)]) -> View {
        let named = accounts.iter().map(|(id, label)| unread(*id, label));
        View { accounts: named.collect(), ..View::default() }
    }
}
