//! Accounts by the names people give them.

use sluice_ledger::AccountRow;
use sluice_protocol::label::{self, Named};
use sluice_protocol::{AccountId, Code, Refused, View};

/// The account that a person means.
pub fn find(view: &View, text: &str) -> Result<AccountId, Refused> {
    let refused = |text: String| Refused::new(Code::UnknownAccount, text);
    let found = label::find(&view.accounts, Named::from, text);
    found.map(|account| account.id).map_err(refused)
}

/// The account that a person means, of those that the ledger keeps; else what to say.
pub fn find_row<'a>(rows: &'a [AccountRow], text: &str) -> Result<&'a AccountRow, String> {
    label::find(rows, row, text)
}

/// What an account of the ledger is called by.
pub fn row(account: &AccountRow) -> Named<'_> {
    Named {
        id: account.id,
        provider: account.provider,
        label: &account.label,
        mail: account.email.as_deref(),
        organization: account.organization.as_deref(),
    }
}

/// An account's name.
pub fn label(view: &View, id: AccountId) -> String {
    let found = view.accounts.iter().find(|account| account.id == id);
    found.map_or_else(|| format!("account {}", id.0), |account| account.label.clone())
}

/// The name with the mail address where nobody gave one, for lists.
pub fn listed(view: &View, id: AccountId) -> String {
    let found = view.accounts.iter().find(|account| account.id == id);
    found.map_or_else(|| format!("account {}", id.0), label::told_apart)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::tests::unread as account;
    use sluice_protocol::AccountView;

    #[test]
    fn accounts_are_found_by_name_number_and_unique_beginning() {
        let accounts =
            vec![account(7, "Work"), account(8, "Home"), account(9, "Homework"), account(3, "8")];
        let view = View { accounts, ..View::default() };
        let found = |text: &str| find(&view, text).map(|id| id.0).map_err(|refused| refused.code);
        assert_eq!(found("work"), Ok(7));
        assert_eq!(found("home"), Ok(8));
        assert_eq!(found("homew"), Ok(9));
        assert_eq!(found("7"), Ok(7));
        assert_eq!(found("8"), Ok(3), "a name comes before a number");
        assert_eq!(found("w"), Ok(7));
        assert_eq!(found("ho"), Err(Code::UnknownAccount));
        assert_eq!(found(""), Err(Code::UnknownAccount));
        assert_eq!(found("99"), Err(Code::UnknownAccount));
    }

    #[test]
    fn an_account_is_found_by_a_unique_part_of_its_mail() {
        let with = |id, label: &str, mail: &str| AccountView {
            email: Some(mail.to_owned()),
            ..account(id, label)
        };
        let accounts = vec![
            with(1, "Claude 1", "ada@example.test"),
            with(2, "Claude 2", "Bob@example.test"),
            with(3, "ada", "carol@other.test"),
        ];
        let view = View { accounts, ..View::default() };
        let found = |text: &str| find(&view, text).map(|id| id.0);
        assert_eq!(found("bob@example.test"), Ok(2));
        assert_eq!(found("BOB"), Ok(2));
        assert_eq!(found("other"), Ok(3));
        assert_eq!(found("ada"), Ok(3), "a name comes before a mail address");
        assert_eq!(found("ada@"), Ok(1));
        let refused = found("example").expect_err("two fit");
        assert!(refused.text.contains("Claude 1 (1) and Claude 2 (2)"), "{}", refused.text);
    }
}
