//! Codex for real: its own seat, its own endpoints, the real keychain and journal.

use crate::brisk;
use sluice_protocol::{Answer, Login, Mode, NoticeKind, Provider, Request, View};
use sluice_tests::contract::{AccountSpec, CodexTool, Refreshed, Setup};
use sluice_tests::desktop::{PATIENCE, Parts, wait_for};
use sluice_tests::stage::Stage;
use std::os::unix::fs::PermissionsExt as _;

const ONE: &str = "one@example.test";
const TWO: &str = "two@example.test";

fn codex(email: &str) -> AccountSpec {
    AccountSpec {
        provider: Provider::Codex,
        plan: "plus".to_owned(),
        ..AccountSpec::new(email, 30.0, 90.0)
    }
}

fn refresh_token(tool: &CodexTool) -> String {
    let text = std::fs::read_to_string(tool.store()).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    value["tokens"]["refresh_token"].as_str().unwrap().to_owned()
}

fn is_read(view: &View, label: &str) -> bool {
    let found = view.accounts.iter().find(|account| account.label == label);
    found.is_some_and(sluice_tests::stage::week_is_known)
}

/// A `codex` that writes down what it is asked.
fn fake_program(stage: &mut Stage) -> std::path::PathBuf {
    let bin = stage.desktop.home().join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let (program, diary) = (bin.join("codex"), stage.desktop.home().join("codex-asked"));
    let text = format!("#!/bin/sh\necho \"$CODEX_HOME: $@\" >> '{}'\n", diary.display());
    std::fs::write(&program, text).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    stage.set("PATH", &format!("{}:{path}", bin.display()));
    diary
}

#[test]
fn codex_is_swapped_capture_first_and_its_sessions_are_offered_a_restart_and_never_signed_out() {
    let mut stage = Stage::new(Parts::headless(), brisk(), Setup::of(vec![codex(ONE), codex(TWO)]));
    let diary = fake_program(&mut stage);
    let home = stage.desktop.home().join("codex");
    let tool = CodexTool::in_home(&home);
    // The tool's background process listens; it holds the login it was started with.
    let control = home.join("app-server-control");
    std::fs::create_dir(&control).unwrap();
    let _server =
        std::os::unix::net::UnixListener::bind(control.join("app-server-control.sock")).unwrap();
    let _daemon = stage.daemon();
    for (label, email) in [("one", ONE), ("two", TWO)] {
        tool.sign_in(stage.fake.world(), email);
        let said = stage.sluice(&["add", label, "--provider", "codex", "--json"]);
        assert_eq!(said.code, 0, "{said:?}");
        stage.wait_view(&format!("the numbers of {label}"), |view| is_read(view, label));
    }
    let request = Request::SetMode { provider: Provider::Codex, mode: Mode::Advise };
    assert_eq!(stage.ask(&request), Answer::Done);
    assert_eq!(tool.refresh(stage.fake.world()), Refreshed::Done);
    let rotated = refresh_token(&tool);

    let notices = stage.listen();
    let said = stage.sluice(&["swap", "one", "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let placed = refresh_token(&tool);
    assert_ne!(placed, rotated);
    assert_eq!(owner(&stage, &placed), ONE);
    let kept = stage.desktop.secrets("");
    let holds = |item: &[u8]| item.windows(rotated.len()).any(|part| part == rotated.as_bytes());
    assert!(kept.iter().any(|item| holds(&item.secret)), "the rotation was captured first");

    let told = wait_for("the notice of the swap", PATIENCE, || {
        notices.try_recv().ok().filter(|notice| notice.kind == NoticeKind::SwapDone)
    });
    assert!(told.body.contains("keep the former account"), "{}", told.body);
    let restart = told.actions.iter().find(|action| action.key == "restart").expect("an offer");
    assert_eq!(stage.ask(&restart.request), Answer::Done);
    let asked = std::fs::read_to_string(&diary).unwrap();
    assert_eq!(asked.trim(), format!("{}: app-server daemon restart", home.display()));

    // The parked login is renewed by Sluice and the live one by its tool alone.
    let parked = stage.sluice(&["renew", "two", "--json"]);
    assert!(parked.code == 0 || parked.code == 75, "{parked:?}");
    assert_eq!(stage.sluice(&["renew", "one", "--json"]).json()["refused"]["code"], "in_use");
    assert_eq!(stage.account("two").login, Login::Valid, "{parked:?}");
    let state = stage.fake.world().state();
    assert_eq!(state.tokens.counts.reuse_detections, 0, "no token was presented twice");
}

fn owner(stage: &Stage, refresh: &str) -> String {
    let state = stage.fake.world().state();
    let index = state.tokens.owner(refresh).expect("a token of this provider");
    state.accounts[index].spec.email.clone()
}
