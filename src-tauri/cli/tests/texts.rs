//! Texts of others (plans, mail addresses, organisations, folders) steer nobody's terminal and turn
//! no line around, whatever command shows them.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[allow(dead_code, reason = "each test uses the parts it needs")]
mod home;

use home::{Home, error};
use sluice_protocol::text::is_unseen;
use std::fs;

/// Clears the screen, names the window and turns what follows around.
const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;x\u{7}\u{9b}31m\u{202e}\u{200b}";

/// A home with the file vault, whose account is called all that.
fn hostile() -> Home {
    let home = Home::new();
    let key = home.path().join("key.txt").display().to_string();
    assert_eq!(home.json(&["vault", "file", "--key-file", &key]).1, Some(0));
    home::sign_in(&home);
    let put = |name: &str, document: serde_json::Value| {
        let path = home.path().join(name);
        fs::write(&path, document.to_string()).unwrap();
        let file = fs::File::options().append(true).open(path).unwrap();
        let then = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
        file.set_modified(then).unwrap();
    };
    put(
        ".claude/.credentials.json",
        serde_json::json!({ "claudeAiOauth": {
            "accessToken": "sk-at-box", "refreshToken": "sk-rt-box", "expiresAt": 4_000_000_000_000_i64,
            "subscriptionType": format!("max{HOSTILE}"),
            "rateLimitTier": format!("{HOSTILE}_20x"),
        }}),
    );
    put(
        ".claude.json",
        serde_json::json!({ "oauthAccount": {
            "accountUuid": "u", "organizationUuid": "o",
            "emailAddress": format!("eve{HOSTILE}@x.test"),
            "organizationName": format!("Acme{HOSTILE}"),
        }}),
    );
    assert_eq!(home.json(&["add"]).1, Some(0));
    home
}

fn harmless(text: &str) -> bool {
    !text.chars().any(|char| char != '\n' && is_unseen(char))
}

#[test]
fn texts_of_others_are_harmless_in_every_command() {
    let home = hostile();
    let folder = home.path().join(format!("pro{HOSTILE}ject"));
    fs::create_dir(&folder).unwrap();
    let bound = home.run(&["lane", "bind", "shop", folder.to_str().unwrap()]);
    assert_eq!(bound.status.code(), Some(0), "{}", error(&bound));
    let mut shown = String::new();
    for words in [
        &["accounts"][..],
        &["status"],
        &["forecast"],
        &["doctor", "--show-mail"],
        &["metrics", "--show-mail"],
        &["lane", "list"],
        &["settings"],
        &["log"],
        &["export", "--format", "csv"],
    ] {
        for more in [&[][..], &["--json"]] {
            let output = home.run(&[words, more].concat());
            let text = String::from_utf8(output.stdout.clone()).unwrap();
            assert!(harmless(&text), "{words:?} {more:?}: {text:?}");
            assert!(harmless(&error(&output)), "{words:?} {more:?}: {:?}", error(&output));
            shown += &text;
        }
    }
    for part in ["eve[2J", "Acme", "pro[2J"] {
        assert!(shown.contains(part), "{part} is shown");
    }
}

#[test]
fn texts_of_others_are_cleaned_where_they_come_in() {
    let home = hostile();
    let account = home.json(&["accounts"]).0["accounts"][0].clone();
    assert_eq!(account["email"], "eve[2J]0;x31m@x.test");
    for field in ["email", "plan", "label", "organization"] {
        let text = account[field].as_str().unwrap();
        assert!(harmless(text), "{field}: {text:?}");
    }
    let rows = sluice_ledger::Ledger::attach(&home.path().join("data/sluice.db"));
    let row = rows.unwrap().accounts().unwrap().remove(0);
    for text in [row.email, row.organization, row.plan.subscription, row.plan.rate_limit_tier] {
        assert!(text.as_deref().is_some_and(harmless), "{text:?}");
    }
}

#[test]
fn no_name_that_turns_a_line_is_taken() {
    let home = hostile();
    for name in ["a\u{202e}b", "a\u{200b}b", "a\u{1b}[1mb"] {
        for words in [&["add", name][..], &["rename", "1", name], &["lane", "bind", name, "/tmp"]] {
            let output = home.run(words);
            assert_eq!(output.status.code(), Some(2), "{words:?}: {}", error(&output));
        }
    }
    assert_eq!(home.json(&["accounts"]).0["accounts"][0]["label"], "Claude 1");
}
