//! Numbers for a collector, read by a parser that is not ours.

use crate::{ALPHA, add_both, brisk, quiet, two, use_up};
use serde_json::Value;
use sluice_protocol::{Answer, Mode, Request};
use sluice_tests::desktop::{PATIENCE, Parts, wait_for};
use sluice_tests::stage::Stage;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// Prints what it understood as JSON: series by name and labels.
const PARSER: &str = "
import sys, json
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
found = []
for family in parse(sys.stdin.read()):
    for s in family.samples:
        found.append({'family': family.name, 'type': family.type, 'unit': family.unit,
                      'name': s.name, 'labels': s.labels, 'value': s.value})
print(json.dumps(found))
";

fn parsed(text: &str) -> Vec<Value> {
    // The system's own, which has the package that `cargo xtask test` sets up.
    let mut python = Command::new("/usr/bin/python3")
        .args(["-c", PARSER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python");
    python.stdin.take().expect("its input").write_all(text.as_bytes()).expect("the text");
    let output = python.wait_with_output().expect("its output");
    assert!(output.status.success(), "the parser refuses:\n{text}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn value(samples: &[Value], name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let fits = |sample: &&Value| {
        sample["name"] == name && labels.iter().all(|(key, label)| sample["labels"][*key] == *label)
    };
    let found: Vec<f64> =
        samples.iter().filter(fits).filter_map(|one| one["value"].as_f64()).collect();
    (!found.is_empty()).then(|| found.iter().sum())
}

#[test]
fn an_independent_parser_reads_the_numbers_of_a_day_from_the_socket_and_the_file() {
    let stage = Stage::new(Parts::headless(), brisk(), two());
    let _daemon = stage.daemon();
    add_both(&stage, Mode::Auto);
    use_up(&stage, crate::BETA);
    stage.wait_committed(1, PATIENCE);
    quiet(&stage);
    let said = stage.sluice(&["metrics"]);
    assert_eq!(said.code, 0, "{said:?}");
    let samples = parsed(&said.out);
    let alpha = [("account", "alpha"), ("window", "seven_day")];
    assert_eq!(value(&samples, "sluice_used_percent", &alpha), Some(30.0));
    let lane = [("lane", "default"), ("account", "alpha")];
    assert_eq!(value(&samples, "sluice_lane_account", &lane), Some(1.0));
    let committed = [("outcome", "committed")];
    assert_eq!(value(&samples, "sluice_swaps_total", &committed), Some(1.0));
    let sent =
        stage.fake.world().state().served.iter().filter(|(_, status)| *status == 200).count();
    let counted = value(&samples, "sluice_requests_total", &[("status", "200")]).expect("requests");
    assert!(counted <= sent as f64 && counted >= 2.0, "{counted} of {sent}");
    assert!(value(&samples, "sluice_decisions_total", &[("action", "swap")]) >= Some(1.0));
    assert!(value(&samples, "sluice_requests_left", &[("account", "beta")]).is_some());
    assert!(!said.out.contains('@'), "{}", said.out);
    let asked = stage.sluice(&["metrics", "--show-mail"]).out;
    assert!(value(&parsed(&asked), "sluice_requests_left", &[("email", ALPHA)]).is_some());

    let request = Request::Set { key: "metrics.file".to_owned(), value: true.into() };
    assert_eq!(stage.ask(&request), Answer::Done);
    let file = stage.data().join("metrics/sluice.prom");
    let text = wait_for("the file", PATIENCE, || std::fs::read_to_string(&file).ok());
    assert_eq!(value(&parsed(&text), "sluice_swaps_total", &committed), Some(1.0));
}
