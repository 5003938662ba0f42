//! A second attempt is the same call, or there is none; and what is only a wording is held up to the
//! account's reading.

use crate::support::sample;
use crate::tool::{Bench, LIMIT, lines, present};
use sluice_engine::{AccountId, Plan, Provider};
use sluice_ledger::{NewAccount, Sample};
use std::io::Write as _;
use std::process::{Output, Stdio};

/// Refuses on A's seat, without reading a thing when `deaf`; elsewhere it says what it was given.
fn echo_elsewhere(bench: &Bench, deaf: bool) -> std::path::PathBuf {
    let first = bench.accounts[0].0;
    let read = if deaf { "" } else { "cat > /dev/null; " };
    bench.program(
        "claude",
        &format!(
            "case \"$CLAUDE_CONFIG_DIR\" in */{first}) {read}cat <<'END'\n{LIMIT}\nEND\nexit 1;; \
             *) wc -c; esac"
        ),
    )
}

fn fed(bench: &Bench, tool: &std::path::Path, words: &[&str], input: Stdio) -> Output {
    let mut command = bench.command(&["run", "--lane", "work", "--"]);
    command.arg(tool).arg("-p").args(words).stdin(input);
    command.output().unwrap()
}

fn piped(bench: &Bench, tool: &std::path::Path, words: &[&str], input: &[u8]) -> Output {
    let mut command = bench.command(&["run", "--lane", "work", "--"]);
    command.arg(tool).arg("-p").args(words);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    output
}

#[test]
fn a_second_attempt_is_given_the_same_input() {
    for (deaf, length) in [(false, 11), (true, 11), (false, 1 << 20), (true, 1 << 20)] {
        let bench = Bench::new(2);
        let tool = echo_elsewhere(&bench, deaf);
        let output = piped(&bench, &tool, &[], &vec![b'x'; length]);
        let (out, err) = lines(&output);
        assert!(output.status.success(), "{err}");
        assert_eq!(out.trim(), length.to_string(), "deaf: {deaf}");
        assert_eq!(bench.rows()[0].attempts, 2);
    }
    // A file is wound back to where it was, not to its beginning.
    let bench = Bench::new(2);
    let tool = echo_elsewhere(&bench, false);
    let path = bench.home.path().join("prompt");
    std::fs::write(&path, "0123456789").unwrap();
    let mut file = std::fs::File::open(&path).unwrap();
    std::io::Read::read_exact(&mut file, &mut [0; 4]).unwrap();
    let output = fed(&bench, &tool, &[], file.into());
    assert_eq!(lines(&output).0.trim(), "6");
}

#[test]
fn what_cannot_be_given_twice_is_not_tried_twice() {
    let cases: [(&[&str], usize); 2] =
        [(&[], 6 << 20), (&["--input-format", "stream-json", "--output-format", "stream-json"], 9)];
    for (words, length) in cases {
        let bench = Bench::new(2);
        let tool = echo_elsewhere(&bench, false);
        let output = piped(&bench, &tool, words, &vec![b'x'; length]);
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        assert_eq!(lines(&output).0.trim(), LIMIT);
        assert_eq!(bench.rows()[0].attempts, 1, "{words:?}");
        assert_eq!(bench.active().1, 2, "the lane moved for the next run");
    }
}

const WORDS: &str = "You've hit your 5-hour limit · resets 11:02pm (UTC)";

fn reading(bench: &Bench, account: usize, used: f64) {
    let at = present();
    let mut new = Sample { at, ..sample(bench.accounts[account], used) };
    new.usage.observed_at = Some(at);
    bench.ledger().record_sample(&new).unwrap();
}

#[test]
fn a_wording_alone_moves_nothing_against_a_reading_with_room() {
    let bench = Bench::new(2);
    reading(&bench, 0, 10.0);
    let output = bench.in_lane(&format!("echo \"{WORDS}\"; exit 1"));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(lines(&output).0.trim(), WORDS, "passed on as it is");
    assert!(lines(&output).1.contains("has room"), "{:?}", lines(&output));
    assert_eq!(bench.active().1, 1);
    assert_eq!(bench.ledger().skip(bench.accounts[0]).unwrap(), None);
    // Nearly full, or not read lately: then it is believed.
    reading(&bench, 0, 97.0);
    bench.in_lane(&format!("echo \"{WORDS}\"; exit 1"));
    assert_eq!(bench.active().1, 2);
    let unread = Bench::new(2);
    unread.in_lane(&format!("echo \"{WORDS}\"; exit 1"));
    assert_eq!(unread.active().1, 2);
    // What is structured needs no second witness.
    let bench = Bench::new(2);
    reading(&bench, 0, 10.0);
    bench.in_lane(&format!("cat <<'END'\n{LIMIT}\nEND\nexit 1"));
    assert_eq!(bench.active().1, 2);
}

#[test]
fn room_says_nothing_about_a_refused_login() {
    let bench = Bench::new(2);
    reading(&bench, 0, 10.0);
    let words = "Failed to authenticate: OAuth token revoked. Please log in again.";
    bench.in_lane(&format!("echo \"{words}\"; exit 1"));
    assert_eq!(bench.active().1, 2);
}

#[test]
fn an_answer_that_quotes_a_limit_moves_nothing() {
    let bench = Bench::new(2);
    let output =
        bench.in_lane("echo 'The log says:'; echo 'Usage limit reached - try later'; exit 1");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!((bench.active().1, bench.rows()[0].attempts), (1, 1));
    assert_eq!(bench.ledger().skip(bench.accounts[0]).unwrap(), None);
}

/// Two Codex accounts with seats of their own, the lane `code` on the first.
fn with_codex(bench: &Bench) -> Vec<AccountId> {
    let mut ledger = bench.ledger();
    let ids: Vec<AccountId> = ["one", "two"]
        .into_iter()
        .map(|name| {
            let new = NewAccount {
                provider: Provider::Codex,
                key: format!("{name}/workspace"),
                label: name.to_owned(),
                email: None,
                organization: None,
                plan: Plan::default(),
            };
            let id = ledger.add_account(&new, crate::support::T0).unwrap().id;
            let seat = bench.data().join(format!("seats/codex/{}", id.0));
            std::fs::create_dir_all(&seat).unwrap();
            std::fs::write(seat.join("auth.json"), "{}").unwrap();
            id
        })
        .collect();
    let lane = ledger.ensure_lane(Provider::Codex, "code", None).unwrap().lane.id;
    let then = crate::support::T0.plus_seconds(-3_600);
    ledger.adopt(lane, Some(ids[0]), None, then).unwrap();
    ids
}

const CODEX_LIMIT: &str = "You’ve hit your usage limit. Visit https://chatgpt.com/settings/usage to \
                           purchase more credits or try again in 2 hours.";

#[test]
fn codex_at_its_limit_is_seen_moved_and_repeated() {
    let text =
        format!("echo 'OpenAI Codex v0.171.0' >&2; echo \"ERROR: {CODEX_LIMIT}\" >&2; exit 1");
    let events = format!(
        "echo '{{\"type\":\"thread.started\"}}'; \
         echo '{{\"type\":\"error\",\"message\":\"{CODEX_LIMIT}\"}}'; \
         echo '{{\"type\":\"turn.failed\",\"error\":{{\"message\":\"{CODEX_LIMIT}\"}}}}'; exit 1"
    );
    for (words, refusal) in [(vec!["exec", "x"], text), (vec!["exec", "--json", "x"], events)] {
        let bench = Bench::new(1);
        let ids = with_codex(&bench);
        let first = ids[0].0;
        let script = format!(
            "case \"$CODEX_HOME\" in */{first}) {refusal};; *) echo '{{\"type\":\"item.completed\"}}'; esac"
        );
        let codex = bench.program("codex", &script);
        let mut command = bench.command(&["run", "--lane", "code", "--"]);
        let output = command.arg(codex).args(&words).output().unwrap();
        let (out, err) = lines(&output);
        assert!(output.status.success(), "{words:?}: {out}{err}");
        assert_eq!(out.trim(), "{\"type\":\"item.completed\"}", "{words:?}");
        let row = bench.rows().into_iter().next().unwrap();
        assert_eq!((row.attempts, row.execution.account), (2, Some(ids[1])), "{words:?}");
        let skip = bench.ledger().skip(ids[0]).unwrap().expect("a failure");
        assert!(skip.resets_at.is_some(), "{words:?}: the reset was read");
    }
}
