//! Where the tools look for their logins, and what keeps a login from having any effect: told wherever a
//! person would meet it.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[allow(dead_code, reason = "each test uses the parts it needs")]
mod home;

use home::{Home, error, sign_in};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// A home with the file vault, and nobody signed in.
fn vault() -> Home {
    let home = Home::new();
    let key = home.path().join("key.txt").display().to_string();
    assert_eq!(home.json(&["vault", "file", "--key-file", &key]).1, Some(0));
    home
}

/// Long enough ago for the file to be at rest.
fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    let file = fs::File::options().append(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
}

/// The login of another person in the same seat.
fn sign_in_as(home: &Home, name: &str) {
    let credential = format!(
        "{{\"claudeAiOauth\":{{\"accessToken\":\"sk-at-{name}\",\"refreshToken\":\"sk-rt-{name}\",\
         \"expiresAt\":4000000000000}}}}"
    );
    write(&home.path().join(".claude/.credentials.json"), &credential);
    let identity =
        format!("{{\"oauthAccount\":{{\"accountUuid\":\"u-{name}\",\"organizationUuid\":\"o\"}}}}");
    write(&home.path().join(".claude.json"), &identity);
}

/// The findings of `sluice doctor` with this code, text and remedy together.
fn told(home: &Home, more: &[(&str, &str)], code: &str) -> Vec<String> {
    let output = home.command(&["doctor", "--json"]).envs(more.iter().copied()).output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = document["findings"].as_array().unwrap().clone();
    let found = found.iter().filter(|one| one["code"] == code);
    found.map(|one| format!("{} {}", one["text"], one["remedy"])).collect()
}

#[test]
fn whatever_outranks_a_login_is_told_with_its_place() {
    let home = Home::new();
    assert_eq!(told(&home, &[], "outranked"), Vec::<String>::new());
    let settings = home.path().join(".claude/settings.json");
    let config = home.path().join(".codex/config.toml");
    for (file, text, code, name) in [
        (
            &settings,
            "{\"env\":{\"ANTHROPIC_API_KEY\":\"sk-canary\"}}",
            "outranked",
            "ANTHROPIC_API_KEY",
        ),
        (&settings, "{\"apiKeyHelper\":\"/bin/canary\"}", "outranked", "apiKeyHelper"),
        (&settings, "{\"env\":{\"CLAUDE_CODE_USE_BEDROCK\":\"1\"}}", "outranked", "USE_BEDROCK"),
        (
            &settings,
            "{\"env\":{\"ANTHROPIC_BASE_URL\":\"http://u:canary@127.0.0.1:9\"}}",
            "redirected",
            "ANTHROPIC_BASE_URL",
        ),
        (&config, "model_provider = \"azure\"", "outranked", "azure"),
        (
            &config,
            "chatgpt_base_url = \"http://127.0.0.1:9/canary\"",
            "redirected",
            "chatgpt_base_url",
        ),
        (&config, "forced_login_method = \"api\"", "barred", "forced_login_method"),
        (&config, "cli_auth_credentials_store = \"keyring\"", "barred", "keyring"),
    ] {
        write(file, text);
        let found = told(&home, &[], code);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].contains(name), "{text}: {found:?}");
        assert!(found[0].contains(&file.display().to_string()), "{text}: {found:?}");
        assert!(!found[0].contains("canary"), "{found:?}");
        fs::remove_file(file).unwrap();
    }
    for name in ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "CODEX_API_KEY", "CODEX_ACCESS_TOKEN"] {
        let found = told(&home, &[(name, "sk-canary")], "outranked");
        assert!(found.len() == 1 && found[0].contains(name), "{name}: {found:?}");
        assert!(!found[0].contains("canary"), "{found:?}");
        assert_eq!(told(&home, &[(name, "")], "outranked").len(), 0, "set but empty is unset");
    }
    // What does not outrank it is not told.
    for (file, text) in [
        (
            &settings,
            "{\"env\":{\"CLAUDE_CODE_USE_BEDROCK\":\"0\",\"ANTHROPIC_BASE_URL\":\"https://api.anthropic.com/\"}}",
        ),
        (
            &config,
            "model_provider = \"mine\"\n[model_providers.mine]\nrequires_openai_auth = true\n",
        ),
        (&config, "chatgpt_base_url = \"https://chatgpt.com/backend-api/\""),
    ] {
        write(file, text);
        for code in ["outranked", "redirected", "barred"] {
            assert_eq!(told(&home, &[], code), Vec::<String>::new(), "{text}");
        }
        fs::remove_file(file).unwrap();
    }
}

#[test]
fn a_swap_and_a_run_say_that_the_login_has_no_effect() {
    let home = vault();
    for name in ["rose", "ivy"] {
        sign_in_as(&home, name);
        assert_eq!(home.json(&["add", name]).1, Some(0));
    }
    let quiet = home.run(&["swap", "rose"]);
    assert!(!String::from_utf8_lossy(&quiet.stdout).contains("But"), "{quiet:?}");
    write(&home.path().join(".claude/settings.json"), "{\"apiKeyHelper\":\"/bin/canary\"}");
    let output = home.run(&["swap", "ivy"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("ivy is live now") && text.contains("apiKeyHelper"), "{text}");
    assert!(text.contains("no effect") && !text.contains("canary"), "{text}");
    let (document, code) = home.json(&["swap", "rose"]);
    assert_eq!((&document["caveats"][0]["by"], code), (&"apiKeyHelper".into(), Some(0)));
    let ran = home.run(&["run", "--provider", "claude", "--", "/bin/true"]);
    assert!(error(&ran).contains("apiKeyHelper outranks"), "{}", error(&ran));
}

#[test]
fn a_login_file_that_leads_into_another_store_is_told() {
    let home = vault();
    for name in ["rose", "ivy"] {
        sign_in_as(&home, name);
        assert_eq!(home.json(&["add", name]).1, Some(0));
    }
    assert_eq!(told(&home, &[], "linked_login"), Vec::<String>::new());
    let file = home.path().join(".claude/.credentials.json");
    let other = home.path().join("switcher/profile.json");
    fs::create_dir(other.parent().unwrap()).unwrap();
    fs::rename(&file, &other).unwrap();
    std::os::unix::fs::symlink(&other, &file).unwrap();
    let place = other.display().to_string();
    let found = told(&home, &[], "linked_login");
    assert!(found.len() == 1 && found[0].contains(&place), "{found:?}");
    assert!(found[0].contains("let only one of the two swap"), "{found:?}");
    let output = home.run(&["swap", "rose"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("rose is live now") && text.contains(&place), "{text}");
    assert!(fs::read_to_string(&other).unwrap().contains("sk-rt-rose"), "it is followed");
    assert!(fs::symlink_metadata(&file).unwrap().is_symlink());
}

#[test]
fn a_configuration_too_large_is_named_with_what_helps() {
    let home = vault();
    sign_in_as(&home, "rose");
    let config = home.path().join(".claude.json");
    // Nothing is read of it, so it need not take room.
    let file = fs::File::options().write(true).open(&config).unwrap();
    file.set_len((512 << 20) + 1).unwrap();
    let said = error(&home.run(&["add"]));
    let doctor = told(&home, &[], "observe_only").concat();
    for text in [said, doctor] {
        assert!(text.contains(&config.display().to_string()) && text.contains("537 MB"), "{text}");
        assert!(text.contains("shorten it") && text.contains("projects"), "{text}");
        assert!(!text.contains("sign in") && !text.contains("Sign in"), "it does not help: {text}");
    }
}

#[test]
fn a_variable_that_is_set_but_empty_is_as_unset_everywhere() {
    let home = vault();
    sign_in(&home);
    let project = home.path().join("project");
    fs::create_dir(&project).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = home.command(arguments);
        command.current_dir(&project).env("CLAUDE_CONFIG_DIR", "").env("CODEX_HOME", "");
        command.output().unwrap()
    };
    let installed = run(&["hooks", "install", "--yes"]);
    assert!(installed.status.success(), "{}", error(&installed));
    assert!(home.path().join(".claude/settings.json").is_file());
    let added = run(&["add", "rose"]);
    assert!(added.status.success(), "{}", error(&added));
    assert_eq!(fs::read_dir(&project).unwrap().count(), 0, "nothing is written into the project");
}

#[test]
fn a_login_kept_in_a_keyring_is_never_called_live() {
    let home = vault();
    write(&home.path().join(".codex/config.toml"), "cli_auth_credentials_store = \"keyring\"");
    write(&home.path().join(".codex/auth.json"), "{\"tokens\":null}");
    let added = home.run(&["add", "--provider", "codex"]);
    let said = error(&added);
    assert!(!added.status.success());
    assert!(said.contains("keyring") && said.contains("config.toml"), "{said}");
    let (status, _) = home.json(&["status"]);
    let codex =
        status["providers"].as_array().unwrap().iter().find(|one| one["provider"] == "codex");
    let codex = codex.expect("it is shown");
    assert_eq!(codex["live"], Value::Null);
    assert!(codex["observe_only"].as_str().unwrap().contains("keyring"), "{codex}");
}

#[test]
fn each_seat_that_is_left_alone_says_what_it_is_and_what_helps() {
    let whole = "{\"claudeAiOauth\":{\"accessToken\":\"sk-a\",\"refreshToken\":\"sk-r\",\"expiresAt\":4000000000000}}";
    let setup = "{\"claudeAiOauth\":{\"accessToken\":\"sk-a\",\"expiresAt\":4000000000000}}";
    let identity = "{\"oauthAccount\":{\"accountUuid\":\"u\",\"organizationUuid\":\"o\"}}";
    let bom = format!("\u{feff}{whole}");
    for (credential, config, is, helps) in [
        (whole, None, "does not say whose", "Start the tool once"),
        (bom.as_str(), Some(identity), "byte-order mark", "UTF-8 without"),
        (setup, Some(identity), "setup-token", "claude auth login"),
        (&whole[..60], Some(identity), "ends in the middle", "if it stays so"),
        (
            "{\"claudeAiOauth\":{\"accessToken\":\"sk-a\",\"refreshToken\":\"\"}}",
            Some(identity),
            "a part of a login",
            "if it stays so",
        ),
        ("{\"key\":\"sk-a\"}", Some(identity), "does not know", "claude auth logout"),
    ] {
        let home = vault();
        write(&home.path().join(".claude/.credentials.json"), credential);
        if let Some(config) = config {
            write(&home.path().join(".claude.json"), config);
        }
        let said = error(&home.run(&["add"]));
        assert!(said.contains(is) && said.contains(helps), "{credential}: {said}");
        let doctor = told(&home, &[], "observe_only");
        assert!(
            doctor.len() == 1 && doctor[0].contains(is) && doctor[0].contains(helps),
            "{doctor:?}"
        );
        assert!(!doctor[0].contains("sk-a"), "{doctor:?}");
    }
}
