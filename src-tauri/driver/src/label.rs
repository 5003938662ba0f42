//! Names of accounts: those that Sluice gives, and how accounts that nobody named are told apart.

use crate::api::AccountView;
use sluice_engine::Provider;
use sluice_engine::label::label;

/// The name an account gets until a person names it: `Claude 2`.
#[must_use]
pub fn given(provider: Provider, number: usize) -> String {
    format!("{} {number}", family(provider))
}

const fn family(provider: Provider) -> &'static str {
    match provider {
        Provider::Claude => "Claude",
        Provider::Codex => "Codex",
    }
}

/// The name, and beside one that Sluice gave the mail address and the organisation: `Claude 2 —
/// ada@example.test (Acme)`. For lists a person chooses from; notices and logs hold the label alone.
#[must_use]
pub fn told_apart(account: &AccountView) -> String {
    let number = account.label.strip_prefix(family(account.provider)).map(str::trim_start);
    let is_given = number.is_some_and(|number| number.parse::<usize>().is_ok());
    match account.email.as_deref().filter(|_| is_given) {
        Some(mail) => label(Some(mail), account.organization.as_deref(), Some(&account.label)),
        None => account.label.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(label: &str, mail: Option<&str>) -> AccountView {
        let mut account = crate::metrics::tests::account(1, label);
        account.email = mail.map(str::to_owned);
        account
    }

    #[test]
    fn an_account_that_nobody_named_shows_its_mail() {
        let mail = Some("ada@example.test");
        let given_name = given(Provider::Claude, 2);
        let mut unnamed = account(&given_name, mail);
        unnamed.organization = None;
        assert_eq!(told_apart(&unnamed), "Claude 2 — ada@example.test");
        for (organization, told) in [("Acme", "Acme"), ("Ada's Organization", "personal")] {
            unnamed.organization = Some(organization.to_owned());
            assert_eq!(told_apart(&unnamed), format!("Claude 2 — ada@example.test ({told})"));
        }
        assert_eq!(told_apart(&account("Work", mail)), "Work");
        assert_eq!(told_apart(&account("Claude at home", mail)), "Claude at home");
        assert_eq!(told_apart(&account("Claude 2", None)), "Claude 2");
    }
}
