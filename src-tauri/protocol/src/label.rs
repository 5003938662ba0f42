//! Names of accounts: the given ones, and how accounts without a name are told apart.

use crate::AccountView;
use sluice_engine::Provider;
use sluice_engine::label::label as labelled;

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
    apart(
        account.provider,
        &account.label,
        account.email.as_deref(),
        account.organization.as_deref(),
    )
}

fn apart(
    provider: Provider,
    label: &str,
    mail: Option<&str>,
    organization: Option<&str>,
) -> String {
    let number = label.strip_prefix(family(provider)).map(str::trim_start);
    let is_given = number.is_some_and(|number| number.parse::<usize>().is_ok());
    match mail.filter(|_| is_given) {
        Some(mail) => labelled(Some(mail), organization, Some(label)),
        None => label.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_nobody_named_shows_its_mail() {
        let mail = Some("ada@example.test");
        let shown =
            |label: &str, mail, organization| apart(Provider::Claude, label, mail, organization);
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
