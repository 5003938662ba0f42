//! No secret where none belongs: logs, ledger, socket, notifications, printed documents.

use sluice_driver::Paths;
use sluice_protocol::{AccountId, Mode, Provider, Request};
use sluice_tests::contract::{AccountSpec, FakeClock, Setup};
use sluice_tests::desktop::{PATIENCE, Parts};
use sluice_tests::stage::Stage;
use sluice_tests::stage::census::{Canary, files_below};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

const ALPHA: &str = "alpha@example.test";
const BETA: &str = "beta@example.test";

#[test]
fn no_secret_leaves_the_keychain_and_the_seat() {
    let setup =
        Setup::of(vec![AccountSpec::new(ALPHA, 30.0, 90.0), AccountSpec::new(BETA, 40.0, 90.0)]);
    let mut stage = Stage::new(Parts::all(), FakeClock::starting_now(600.0), setup);
    stage.set("SLUICE_LOG", "trace");
    stage.set("RUST_LOG", "trace");
    let mut app = stage.app(&["--window"]);
    let said = play(&stage);
    let mut places: Vec<(String, Vec<u8>)> = vec![("the socket".into(), said)];
    let told = format!("{:?}", stage.desktop.notifications());
    places.push(("notifications".into(), told.into_bytes()));
    let menu = stage.desktop.tray_menu().print() + &stage.desktop.tray_property("ToolTip");
    places.push(("the tray".into(), menu.into_bytes()));
    places.push(("window titles".into(), stage.desktop.windows().join("\n").into_bytes()));
    for (name, what) in [("environ", "the environment"), ("cmdline", "the command line")] {
        match std::fs::read(format!("/proc/{}/{name}", app.pid())) {
            Ok(bytes) => places.push((what.into(), bytes)),
            // A program that holds logins shows its environment to root alone.
            Err(error) => assert!(
                error.kind() == std::io::ErrorKind::PermissionDenied && name == "environ",
                "{what}: {error}"
            ),
        }
    }
    app.end(PATIENCE);
    // Without a desktop the same loop keeps a log of its own.
    stage.daemon().end(PATIENCE);
    let seat = stage.tool.dir.clone();
    for file in files_below(stage.desktop.root()) {
        // The seat is the tool's own; the keyring's file is the keychain itself.
        let kept = file.starts_with(&seat) || file.to_string_lossy().contains("/keyrings/");
        if !kept {
            places.push((file.display().to_string(), std::fs::read(&file).unwrap_or_default()));
        }
    }
    assert!(places.iter().any(|(name, bytes)| name.ends_with("sluice.db") && !bytes.is_empty()));
    for log in ["app.log", "log/tray.log", "log/daemon.log"] {
        let searched = |(name, bytes): &(String, Vec<u8>)| name.ends_with(log) && !bytes.is_empty();
        assert!(places.iter().any(searched), "{log} was searched, too");
    }

    let canary = Canary::new(&stage.fake.canary());
    let leaks: Vec<String> = places
        .iter()
        .filter_map(|(name, bytes)| Some(format!("{name}: {}", canary.found_in(bytes)?)))
        .collect();
    assert!(leaks.is_empty(), "{leaks:#?}");
    // The search itself works: the seat does hold it.
    assert!(canary.found_in(&std::fs::read(stage.tool.store()).unwrap()).is_some());
}

/// A life in short: accounts, swaps, a rotation, refused requests, failed ones. Returns everything
/// that came over the socket.
fn play(stage: &Stage) -> Vec<u8> {
    for email in [ALPHA, BETA] {
        stage.add(email);
    }
    stage.mode(Mode::Auto);
    stage.tool.refresh(stage.fake.world());
    stage.fake.world().set_usage(BETA, 100.0, 60.0);
    let mut said = talk(stage, &Request::Refresh { account: None });
    stage.wait_committed(1, PATIENCE);
    for words in [
        &["status", "--json"][..],
        &["accounts", "--json"],
        &["log", "--json"],
        &["status"],
        &["swap", "nobody", "--json"],
        &["add", "--json"],
    ] {
        let _ = stage.sluice(words);
    }
    let account = stage.account("alpha").id;
    for request in [
        Request::Status,
        Request::Swap { to: AccountId(999) },
        Request::Swap { to: stage.account("beta").id },
        Request::Add { provider: Provider::Claude, label: Some("again".into()) },
        Request::Decisions { limit: 1_000, before: None, only: Default::default() },
        Request::Swaps { limit: 1_000 },
        Request::History { account, since_ms: 0 },
        Request::Settings,
        Request::Remove { account },
    ] {
        said.extend(talk(stage, &request));
    }
    said
}

fn talk(stage: &Stage, request: &Request) -> Vec<u8> {
    let socket = Paths::at(stage.data()).socket();
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    writeln!(stream, "{}", serde_json::to_string(request).unwrap()).unwrap();
    let mut line = Vec::new();
    BufReader::new(stream).read_until(b'\n', &mut line).unwrap();
    assert!(!line.is_empty(), "no answer to {request:?}");
    line
}
