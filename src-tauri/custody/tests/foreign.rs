//! What is not ours: never read as empty, parked without an owner, taken for somebody else, or removed.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sluice_custody::{
    AccountKey, CustodyError, ForeignLogin, Holder, Intent, IntentId, Journal, Party, RecordError,
    SagaOutcome, SeatState, Step, SwapFailure, SwapOrder, Unreadable,
};
use sluice_engine::{AccountId, Generation, LaneId, Provider, Utc};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use support::{Home, MemJournal, config_text, credential, order, party};

const CODEX: Provider = Provider::Codex;

fn token(claims: &str) -> String {
    format!("eyJh.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
}

fn claims(inner: &str) -> String {
    format!("{{\"exp\":4000000000,\"https://api.openai.com/auth\":{{{inner}}}}}")
}

/// `auth.json` whose two tokens make these claims.
fn auth(id: &str, access: &str, refresh: &str) -> String {
    format!(
        "{{\"auth_mode\":\"chatgpt\",\"OPENAI_API_KEY\":null,\"tokens\":{{\"id_token\":\"{}\",\
         \"access_token\":\"{}\",\"refresh_token\":\"{refresh}\",\"account_id\":null}}}}",
        token(id),
        token(access)
    )
}

/// A login of `person` in the workspace `w`; the person stands in the access token only.
fn member(person: &str, rotation: u32) -> String {
    auth(
        &claims("\"chatgpt_account_id\":\"w\""),
        &claims(&format!("\"chatgpt_user_id\":\"{person}\"")),
        &format!("rt-{person}-{rotation}."),
    )
}

fn key(text: &str) -> AccountKey {
    AccountKey(text.to_owned())
}

fn store(home: &Home) -> PathBuf {
    home.dir.path().join(".codex/auth.json")
}

/// Long enough ago for the file to be at rest.
fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    let file = fs::File::options().append(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
}

fn swap_to(id: i64, named: &str, from: Option<Party>) -> SwapOrder {
    SwapOrder {
        lane: LaneId(2),
        generation: Generation(1),
        provider: CODEX,
        from,
        to: Party { account: AccountId(id), key: key(named) },
    }
}

/// Accounts 1 (`w/one`) and 2 (`w/two`) kept; what lies in the seat is the second's.
fn with_two() -> Home {
    let home = Home::new();
    for (id, person) in [(1, "one"), (2, "two")] {
        write(&store(&home), &member(person, 0));
        let found = found_key(&home);
        assert_eq!(found, format!("w/{person}"));
        home.custody.capture(CODEX, AccountId(id), &key(&found)).unwrap();
    }
    home
}

fn found_key(home: &Home) -> String {
    match home.custody.inspect(CODEX) {
        SeatState::Login(login) => login.identity.key.0,
        other => panic!("no login: {other:?}"),
    }
}

fn names(home: &Home, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(home.dir.path().join(folder)).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    // Codex leaves its lock files, too.
    names.retain(|name| !name.ends_with(".lock"));
    names.sort();
    names
}

fn later() -> Utc {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Utc::from_seconds(i64::try_from(since.as_secs()).unwrap() + 3_600)
}

#[test]
fn a_login_of_another_kind_is_never_replaced_nor_removed() {
    for (text, kind) in [
        ("{\"OPENAI_API_KEY\":\"sk-live-1\"}", ForeignLogin::ApiKey),
        (
            "{\"auth_mode\":\"personalAccessToken\",\"personal_access_token\":\"at-1\",\
             \"tokens\":null}",
            ForeignLogin::AccessToken,
        ),
        ("{\"tokens\":null,\"later\":{\"key\":\"x\"}}", ForeignLogin::Unknown),
    ] {
        let home = with_two();
        write(&store(&home), text);
        let seen = home.custody.inspect(CODEX);
        assert!(matches!(&seen, SeatState::Foreign { what, .. } if *what == kind), "{seen:?}");
        for from in [None, Some(Party { account: AccountId(2), key: key("w/two") })] {
            let mut journal = MemJournal::default();
            let failure = home.custody.swap(&swap_to(1, "w/one", from), &mut journal).unwrap_err();
            assert_eq!(failure.cause().code(), "foreign_login");
            let said = failure.cause().to_string();
            assert!(said.contains("auth.json") && said.contains("codex login"), "{said}");
            assert!(!said.contains("sk-live"), "{said}");
            assert!(journal.intents.is_empty());
        }
        assert!(home.custody.bearer(Holder::Seat(CODEX)).is_err());
        home.custody.settle_parked_as_of(CODEX, later()).unwrap();
        assert_eq!(fs::read_to_string(store(&home)).unwrap(), text);
        assert_eq!(names(&home, ".codex"), ["auth.json"]);
        // None of the kept logins is in use there, so they may be renewed.
        assert!(home.custody.try_begin_refresh(AccountId(1)).is_ok());
    }
}

#[test]
fn a_console_key_in_the_configuration_is_no_empty_seat() {
    let home = Home::with_two();
    let config = config_text("a").replacen('{', "{\"primaryApiKey\":\"sk-ant-api\",", 1);
    for empty in [Some("{\"mcpOAuth\":{\"x\":1}}"), None] {
        match empty {
            Some(text) => write(&home.credential_path(), text),
            None => fs::remove_file(home.credential_path()).unwrap(),
        }
        write(&home.config_path(), &config);
        let seen = home.custody.inspect(Provider::Claude);
        let SeatState::Foreign { what: ForeignLogin::ApiKey, path } = seen else {
            panic!("{seen:?}")
        };
        assert!(path.ends_with(".claude.json"));
        let fill = order(None, party(2, "b"));
        let failure = home.custody.swap(&fill, &mut MemJournal::default()).unwrap_err();
        assert_eq!(failure.cause().code(), "foreign_login");
        assert_eq!(fs::read_to_string(home.config_path()).unwrap(), config);
    }
    // Beside a login it does not decide.
    write(&home.credential_path(), &credential("a", 0));
    home.custody
        .swap(&order(Some(party(1, "a")), party(2, "b")), &mut MemJournal::default())
        .unwrap();
}

#[test]
fn what_lies_parked_without_an_owner_goes_only_if_it_is_empty() {
    let home = with_two();
    let parked =
        |tag: &str| store(&home).with_file_name(format!("auth.json.sluice-parked-0-{tag}"));
    write(&parked("a"), "{\"tokens\":null}");
    write(&parked("b"), "{\"OPENAI_API_KEY\":\"sk-live\"}");
    write(&parked("c"), &member("stranger", 0));
    write(&parked("d"), "{\"tokens\":{\"acc");
    assert_eq!(home.custody.settle_parked_as_of(CODEX, later()).unwrap(), 3);
    for (tag, stays) in [("a", false), ("b", true), ("c", true), ("d", true)] {
        assert_eq!(parked(tag).exists(), stays, "{tag}");
    }
}

#[test]
fn what_another_wrote_into_what_lies_parked_is_not_taken() {
    for text in [member("stranger", 0), "{\"OPENAI_API_KEY\":\"sk-live\"}".to_owned()] {
        let home = with_two();
        let two = Party { account: AccountId(2), key: key("w/two") };
        home.custody.swap(&swap_to(1, "w/one", Some(two)), &mut MemJournal::default()).unwrap();
        let parked = names(&home, ".codex").into_iter().find(|name| name.contains("parked-2-"));
        let parked = store(&home).with_file_name(parked.unwrap());
        // The tool held the old file open.
        write(&parked, &text);
        assert_eq!(home.custody.settle_parked_as_of(CODEX, later()).unwrap(), 1);
        assert!(!home.kept().contains("rt-stranger"), "it is not account 2's");
        home.custody.forget(AccountId(2)).unwrap();
        assert_eq!(fs::read_to_string(&parked).unwrap(), text, "nor does it go with it");
    }
}

/// Writes into the seat when the new login is staged and the old one not yet exchanged.
struct LastMoment<'a> {
    inner: MemJournal,
    path: &'a Path,
    text: &'a str,
}

impl Journal for LastMoment<'_> {
    fn intent(&mut self, intent: &Intent) -> Result<IntentId, RecordError> {
        self.inner.intent(intent)
    }
    fn step(&mut self, id: IntentId, step: Step) -> Result<(), RecordError> {
        if step == Step::Staged {
            write(self.path, self.text);
        }
        self.inner.step(id, step)
    }
    fn settle(&mut self, id: IntentId, outcome: &SagaOutcome) -> Result<(), RecordError> {
        self.inner.settle(id, outcome)
    }
}

#[test]
fn somebody_elses_login_written_at_the_last_moment_goes_back() {
    let stranger = member("stranger", 0);
    let two = Party { account: AccountId(2), key: key("w/two") };
    for (before, from) in [("{\"tokens\":null}".to_owned(), None), (member("two", 0), Some(two))] {
        for text in [stranger.as_str(), "{\"OPENAI_API_KEY\":\"sk-live\"}"] {
            let home = with_two();
            write(&store(&home), &before);
            let path = store(&home);
            let mut journal = LastMoment { inner: MemJournal::default(), path: &path, text };
            let failed = home.custody.swap(&swap_to(1, "w/one", from.clone()), &mut journal);
            assert!(matches!(failed, Err(SwapFailure::Undone { .. })), "{failed:?}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
            assert_eq!(names(&home, ".codex"), ["auth.json"]);
            assert!(!home.kept().contains("rt-stranger"), "it is nobody's that is kept here");
        }
    }
}

#[test]
fn two_members_of_a_workspace_are_two_accounts() {
    let home = with_two();
    write(&store(&home), &member("one", 1));
    let taken = home.custody.capture(CODEX, AccountId(2), &key("w/two"));
    assert!(matches!(taken, Err(CustodyError::WrongAccount { .. })), "{taken:?}");
    assert!(!home.kept().contains("rt-one-1."));
    home.custody.capture(CODEX, AccountId(1), &key("w/one")).unwrap();
    assert!(home.kept().contains("rt-one-1.") && home.kept().contains("rt-two-0."));
    let nobody = auth(&claims("\"chatgpt_account_id\":\"w\""), &claims(""), "rt-x");
    write(&store(&home), &nobody);
    let seen = home.custody.inspect(CODEX);
    let SeatState::Unreadable { why: Unreadable::NoPerson, .. } = seen else { panic!("{seen:?}") };
    let failure =
        home.custody.swap(&swap_to(1, "w/one", None), &mut MemJournal::default()).unwrap_err();
    let said = failure.cause().to_string();
    assert!(said.contains("which of its members") && said.contains("Sign in"), "{said}");
    assert_eq!(fs::read_to_string(store(&home)).unwrap(), nobody);
}

#[test]
fn an_account_kept_without_its_person_stays_that_persons() {
    // As an earlier version kept it: the workspace alone, with nobody's name.
    let mut home = Home::new();
    let first = AccountId(1);
    write(&store(&home), &member("one", 0));
    home.custody.capture(CODEX, first, &key("w/one")).unwrap();
    for item in home.store.items.lock().unwrap().values_mut() {
        let text = String::from_utf8(item.clone()).unwrap();
        assert!(text.contains("\"w/one\""));
        *item = text.replace("\"w/one\"", "\"w/\"").into_bytes();
    }
    let memory = home.dir.path().join("data/lineages");
    let text = fs::read_to_string(&memory).unwrap();
    fs::write(&memory, text.replace("\"w/one\"", "\"w/\"")).unwrap();
    home.custody = home.reopened();
    assert_eq!(found_key(&home), "w/", "its own login");
    write(&store(&home), &member("one", 1));
    assert_eq!(found_key(&home), "w/", "renewed by the tool");
    home.custody.capture(CODEX, first, &key("w/")).unwrap();
    assert!(home.kept().contains("rt-one-1."));
    // Another member is another account, and takes nothing over.
    write(&store(&home), &member("two", 0));
    assert_eq!(found_key(&home), "w/two");
    assert!(home.custody.capture(CODEX, first, &key("w/")).is_err());
    assert!(!home.kept().contains("rt-two"));
}

#[test]
fn a_tool_that_keeps_its_login_elsewhere_is_only_watched() {
    for line in [
        "cli_auth_credentials_store = \"keyring\"",
        "cli_auth_credentials_store = \"auto\"",
        "cli_auth_credentials_store = \"ephemeral\"",
        "forced_login_method = \"api\"",
        "cli_auth_credentials_store = \"keyr",
    ] {
        let home = with_two();
        let two = Party { account: AccountId(2), key: key("w/two") };
        let config = store(&home).with_file_name("config.toml");
        write(&config, line);
        let seen = home.custody.inspect(CODEX);
        assert!(matches!(seen, SeatState::Barred(_)), "{line}: {seen:?}");
        let swap = |from| {
            let order = swap_to(1, "w/one", from);
            home.custody.swap(&order, &mut MemJournal::default()).unwrap_err()
        };
        assert_eq!(swap(Some(two.clone())).cause().code(), "barred", "{line}");
        assert_eq!(swap(None).cause().code(), "barred", "{line}");
        let added = home.custody.capture(CODEX, AccountId(2), &key("w/two")).unwrap_err();
        assert!(added.to_string().contains("config.toml"), "{added}");
        // A login in a store that cannot be seen may be any of those kept: none is renewed.
        assert!(home.custody.try_begin_refresh(AccountId(1)).is_err());
        assert_eq!(fs::read_to_string(store(&home)).unwrap(), member("two", 0));
        write(&config, "cli_auth_credentials_store = \"file\"");
        home.custody.swap(&swap_to(1, "w/one", Some(two)), &mut MemJournal::default()).unwrap();
    }
}

#[test]
fn an_account_that_the_tool_would_sign_out_is_not_placed() {
    let home = with_two();
    write(&store(&home).with_file_name("config.toml"), "forced_chatgpt_workspace_id = \"another\"");
    let two = Party { account: AccountId(2), key: key("w/two") };
    let failure =
        home.custody.swap(&swap_to(1, "w/one", Some(two)), &mut MemJournal::default()).unwrap_err();
    assert_eq!(failure.cause().code(), "not_admitted");
    assert_eq!(fs::read_to_string(store(&home)).unwrap(), member("two", 0));
}

#[test]
fn a_seat_that_is_a_link_into_another_store_is_told() {
    let home = Home::with_two();
    let other = home.dir.path().join("other/profile.json");
    fs::create_dir(other.parent().unwrap()).unwrap();
    fs::rename(home.credential_path(), &other).unwrap();
    std::os::unix::fs::symlink(&other, home.credential_path()).unwrap();
    let ids = [AccountId(1), AccountId(2)];
    let told = |home: &Home| {
        let shared_logins = home.custody.shared_logins(&ids, &[]).unwrap();
        assert!(shared_logins.iter().all(|shared| shared.linked), "{shared_logins:?}");
        shared_logins
            .into_iter()
            .map(|shared| (shared.account, shared.place.unwrap()))
            .collect::<Vec<_>>()
    };
    let real = fs::canonicalize(&other).unwrap();
    assert_eq!(told(&home), [(AccountId(1), real.clone())]);
    let swap = order(Some(party(1, "a")), party(2, "b"));
    home.custody.swap(&swap, &mut MemJournal::default()).unwrap();
    assert_eq!(fs::read_to_string(&other).unwrap(), credential("b", 0));
    assert_eq!(told(&home), [(AccountId(2), real)]);
}
