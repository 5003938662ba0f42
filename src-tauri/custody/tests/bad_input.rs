//! Every odd shape of a seat and every mood of a keychain: a clear answer, and nothing changed.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

mod support;

use sluice_custody::{
    CustodyError, ForeignLogin, Health, Holder, SeatState, StoreError, SwapFailure, Unreadable,
};
use sluice_engine::{AccountId, Provider};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, Instant};
use support::{Home, MemJournal, Mood, a_to_b, config_text, credential, key};

/// How `inspect` names the state of a seat.
#[derive(Debug, PartialEq)]
enum Seen {
    Absent,
    Stub,
    Login,
    Foreign(ForeignLogin),
    Unreadable(Unreadable),
}

fn seen(home: &Home) -> Seen {
    match home.custody.inspect(Provider::Claude) {
        SeatState::Absent => Seen::Absent,
        SeatState::Stub => Seen::Stub,
        SeatState::Login(_) => Seen::Login,
        SeatState::Unreadable { why, .. } => Seen::Unreadable(why),
        SeatState::Foreign { what, .. } => Seen::Foreign(what),
        SeatState::Barred(why) => panic!("{why}"),
    }
}

/// Everything under the home but our own directory: path, kind, mode, bytes.
fn photograph(home: &Home) -> Vec<(String, u32, Vec<u8>)> {
    fn walk(dir: &Path, pictures: &mut Vec<(String, u32, Vec<u8>)>) {
        for entry in fs::read_dir(dir).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.ends_with("data") {
                continue;
            }
            let meta = fs::symlink_metadata(&path).unwrap();
            let bytes = match meta.is_file() {
                true => fs::read(&path).unwrap_or_default(),
                false => fs::read_link(&path)
                    .map(|to| to.into_os_string().into_encoded_bytes())
                    .unwrap_or_default(),
            };
            pictures.push((path.display().to_string(), meta.permissions().mode(), bytes));
            if meta.is_dir() {
                walk(&path, pictures);
            }
        }
    }
    let mut pictures = Vec::new();
    walk(home.dir.path(), &mut pictures);
    pictures.sort();
    pictures
}

/// A swap must be refused, and nothing may be another than before, the vault included.
fn refuses_without_a_trace(home: &Home, shape: &str) -> CustodyError {
    let (before, kept) = (photograph(home), home.kept());
    let mut journal = MemJournal::default();
    let failure = home.custody.swap(&a_to_b(), &mut journal).unwrap_err();
    let capture = home.custody.capture(Provider::Claude, AccountId(1), &key("a"));
    assert_eq!(before, photograph(home), "{shape}: something was changed");
    assert_eq!(kept, home.kept(), "{shape}: the vault was changed");
    assert!(journal.intents.is_empty(), "{shape}: an intent was written");
    assert!(matches!(failure, SwapFailure::Refused(_)), "{shape}: {failure:?}");
    if !shape.starts_with("swap only") {
        let error = capture.expect_err(shape);
        let text = error.to_string();
        assert!(text.len() > 20 && !text.contains("sk-"), "{shape}: {text}");
    }
    match failure {
        SwapFailure::Refused(cause) => cause,
        SwapFailure::Undone { .. } | SwapFailure::Stuck { .. } => unreachable!(),
    }
}

#[test]
fn contents_that_are_no_credential() {
    let torn = credential("a", 0);
    let stub = |access: &str, refresh: &str| {
        format!("{{\"claudeAiOauth\":{{\"accessToken\":{access},\"refreshToken\":{refresh}}}}}")
    };
    let giant = format!("{{\"x\":\"{}\"}}", "y".repeat(1 << 20));
    let giant_bytes = giant.len() as u64;
    let bom = format!("\u{feff}{}", credential("a", 0));
    let twice = credential("a", 0).replacen('{', "{\"claudeAiOauth\":{},", 1);
    use Unreadable::{ByteOrderMark, Empty, HalfLogin, NotJson, NotText, TooLarge, Torn};
    let shapes: Vec<(&str, Vec<u8>, Seen)> = vec![
        ("empty", vec![], Seen::Unreadable(Empty)),
        ("only blanks", b" \n\t ".to_vec(), Seen::Unreadable(Empty)),
        ("only a line end", b"\r\n".to_vec(), Seen::Unreadable(Empty)),
        ("torn at 1", torn.as_bytes()[..1].to_vec(), Seen::Unreadable(Torn)),
        ("torn in a key", torn.as_bytes()[..10].to_vec(), Seen::Unreadable(Torn)),
        ("torn in a token", torn.as_bytes()[..60].to_vec(), Seen::Unreadable(Torn)),
        (
            "torn at the end",
            torn.trim_end()[..torn.trim_end().len() - 1].into(),
            Seen::Unreadable(Torn),
        ),
        (
            "giant",
            giant.into_bytes(),
            Seen::Unreadable(TooLarge { bytes: giant_bytes, bytes_max: 1 << 20 }),
        ),
        ("zeros", vec![0; 500], Seen::Unreadable(NotJson)),
        ("binary", (128..=255).collect(), Seen::Unreadable(NotText)),
        (
            "utf-16",
            "{\"a\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Seen::Unreadable(NotJson),
        ),
        ("bom", bom.into_bytes(), Seen::Unreadable(ByteOrderMark)),
        ("text", b"signed in as somebody".to_vec(), Seen::Unreadable(NotJson)),
        ("html", b"<html>502</html>".to_vec(), Seen::Unreadable(NotJson)),
        ("array", b"[1,2]".to_vec(), Seen::Unreadable(NotJson)),
        ("string", b"\"x\"".to_vec(), Seen::Unreadable(NotJson)),
        ("number", b"42".to_vec(), Seen::Unreadable(NotJson)),
        ("two documents", b"{}{}".to_vec(), Seen::Unreadable(NotJson)),
        ("trailing comma", b"{\"a\":1,}".to_vec(), Seen::Unreadable(NotJson)),
        ("a key twice", twice.into_bytes(), Seen::Unreadable(NotJson)),
        ("oauth a number", b"{\"claudeAiOauth\":7}".to_vec(), Seen::Unreadable(NotJson)),
        ("deep nesting", "[".repeat(100_000).into_bytes(), Seen::Unreadable(Torn)),
        ("no login", b"{}".to_vec(), Seen::Stub),
        ("null login", b"{\"claudeAiOauth\":null}".to_vec(), Seen::Stub),
        ("only machine keys", b"{\"mcpOAuth\":{}}".to_vec(), Seen::Stub),
        ("emptied", stub("\"\"", "\"\"").into_bytes(), Seen::Stub),
        ("access emptied", stub("\"\"", "\"r\"").into_bytes(), Seen::Unreadable(HalfLogin)),
        ("refresh emptied", stub("\"a\"", "\"\"").into_bytes(), Seen::Unreadable(HalfLogin)),
        ("access a number", stub("5", "\"r\"").into_bytes(), Seen::Unreadable(HalfLogin)),
        ("access null", stub("null", "null").into_bytes(), Seen::Stub),
        ("object without tokens", b"{\"claudeAiOauth\":{}}".to_vec(), Seen::Stub),
    ];
    for (shape, bytes, expected) in shapes {
        let home = Home::with_two();
        fs::write(home.credential_path(), &bytes).unwrap();
        home.age();
        assert_eq!(seen(&home), expected, "{shape}");
        refuses_without_a_trace(&home, shape);
    }
}

#[test]
fn contents_that_may_be_a_login_of_another_kind() {
    let setup = r#"{"claudeAiOauth":{"accessToken":"sk-a","refreshToken":null}}"#;
    for (shape, text, what) in [
        ("setup token", setup, ForeignLogin::SetupToken),
        ("a key of its own", r#"{"apiKey":"sk-ant"}"#, ForeignLogin::Unknown),
        ("another token", r#"{"claudeAiOauth":{"token":"sk-x"}}"#, ForeignLogin::Unknown),
    ] {
        let home = Home::with_two();
        fs::write(home.credential_path(), text).unwrap();
        home.age();
        assert_eq!(seen(&home), Seen::Foreign(what), "{shape}");
        refuses_without_a_trace(&home, shape);
    }
}

#[test]
fn contents_that_are_odd_and_fine() {
    let crlf = credential("a", 3).replace('\n', "\r\n");
    let float = credential("a", 3).replace("4000000003000", "4000000003000.0");
    let scopes = credential("a", 3).replace("[\"user:inference\"]", "\"user:inference\"");
    for (shape, text) in [("crlf", crlf), ("float time", float), ("scopes as text", scopes)] {
        let home = Home::with_two();
        fs::write(home.credential_path(), text).unwrap();
        home.age();
        assert_eq!(seen(&home), Seen::Login, "{shape}");
        home.custody.swap(&a_to_b(), &mut MemJournal::default()).expect(shape);
        assert!(home.kept().contains("sk-rt-a-3"), "{shape}");
    }
}

/// Puts something else where the credential file was.
fn instead(home: &Home, make: impl FnOnce(&Path)) {
    let path = home.credential_path();
    fs::remove_file(&path).unwrap();
    make(&path);
}

fn fifo(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

type Shape = (&'static str, fn(&Home, &Path), Seen);

#[test]
fn places_that_are_no_plain_file() {
    use Unreadable::{DanglingLink, NotRegular, WorldWritable};
    let shapes: [Shape; 11] = [
        ("missing", |h, _| instead(h, |_| ()), Seen::Absent),
        ("missing directory", |_, dir| fs::remove_dir_all(dir).unwrap(), Seen::Absent),
        (
            "directory in place",
            |h, _| instead(h, |at| fs::create_dir(at).unwrap()),
            Seen::Unreadable(NotRegular),
        ),
        (
            "dangling link",
            |h, _| instead(h, |at| symlink("nowhere/at/all.json", at).unwrap()),
            Seen::Absent,
        ),
        (
            "link in a circle",
            |h, _| instead(h, |at| symlink(".credentials.json", at).unwrap()),
            Seen::Unreadable(DanglingLink),
        ),
        (
            "link to a directory",
            |h, _| instead(h, |at| symlink("..", at).unwrap()),
            Seen::Unreadable(NotRegular),
        ),
        (
            "link to a device",
            |h, _| instead(h, |at| symlink("/dev/zero", at).unwrap()),
            Seen::Unreadable(NotRegular),
        ),
        ("fifo", |h, _| instead(h, fifo), Seen::Unreadable(NotRegular)),
        (
            "writable by everybody",
            |h, _| mode(&h.credential_path(), 0o666),
            Seen::Unreadable(WorldWritable),
        ),
        (
            "directory writable by everybody",
            |_, dir| mode(dir, 0o777),
            Seen::Unreadable(WorldWritable),
        ),
        (
            "config directory is a file",
            |_, dir| {
                fs::remove_dir_all(dir).unwrap();
                fs::write(dir, "x").unwrap();
            },
            Seen::Unreadable(NotRegular),
        ),
    ];
    for (shape, bend, expected) in shapes {
        let home = Home::with_two();
        bend(&home, &home.dir.path().join(".claude"));
        assert_eq!(seen(&home), expected, "{shape}");
        refuses_without_a_trace(&home, shape);
    }
}

#[test]
fn a_read_only_credential_is_read_and_never_replaced() {
    let home = Home::with_two();
    fs::set_permissions(home.credential_path(), Permissions::from_mode(0o400)).unwrap();
    assert_eq!(seen(&home), Seen::Login);
    let cause = refuses_without_a_trace(&home, "swap only: read-only");
    assert!(matches!(cause, CustodyError::SeatUnreadable { why: Unreadable::ReadOnly, .. }));
}

#[test]
fn configurations_that_do_not_name_the_owner() {
    let shapes: Vec<(&str, &[u8], Unreadable)> = vec![
        ("config empty", b"", Unreadable::Empty),
        ("config torn", b"{\"oauthAccount\":{\"acc", Unreadable::Torn),
        ("config text", b"hello", Unreadable::NotJson),
        ("config binary", &[0xff, 0xfe, 0x00], Unreadable::NotText),
        ("config array", b"[]", Unreadable::NotJson),
        ("config nobody", b"{}", Unreadable::NoIdentity),
        ("config null", b"{\"oauthAccount\":null}", Unreadable::NoIdentity),
        (
            "config without uuid",
            b"{\"oauthAccount\":{\"emailAddress\":\"x@example.test\"}}",
            Unreadable::NoIdentity,
        ),
        ("config block a text", b"{\"oauthAccount\":\"x\"}", Unreadable::NotJson),
        ("config twice", b"{\"oauthAccount\":{},\"oauthAccount\":{}}", Unreadable::NotJson),
    ];
    for (shape, bytes, why) in shapes {
        let home = Home::with_two();
        home.sign_in("a", 4);
        fs::write(home.config_path(), bytes).unwrap();
        assert_eq!(seen(&home), Seen::Unreadable(why), "{shape}");
        refuses_without_a_trace(&home, shape);
    }
    let home = Home::with_two();
    home.sign_in("a", 4);
    fs::remove_file(home.config_path()).unwrap();
    assert_eq!(seen(&home), Seen::Unreadable(Unreadable::NoIdentity));
    refuses_without_a_trace(&home, "config missing");
}

#[test]
fn moods_of_the_keychain() {
    let shapes = [
        (Mood::Locked, StoreError::Locked, Health::Locked),
        (Mood::Absent, StoreError::Absent, Health::Absent),
        (Mood::Refusing, StoreError::Refused, Health::Absent),
    ];
    for (mood, expected, health) in shapes {
        let home = Home::with_two();
        home.sign_in("a", 2);
        home.store.set(mood);
        let cause = refuses_without_a_trace(&home, &format!("keychain {mood:?}"));
        assert!(matches!(cause, CustodyError::Keychain(error) if error == expected), "{mood:?}");
        assert_eq!(home.custody.health(), health);
        // It recovers without a restart.
        home.store.set(Mood::Ok);
        home.custody.swap(&a_to_b(), &mut MemJournal::default()).unwrap();
        assert!(home.kept().contains("sk-rt-a-2"));
    }
}

#[test]
fn a_keychain_that_forgets_or_lies_is_found_out_before_the_pointer_moves() {
    for mood in [Mood::Forgetful, Mood::Lying] {
        let home = Home::with_two();
        home.sign_in("a", 2);
        home.store.set(mood);
        let before = home.pointers.0.lock().unwrap().clone();
        let error = home.custody.capture(Provider::Claude, AccountId(1), &key("a")).unwrap_err();
        assert!(matches!(error, CustodyError::Keychain(StoreError::Mismatch)), "{mood:?}: {error}");
        assert_eq!(before, *home.pointers.0.lock().unwrap(), "{mood:?}");
        assert_eq!(home.live(), credential("a", 2));
    }
}

#[test]
fn a_hanging_keychain_fails_at_its_deadline_and_then_at_once() {
    let home = Home::with_two();
    home.sign_in("a", 2);
    home.store.set(Mood::Hanging);
    let started = Instant::now();
    let cause = refuses_without_a_trace(&home, "swap only: keychain hanging");
    assert!(matches!(cause, CustodyError::Keychain(StoreError::Hanging)), "{cause}");
    assert!(started.elapsed() < Duration::from_secs(40), "{:?}", started.elapsed());
    let started = Instant::now();
    for _ in 0..100 {
        let bearer = home.custody.bearer(Holder::Account(AccountId(2)));
        assert!(matches!(bearer, Err(CustodyError::Keychain(StoreError::Hanging))));
    }
    assert_eq!(home.custody.health(), Health::Hanging);
    assert!(started.elapsed() < Duration::from_secs(40), "{:?}", started.elapsed());
    home.store.set(Mood::Ok);
    let deadline = Instant::now() + Duration::from_secs(60);
    while home.custody.health() != Health::Ok {
        assert!(Instant::now() < deadline, "it never came back");
        std::thread::sleep(Duration::from_millis(5));
    }
    home.custody.swap(&a_to_b(), &mut MemJournal::default()).unwrap();
}

#[test]
fn a_target_whose_login_has_ended_is_not_placed() {
    let home = Home::with_two();
    let ended = credential("b", 1);
    let end = ended.split("refreshTokenExpiresAt\":").nth(1).unwrap().split(',').next().unwrap();
    fs::write(home.credential_path(), ended.replace(end, "1000")).unwrap();
    fs::write(home.config_path(), config_text("b")).unwrap();
    home.age();
    let fresh = Home::new();
    fs::copy(home.credential_path(), fresh.credential_path()).unwrap();
    fs::copy(home.config_path(), fresh.config_path()).unwrap();
    fresh.custody.capture(Provider::Claude, AccountId(2), &key("b")).unwrap();
    fresh.sign_in("a", 0);
    fresh.custody.capture(Provider::Claude, AccountId(1), &key("a")).unwrap();
    let failure = fresh.custody.swap(&a_to_b(), &mut MemJournal::default()).unwrap_err();
    assert!(matches!(failure.cause(), CustodyError::KeptUnusable(_)), "{failure:?}");
    assert_eq!(fresh.live(), credential("a", 0));
}
