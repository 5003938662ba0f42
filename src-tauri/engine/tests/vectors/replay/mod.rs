//! Replays recorded behaviour: files of the shape `{id, fn, tz, in, out, note?}`, one document per
//! line (or one JSON list), against the engine under `Rules::seed()`.

mod choosing;
mod formulas;
pub(crate) mod reading;
mod shapes;
mod ticks;

use serde_json::Value;
use std::path::Path;

/// Two floats agree within this.
const TOLERANCE: f64 = 1e-9;

/// How a replay ended.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Vectors that agree.
    pub passed: usize,
    /// What does not: the vector's id and the first difference.
    pub failures: Vec<(String, String)>,
}

impl Tally {
    /// Adds another tally.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failures.extend(other.failures);
    }
}

/// Replays a file, or every `*.jsonl` file of a folder.
///
/// # Errors
/// When a path cannot be read or a line is no JSON document.
pub fn replay_path(path: &Path) -> Result<Tally, String> {
    let mut tally = Tally::default();
    if path.is_dir() {
        let entries = std::fs::read_dir(path).map_err(|error| format!("{path:?}: {error}"))?;
        let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.retain(|file| file.extension().is_some_and(|ending| ending == "jsonl"));
        files.sort();
        for file in files {
            tally.add(replay_path(&file)?);
        }
        return Ok(tally);
    }
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path:?}: {error}"))?;
    for vector in documents(&text).map_err(|error| format!("{path:?}: {error}"))? {
        let id = vector["id"].as_str().unwrap_or("?").to_owned();
        match replay(&vector) {
            Ok(()) => tally.passed += 1,
            Err(difference) => tally.failures.push((id, difference)),
        }
    }
    Ok(tally)
}

fn documents(text: &str) -> Result<Vec<Value>, String> {
    let meta = |vector: &Value| vector["fn"] == "_meta";
    let all: Vec<Value> = if text.trim_start().starts_with('[') {
        serde_json::from_str(text).map_err(|error| error.to_string())?
    } else {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let parsed: Result<_, _> = lines.map(serde_json::from_str).collect();
        parsed.map_err(|error| error.to_string())?
    };
    Ok(all.into_iter().filter(|vector| !meta(vector)).collect())
}

/// Replays one vector.
///
/// # Errors
/// With the first difference, or when the function is not known.
pub fn replay(vector: &Value) -> Result<(), String> {
    let zone = shapes::zone(&vector["tz"])?;
    let (given, expected) = (&vector["in"], &vector["out"]);
    let function = vector["fn"].as_str().unwrap_or("?");
    if function == "monitor_ticks" {
        return ticks::replay(given, expected, zone);
    }
    let answer = formulas::answer(function, given, zone)
        .or_else(|| choosing::answer(function, given, zone))
        .or_else(|| reading::answer(function, given))
        .ok_or_else(|| format!("no function {function} here"))??;
    same(&answer, expected, function)
}

/// Compares two documents: floats by tolerance, everything else exactly.
pub(crate) fn same(answer: &Value, expected: &Value, at: &str) -> Result<(), String> {
    let differ = || Err(format!("{at}: {answer} instead of {expected}"));
    match (answer, expected) {
        (Value::Number(left), Value::Number(right)) => {
            let (left, right) = (left.as_f64(), right.as_f64());
            match left.zip(right) {
                Some((left, right)) if close(left, right) => Ok(()),
                Some(_) | None => differ(),
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => left
            .iter()
            .zip(right)
            .enumerate()
            .try_for_each(|(index, (left, right))| same(left, right, &format!("{at}[{index}]"))),
        (Value::Object(left), Value::Object(right)) => {
            for (key, expected) in right {
                let answer = left.get(key).unwrap_or(&Value::Null);
                same(answer, expected, &format!("{at}.{key}"))?;
            }
            let extra = left.keys().find(|key| !right.contains_key(*key));
            extra.map_or(Ok(()), |key| Err(format!("{at}.{key}: not expected")))
        }
        _ if answer == expected => Ok(()),
        _ => differ(),
    }
}

fn close(left: f64, right: f64) -> bool {
    (left - right).abs() <= TOLERANCE * left.abs().max(right.abs()).max(1.0)
}
