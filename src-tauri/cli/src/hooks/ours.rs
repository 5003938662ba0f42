//! Which entries in the tool's settings are ours: exactly those that we write, and no other.

use super::HookError;
use super::splice::{self, Style};
use serde_json::{Value, json};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Events of the tool and the word our hook knows them by.
pub const EVENTS: [(&str, &str); 5] = [
    ("SessionStart", "session-start"),
    ("UserPromptSubmit", "user-prompt-submit"),
    ("Stop", "stop"),
    ("StopFailure", "stop-failure"),
    ("SessionEnd", "session-end"),
];
/// Seconds the tool waits for our hook at most.
const TIMEOUT_S: u32 = 5;
/// The name of our program.
const PROGRAM: &str = "sluice";

/// One entry of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The event it stands under.
    pub event: &'static str,
    /// The word it says.
    pub word: &'static str,
    /// What the tool runs.
    pub command: String,
    /// The program in it.
    pub program: PathBuf,
}

fn quoted(program: &str) -> String {
    format!("'{}'", program.replace('\'', "'\\''"))
}

/// What the tool is to run.
pub fn command(program: &Path, word: &str) -> Result<String, HookError> {
    let path = program.to_str().ok_or_else(|| {
        format!("the path of this program is no text ({}), nothing was changed", program.display())
    })?;
    Ok(format!("{} hook {word}", quoted(path)))
}

/// The program of a command that we wrote for this word; `None` for any other command.
fn program(command: &str, word: &str) -> Option<PathBuf> {
    let quoted_path = command.strip_suffix(&format!(" hook {word}"))?;
    let inner = quoted_path.strip_prefix('\'')?.strip_suffix('\'')?;
    let path = inner.replace("'\\''", "'");
    let named = Path::new(&path).file_name().is_some_and(|name| name == PROGRAM);
    let written_by_us = quoted(&path) == quoted_path && Path::new(&path).is_absolute();
    (named && written_by_us).then(|| PathBuf::from(path))
}

/// The entry that a hook is, if it is ours.
fn entry(hook: &Value, (event, word): (&'static str, &'static str)) -> Option<Entry> {
    let fields = hook.as_object()?;
    let known = fields.keys().all(|key| ["type", "command", "timeout"].contains(&key.as_str()));
    if !known || fields.get("type")?.as_str()? != "command" {
        return None;
    }
    let command = fields.get("command")?.as_str()?.to_owned();
    let program = program(&command, word)?;
    Some(Entry { event, word, command, program })
}

/// Every entry of ours, in the order of the events.
pub fn entries(text: &str) -> Vec<Entry> {
    let settings: Value = serde_json::from_str(&text[splice::whole(text)]).unwrap_or_default();
    let mut found = Vec::new();
    for event in EVENTS {
        let groups = settings.get("hooks").and_then(|hooks| hooks.get(event.0)?.as_array());
        let hooks = groups.into_iter().flatten();
        let hooks = hooks.filter_map(|group| group.get("hooks")?.as_array()).flatten();
        found.extend(hooks.filter_map(|hook| entry(hook, event)));
    }
    found
}

/// The text without entries of ours; as it was when there are none.
pub fn without(text: &str) -> String {
    let mut text = text.to_owned();
    // One at a time, from a fresh look each: every removal moves what follows it.
    while let Some(next) = without_one(&text) {
        text = next;
    }
    text
}

fn without_one(text: &str) -> Option<String> {
    let root = splice::whole(text);
    let hooks = splice::member(text, &root, "hooks")?;
    let events = splice::members(text, &hooks)?;
    for (number, (name, groups)) in events.iter().enumerate() {
        let Some(event) = EVENTS.into_iter().find(|(event, _)| event == name) else { continue };
        let Some(listed) = splice::elements(text, groups) else { continue };
        for (group_number, group) in listed.iter().enumerate() {
            let Some((inner, entries, ours)) = first_of_ours(text, group, event) else { continue };
            let alone = entries.len() == 1;
            let bare = splice::members(text, group).is_some_and(|fields| fields.len() == 1);
            if !(alone && bare) {
                return Some(splice::take_out(text, &inner, &entries, ours));
            }
            // What held only ours goes whole: group, list, and all the hooks.
            if listed.len() > 1 {
                return Some(splice::take_out(text, groups, &listed, group_number));
            }
            let values: Vec<Range<usize>> = events.iter().map(|(_, value)| value.clone()).collect();
            if values.len() > 1 {
                return Some(splice::take_out(text, &hooks, &values, number));
            }
            let fields = splice::members(text, &root)?;
            let place = fields.iter().position(|(name, _)| name == "hooks")?;
            let values: Vec<_> = fields.into_iter().map(|(_, value)| value).collect();
            return Some(splice::take_out(text, &root, &values, place));
        }
    }
    None
}

/// The list of hooks in a group, the places of its hooks, and which of them is the first of ours.
fn first_of_ours(
    text: &str,
    group: &Range<usize>,
    event: (&'static str, &'static str),
) -> Option<(Range<usize>, Vec<Range<usize>>, usize)> {
    let list = splice::member(text, group, "hooks")?;
    let hooks = splice::elements(text, &list)?;
    let is_ours = |hook: &Range<usize>| {
        let value: Value = serde_json::from_str(&text[hook.clone()]).unwrap_or_default();
        entry(&value, event).is_some()
    };
    let first = hooks.iter().position(is_ours)?;
    Some((list, hooks, first))
}

/// The text with our entries, each once.
///
/// # Errors
/// What stands where hooks belong is not understood.
pub fn with(text: &str, name: &str, program: &Path) -> Result<String, HookError> {
    let left =
        |what: String| format!("{what} in {name}; it was left as it is. Mend it and try again.");
    let mut text = without(text);
    let style = Style::of(&text);
    let root = splice::whole(&text);
    let fields = splice::members(&text, &root);
    let fields = fields.ok_or_else(|| left("a name stands twice".to_owned()))?;
    if !fields.iter().any(|(name, _)| name == "hooks") {
        text = splice::add_member(&text, (&root, 0), ("hooks", &json!({})), &style);
    }
    for (event, word) in EVENTS {
        let root = splice::whole(&text);
        let hooks = splice::member(&text, &root, "hooks");
        let hooks = hooks.ok_or_else(|| left("\"hooks\" cannot be found".to_owned()))?;
        let events = splice::members(&text, &hooks);
        let events =
            events.ok_or_else(|| left("\"hooks\" is no object of single names".to_owned()))?;
        let command = command(program, word)?;
        let group =
            json!({ "hooks": [{ "type": "command", "command": command, "timeout": TIMEOUT_S }] });
        text = match events.iter().find(|(name, _)| name == event) {
            None => splice::add_member(&text, (&hooks, 1), (event, &json!([group])), &style),
            Some((_, groups)) if splice::elements(&text, groups).is_some() => {
                splice::add_element(&text, (groups, 2), &group, &style)
            }
            Some(_) => return Err(left(format!("the hooks of {event} are not a list"))),
        };
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/opt/it's/sluice";

    fn both_ways(text: &str) -> String {
        let more = with(text, "the file", Path::new(PATH)).unwrap();
        assert_eq!(entries(&more).len(), EVENTS.len(), "{more}");
        assert!(entries(&more).iter().all(|one| one.program == Path::new(PATH)));
        assert_eq!(with(&more, "the file", Path::new(PATH)).unwrap(), more, "twice is once");
        without(&more)
    }

    #[test]
    fn any_layout_comes_back_byte_for_byte() {
        for text in [
            "{}",
            "{\"a\":1e3,\"b\":123456789012345678901234567890}",
            "{\n\t\"n\": 1.50,\n\t\"hooks\": {\n\t\t\"Stop\": [\n\t\t\t{ \"hooks\": [] }\n\t\t]\n\t},\n\t\"z\": \"\\u00e9\"\n}\n",
            "{\r\n    \"permissions\" : { \"allow\":[ \"Bash(ls:*)\" ] }\r\n}",
            "\u{feff}{ \"hooks\": { \"PreToolUse\": [] } }",
            "{\"hooks\":{\"Stop\":[{\"hooks\":[{\"type\":\"command\",\"command\":\"mysluice hook stop\"}]}]}}",
        ] {
            assert_eq!(both_ways(text), text);
        }
    }

    #[test]
    fn resemblance_is_not_ours() {
        let one = |command: &str| {
            format!(
                "{{\"hooks\":{{\"Stop\":[{{\"hooks\":[{{\"type\":\"command\",\"command\":{}}}]}}]}}}}",
                Value::from(command)
            )
        };
        assert_eq!(entries(&one("'/usr/bin/sluice' hook stop")).len(), 1);
        for foreign in [
            "mysluice hook stop",
            "sluice hook stop",
            "'/usr/bin/mysluice' hook stop",
            "'/usr/bin/sluice' hook session-end",
            "'/usr/bin/sluice' hook stop ",
            "'/usr/bin/sluice' hook stop; beep",
            "echo '/usr/bin/sluice' hook stop",
            "'sluice' hook stop",
            "'/a/'b'/sluice' hook stop",
        ] {
            let text = one(foreign);
            assert_eq!((entries(&text).len(), without(&text)), (0, text.clone()), "{foreign}");
        }
        let more =
            one("'/usr/bin/sluice' hook stop").replace("\"type\"", "\"async\":true,\"type\"");
        assert_eq!(without(&more), more, "an entry with something of its own");
    }

    #[test]
    fn an_entry_among_others_goes_alone() {
        let text = "{\"hooks\":{\"Stop\":[{\"matcher\":\"\",\"hooks\":[{\"type\":\"command\",\
                    \"command\":\"'/x/sluice' hook stop\"},{\"type\":\"command\",\"command\":\"beep\"}]}]}}";
        let left = "{\"hooks\":{\"Stop\":[{\"matcher\":\"\",\"hooks\":[{\"type\":\"command\",\"command\":\"beep\"}]}]}}";
        assert_eq!(without(text), left);
    }

    #[test]
    fn what_is_no_list_is_refused_and_nothing_panics() {
        for hooks in [
            "[]",
            "\"x\"",
            "5",
            "null",
            "{\"Stop\":{}}",
            "{\"Stop\":null}",
            "{\"Stop\":[],\"Stop\":[]}",
        ] {
            let text = format!("{{\"hooks\":{hooks}}}");
            let told = with(&text, "the file", Path::new(PATH)).unwrap_err();
            assert!(told.contains("left as it is"), "{hooks}: {told}");
            assert_eq!(without(&text), text);
            assert!(entries(&text).is_empty());
        }
    }
}
