//! Names of accounts: the given ones, how accounts without a name are told apart, and which one a
//! person means.

use crate::AccountView;
use sluice_engine::label::label as labelled;
use sluice_engine::{AccountId, Provider};

/// What a person can call an account by, and what tells it apart.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// Its number.
    pub id: AccountId,
    /// Whose subscription.
    pub provider: Provider,
    /// Its name.
    pub label: &'a str,
    /// Its mail address.
    pub mail: Option<&'a str>,
    /// Its organisation's name.
    pub organization: Option<&'a str>,
}

impl<'a> From<&'a AccountView> for Named<'a> {
    fn from(account: &'a AccountView) -> Self {
        Self {
            id: account.id,
            provider: account.provider,
            label: &account.label,
            mail: account.email.as_deref(),
            organization: account.organization.as_deref(),
        }
    }
}

/// The name an account gets until a person names it: `Claude 2`.
#[must_use]
pub fn given(provider: Provider, number: usize) -> String {
    format!("{} {number}", provider.spec().family)
}

/// The name, and beside one that Sluice gave the mail address and the organisation: `Claude 2 —
/// ada@example.test (Acme)`. For lists a person chooses from; notices and logs hold the label alone.
#[must_use]
pub fn told_apart<'a>(account: impl Into<Named<'a>>) -> String {
    let Named { provider, label, mail, organization, .. } = account.into();
    let number = label.strip_prefix(provider.spec().family).map(str::trim_start);
    let is_given = number.is_some_and(|number| number.parse::<usize>().is_ok());
    match mail.filter(|_| is_given) {
        Some(mail) => labelled(Some(mail), organization, Some(label)),
        None => label.to_owned(),
    }
}

/// The account of that whole name, that number, that mail address, a beginning that only one name has,
/// or a part that only one mail address has. `named` says what an account is called by.
///
/// # Errors
/// There is none, or more than one; which, for people.
pub fn find<'a, A>(
    accounts: &'a [A],
    named: impl Fn(&'a A) -> Named<'a>,
    text: &str,
) -> Result<&'a A, String> {
    let wanted = text.trim().to_lowercase();
    let name = |account: &Named<'_>| account.label.to_lowercase();
    let mail = |account: &Named<'_>| account.mail.map(str::to_lowercase);
    let ways: [&dyn Fn(&Named<'_>) -> bool; 5] = [
        &|account| name(account) == wanted,
        &|account| wanted.parse() == Ok(account.id.0),
        &|account| mail(account).as_ref() == Some(&wanted),
        &|account| name(account).starts_with(&wanted),
        &|account| mail(account).is_some_and(|mail| mail.contains(&wanted)),
    ];
    let found = ways
        .iter()
        .filter(|_| !wanted.is_empty())
        .map(|fits| accounts.iter().filter(|one| fits(&named(one))).collect::<Vec<_>>())
        .find(|found| !found.is_empty())
        .unwrap_or_default();
    match found.as_slice() {
        [only] => Ok(only),
        [] => Err(format!("There is no account named {text}; `sluice accounts` lists them.")),
        several => {
            let several = several.iter().map(|one| named(one));
            let told: Vec<_> = several.map(|one| format!("{} ({})", one.label, one.id.0)).collect();
            Err(format!("{text} fits {}; write a whole name or a number.", told.join(" and ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_nobody_named_shows_its_mail() {
        let mail = Some("ada@example.test");
        let shown = |label: &str, mail, organization| {
            let (id, provider) = (AccountId(2), Provider::Claude);
            told_apart(Named { id, provider, label, mail, organization })
        };
        let given_name = given(Provider::Claude, 2);
        assert_eq!(shown(&given_name, mail, None), "Claude 2 — ada@example.test");
        for (organization, told) in [("Acme", "Acme"), ("Ada's Organization", "personal")] {
            assert_eq!(
                shown(&given_name, mail, Some(organization)),
                format!("Claude 2 — ada@example.test ({told})")
            );
        }
        assert_eq!(shown("Work", mail, None), "Work");
        assert_eq!(shown("Claude at home", mail, None), "Claude at home");
        assert_eq!(shown("Claude 2", None, None), "Claude 2");
    }
}
