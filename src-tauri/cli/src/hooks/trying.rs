//! Whether our hooks work: the command in the tool's settings is run, not believed.

use super::ours::{EVENTS, Entry};
use super::{HookError, file, ours, program, settings_file, splice};
use serde_json::Value;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Set by a trial: the hook answers and records nothing.
pub const TRIAL_VARIABLE: &str = "SLUICE_HOOK_TRIAL";
/// The longest a hook may take to answer a trial; the tool itself waits for 5 s.
const TRIAL_DEADLINE: Duration = Duration::from_secs(3);
/// Bytes of an answer that are looked at.
const ANSWER_MAX: u64 = 256;
/// Settings of the machine's administrator, which outrank the person's.
const MANAGED: &str = "/etc/claude-code/managed-settings.json";
/// More of them.
const MANAGED_MORE: &str = "/etc/claude-code/managed-settings.d";

/// How our hooks stand in the tool's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not there.
    Absent,
    /// All there, tried, and answered by this program.
    Whole,
    /// Only these events.
    Partial(Vec<&'static str>),
    /// They call another program.
    Elsewhere(String),
    /// They call a program that does not exist.
    Gone(String),
    /// All there, and the tool runs none; what says so.
    SwitchedOff(String),
    /// All there, and one does not answer; which and how.
    Broken(String),
}

impl Standing {
    /// What is wrong, for people; nothing where all is well or nothing is installed.
    pub fn trouble(&self) -> Option<String> {
        Some(match self {
            Self::Absent | Self::Whole => return None,
            Self::Partial(events) => {
                format!("Only some of Sluice's hooks are installed: {}.", events.join(", "))
            }
            Self::Elsewhere(program) => {
                format!("Sluice's hooks call {program}, which is not this program.")
            }
            Self::Gone(program) => {
                format!("Sluice's hooks call {program}, which does not exist.")
            }
            Self::SwitchedOff(by) => {
                format!("Sluice's hooks are installed, and the tool runs none: {by}.")
            }
            Self::Broken(what) => format!("Sluice's hooks are installed and do not work: {what}."),
        })
    }
}

/// What a trial is answered with.
pub fn answer(word: &str) -> String {
    format!("sluice/hook/1 {word}")
}

/// Looks at our hooks in the tool's settings and tries them.
///
/// # Errors
/// The settings cannot be read.
pub fn standing() -> Result<Standing, HookError> {
    let found = file::read(&settings_file()?)?;
    let text = found.text.unwrap_or_default();
    let entries = ours::entries(&text);
    let managed = managed(Path::new(MANAGED), Path::new(MANAGED_MORE));
    Ok(stands(&entries, &value(&text), &managed))
}

fn stands(entries: &[Entry], settings: &Value, managed: &[(PathBuf, Value)]) -> Standing {
    if entries.is_empty() {
        return Standing::Absent;
    }
    if let Some(other) = entries.iter().find(|one| !program::is_this(&one.program)) {
        let path = other.program.display().to_string();
        return if other.program.exists() {
            Standing::Elsewhere(path)
        } else {
            Standing::Gone(path)
        };
    }
    let events: Vec<_> = EVENTS.map(|(event, _)| event).to_vec();
    let there = |event: &&str| entries.iter().any(|one| one.event == *event);
    if !events.iter().all(there) {
        return Standing::Partial(events.into_iter().filter(|event| there(event)).collect());
    }
    if let Some(by) = switched_off(settings, managed) {
        return Standing::SwitchedOff(by);
    }
    match entries.iter().find_map(|one| attempt(one).err()) {
        Some(what) => Standing::Broken(what),
        None => Standing::Whole,
    }
}

fn value(text: &str) -> Value {
    serde_json::from_str(&text[splice::whole(text)]).unwrap_or_default()
}

/// The administrator's settings in the order in which they count, the last one most.
fn managed(first: &Path, more: &Path) -> Vec<(PathBuf, Value)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(more)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "json"))
        .collect();
    files.sort();
    files.insert(0, first.to_path_buf());
    let read = |path: PathBuf| {
        let text = file::read(&path).ok()?.text?;
        Some((path, value(&text)))
    };
    files.into_iter().filter_map(read).collect()
}

/// What keeps the tool from running the person's hooks.
fn switched_off(settings: &Value, managed: &[(PathBuf, Value)]) -> Option<String> {
    let word = |value: &Value, name: &str| value.get(name).and_then(Value::as_bool);
    let decided = |name: &'static str| {
        managed.iter().rev().find_map(|(path, value)| Some((path, word(value, name)?)))
    };
    if let Some((path, true)) = decided("allowManagedHooksOnly") {
        return Some(format!("{} allows only its own (allowManagedHooksOnly)", path.display()));
    }
    match decided("disableAllHooks") {
        Some((path, true)) => Some(format!("{} sets disableAllHooks", path.display())),
        Some((_, false)) => None,
        None => (word(settings, "disableAllHooks") == Some(true))
            .then(|| "your settings set disableAllHooks".to_owned()),
    }
}

/// Runs a hook as the tool would, with a document that says nothing; it must answer as ours does.
fn attempt(entry: &Entry) -> Result<(), String> {
    let failed = |what: String| format!("the one for {} {what}", entry.event);
    let mut child = Command::new("/bin/sh")
        .args(["-c", &entry.command])
        .env(TRIAL_VARIABLE, "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(format!("could not be started ({error})")))?;
    let (tell, told) = mpsc::channel();
    if let Some(out) = child.stdout.take() {
        // Ends with the hook: nothing else has the other end.
        std::thread::spawn(move || {
            let mut said = String::new();
            let read = out.take(ANSWER_MAX).read_to_string(&mut said);
            let _late = tell.send(read.map(|_| said));
        });
    }
    let said = told.recv_timeout(TRIAL_DEADLINE);
    if said.is_err() {
        let _ended_already = child.kill();
    }
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    match said {
        Err(_) => Err(failed(format!("did not answer in {} s", TRIAL_DEADLINE.as_secs()))),
        Ok(_) if !status.success() => Err(failed(format!("ended with {status}"))),
        Ok(Ok(said)) if said.trim() == answer(entry.word) => Ok(()),
        Ok(_) => Err(failed("did not answer as Sluice does".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn off(settings: &Value, managed: &[Value]) -> Option<String> {
        let named: Vec<_> = (0..)
            .zip(managed)
            .map(|(number, value)| (PathBuf::from(format!("/m{number}")), value.clone()))
            .collect();
        switched_off(settings, &named)
    }

    #[test]
    fn whoever_outranks_the_person_decides() {
        let (none, yes, no) =
            (json!({}), json!({ "disableAllHooks": true }), json!({ "disableAllHooks": false }));
        let only = json!({ "allowManagedHooksOnly": true });
        assert_eq!(off(&none, &[]), None);
        assert!(off(&yes, &[]).unwrap().contains("your settings"));
        assert_eq!(off(&yes, std::slice::from_ref(&no)), None);
        assert!(off(&none, &[no.clone(), yes.clone()]).unwrap().contains("/m1"));
        assert_eq!(off(&none, &[yes, no]), None);
        assert!(off(&none, &[only]).unwrap().contains("allowManagedHooksOnly"));
        assert_eq!(off(&json!({ "disableAllHooks": "yes" }), &[]), None);
    }

    #[test]
    fn managed_settings_are_read_in_order_and_nonsense_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let (first, more) = (dir.path().join("m.json"), dir.path().join("m.d"));
        assert!(managed(&first, &more).is_empty());
        std::fs::write(&first, "{\"a\":1}").unwrap();
        std::fs::create_dir(&more).unwrap();
        for (name, text) in
            [("20.json", "{\"a\":3}"), ("10.json", "{\"a\":2}"), ("5.json", "{"), ("x", "{}")]
        {
            std::fs::write(more.join(name), text).unwrap();
        }
        let found: Vec<_> = managed(&first, &more).into_iter().map(|(_, value)| value).collect();
        assert_eq!(found, [json!({ "a": 1 }), json!({ "a": 2 }), json!({ "a": 3 })]);
    }

    #[test]
    fn a_hook_that_fails_hangs_or_says_something_else_does_not_work() {
        let tried = |command: &str| {
            let program = PathBuf::from("/x/sluice");
            attempt(&Entry { event: "Stop", word: "stop", command: command.to_owned(), program })
        };
        assert_eq!(tried("echo sluice/hook/1 stop"), Ok(()));
        assert!(tried("exit 0").unwrap_err().contains("as Sluice does"));
        assert!(tried("echo sluice/hook/1 stop; exit 3").unwrap_err().contains("exit status: 3"));
        assert!(tried("/nowhere/sluice hook stop").unwrap_err().contains("127"));
        assert!(tried("exec sleep 60").unwrap_err().contains("did not answer in 3 s"));
    }
}
