//! `sluice hooks install|remove|status`: our lines in the tool's own settings, with consent, with a
//! backup, and gone again without a trace.

use crate::{Exit, render};
use serde_json::{Map, Value, json};
use std::fs::{self, OpenOptions};
use std::io::{BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Events of the tool and the word our hook knows them by.
const EVENTS: [(&str, &str); 5] = [
    ("SessionStart", "session-start"),
    ("UserPromptSubmit", "user-prompt-submit"),
    ("Stop", "stop"),
    ("StopFailure", "stop-failure"),
    ("SessionEnd", "session-end"),
];
/// What marks a command as ours.
const MARK: &str = " hook ";
/// A settings file larger than this is not the tool's.
const SETTINGS_MAX: u64 = 4 << 20;

/// What can be typed after `hooks`.
#[derive(Clone, Copy, Debug, clap::Subcommand)]
pub enum HooksCommand {
    /// Adds Sluice's hooks to Claude Code's settings; yours stay as they are.
    Install {
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Takes Sluice's hooks out again.
    Remove,
    /// Says whether they are there.
    Status,
}

/// Why nothing was done.
type Trouble = String;

/// Carries out `sluice hooks …`.
pub fn run(command: HooksCommand, as_json: bool) -> Exit {
    let outcome = settings_file().and_then(|path| match command {
        HooksCommand::Install { yes } => install(&path, yes),
        HooksCommand::Remove => remove(&path),
        HooksCommand::Status => status(&path),
    });
    match outcome {
        Ok(found) if as_json => render::document("hooks", found.json),
        Ok(found) => render::say(&found.text),
        Err(trouble) => {
            render::complain(&trouble);
            return Exit::Failed;
        }
    }
    Exit::Done
}

struct Found {
    text: String,
    json: Value,
}

fn settings_file() -> Result<PathBuf, Trouble> {
    let directory = std::env::var_os("CLAUDE_CONFIG_DIR")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".claude")))
        .ok_or("no home directory is known, so the tool's settings cannot be found")?;
    Ok(directory.join("settings.json"))
}

/// The settings, empty when there is no file. What does not parse is left alone.
fn read(path: &Path) -> Result<(Map<String, Value>, Option<String>), Trouble> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok((Map::new(), None));
        }
        Err(error) => return Err(format!("{}: {error}; nothing was changed", path.display())),
    };
    let mut text = String::new();
    let read = file.take(SETTINGS_MAX + 1).read_to_string(&mut text);
    if read.is_err() || text.len() as u64 > SETTINGS_MAX {
        return Err(format!("{} is no settings file; it was left as it is", path.display()));
    }
    match serde_json::from_str(&text) {
        Ok(Value::Object(settings)) => Ok((settings, Some(text))),
        _ => Err(format!(
            "{} does not parse; it was left as it is. Mend it and try again.",
            path.display()
        )),
    }
}

/// Replaces the file whole, through its link if it is one, with its own mode.
fn write(path: &Path, settings: &Map<String, Value>) -> Result<(), Trouble> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let say = |error: std::io::Error| format!("{}: {error}; nothing was changed", target.display());
    let mode = fs::metadata(&target).map_or(0o600, |found| found.permissions().mode() & 0o777);
    if let Some(directory) = target.parent() {
        fs::create_dir_all(directory).map_err(say)?;
    }
    let staged = target.with_extension(format!("sluice-{}", std::process::id()));
    let put = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&staged)?;
        let text = serde_json::to_string_pretty(settings).map_err(std::io::Error::other)?;
        writeln!(file, "{text}")?;
        file.sync_all()?;
        fs::rename(&staged, &target)
    };
    put().map_err(|error| {
        let _nothing_left = fs::remove_file(&staged);
        say(error)
    })
}

fn our_command(word: &str) -> Result<String, Trouble> {
    let program = std::env::current_exe()
        .map_err(|error| format!("the path of this program is not known: {error}"))?;
    let program = program.to_string_lossy().replace('\'', "'\\''");
    Ok(format!("'{program}'{MARK}{word}"))
}

/// Ours is what calls a program named `sluice` with `hook`.
fn is_ours(command: &str) -> bool {
    let Some((program, rest)) = command.rsplit_once(MARK) else { return false };
    let named = program.trim_matches('\'').ends_with("sluice");
    named && EVENTS.iter().any(|(_, word)| rest.trim() == *word)
}

fn without_ours(groups: &Value) -> Vec<Value> {
    let ours = |hook: &Value| hook["command"].as_str().is_some_and(is_ours);
    let mut kept = Vec::new();
    for group in groups.as_array().into_iter().flatten() {
        let Some(hooks) = group["hooks"].as_array() else {
            kept.push(group.clone());
            continue;
        };
        let left: Vec<Value> = hooks.iter().filter(|hook| !ours(hook)).cloned().collect();
        // A group that held only ours goes whole; one that was empty before is the person's.
        if !left.is_empty() || hooks.is_empty() {
            let mut group = group.clone();
            group["hooks"] = Value::Array(left);
            kept.push(group);
        }
    }
    kept
}

fn strip(settings: &mut Map<String, Value>) -> bool {
    let Some(Value::Object(hooks)) = settings.get_mut("hooks") else { return false };
    let mut changed = false;
    for (event, _) in EVENTS {
        let Some(groups) = hooks.get(event) else { continue };
        let kept = Value::Array(without_ours(groups));
        if kept == *groups {
            continue;
        }
        changed = true;
        if kept.as_array().is_some_and(Vec::is_empty) {
            hooks.shift_remove(event);
        } else {
            hooks.insert(event.to_owned(), kept);
        }
    }
    if changed && hooks.is_empty() {
        settings.shift_remove("hooks");
    }
    changed
}

fn installed(settings: &Map<String, Value>) -> Vec<&'static str> {
    let mut stripped = Vec::new();
    for (event, _) in EVENTS {
        let groups = settings.get("hooks").map(|hooks| &hooks[event]);
        let has = groups.is_some_and(|groups| {
            groups.is_array() && Value::Array(without_ours(groups)) != *groups
        });
        if has {
            stripped.push(event);
        }
    }
    stripped
}

fn install(path: &Path, yes: bool) -> Result<Found, Trouble> {
    let (mut settings, before) = read(path)?;
    if !yes && !agreed(path) {
        return Err("nothing was changed; --yes agrees without being asked".to_owned());
    }
    strip(&mut settings);
    let hooks = settings.entry("hooks").or_insert_with(|| json!({}));
    for (event, word) in EVENTS {
        let command = our_command(word)?;
        let group = json!({ "hooks": [{ "type": "command", "command": command, "timeout": 5 }] });
        match &mut hooks[event] {
            Value::Array(groups) => groups.push(group),
            empty @ Value::Null => *empty = Value::Array(vec![group]),
            _ => {
                return Err(format!(
                    "the hooks of {event} in {} are not a list; it was left as it is",
                    path.display()
                ));
            }
        }
    }
    let backup = before.map(|text| keep(path, &text)).transpose()?;
    write(path, &settings)?;
    let kept = backup.as_ref().map_or_else(String::new, |backup| {
        format!(" The file as it was is kept as {}.", backup.display())
    });
    Ok(Found {
        text: format!("Sluice's hooks are in {}.{kept}", path.display()),
        json: json!({ "installed": true, "settings": path, "backup": backup }),
    })
}

fn agreed(path: &Path) -> bool {
    if !std::io::stdin().is_terminal() {
        return false;
    }
    render::complain(&format!("five hooks will be added to {}. Go on? [y/N]", path.display()));
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}

/// Keeps the file as it was beside it, once: the first backup is the one before us.
fn keep(path: &Path, text: &str) -> Result<PathBuf, Trouble> {
    let backup = path.with_extension("json.before-sluice");
    let mut options = OpenOptions::new();
    match options.write(true).create_new(true).mode(0o600).open(&backup) {
        Ok(mut file) => file
            .write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(|error| format!("{}: {error}; nothing was changed", backup.display()))?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => {
            return Err(format!("{}: {error}; nothing was changed", backup.display()));
        }
    }
    Ok(backup)
}

fn remove(path: &Path) -> Result<Found, Trouble> {
    let (mut settings, before) = read(path)?;
    let changed = strip(&mut settings);
    if changed && before.is_some() {
        if settings.is_empty() && !path.with_extension("json.before-sluice").exists() {
            // The file was not there before us.
            fs::remove_file(path).map_err(|error| format!("{}: {error}", path.display()))?;
        } else {
            write(path, &settings)?;
        }
    }
    let backup = path.with_extension("json.before-sluice");
    if backup.exists() {
        fs::remove_file(&backup).map_err(|error| format!("{}: {error}", backup.display()))?;
    }
    let text = if changed { "Sluice's hooks were taken out of" } else { "There were none in" };
    Ok(Found {
        text: format!("{text} {}.", path.display()),
        json: json!({ "installed": false, "changed": changed, "settings": path }),
    })
}

/// How our hooks stand in the tool's settings.
pub enum Standing {
    /// Not there.
    Absent,
    /// All there, calling this program.
    Whole,
    /// Only these events.
    Partial(Vec<&'static str>),
    /// They call another program.
    Elsewhere(String),
    /// They call a program that does not exist.
    Gone(String),
}

/// Looks at our hooks in the tool's settings.
///
/// # Errors
/// The settings cannot be read.
pub fn standing() -> Result<Standing, Trouble> {
    let (settings, _) = read(&settings_file()?)?;
    let events = installed(&settings);
    if events.is_empty() {
        return Ok(Standing::Absent);
    }
    let other = programs(&settings).into_iter().find(|program| !is_this_program(program));
    Ok(match other {
        Some(program) if !Path::new(&program).exists() => Standing::Gone(program),
        Some(program) => Standing::Elsewhere(program),
        None if events.len() == EVENTS.len() => Standing::Whole,
        None => Standing::Partial(events),
    })
}

/// The programs that our hooks call.
fn programs(settings: &Map<String, Value>) -> Vec<String> {
    let groups = EVENTS.iter().filter_map(|(event, _)| settings.get("hooks")?[*event].as_array());
    let hooks = groups.flatten().filter_map(|group| group["hooks"].as_array()).flatten();
    let ours = hooks.filter_map(|hook| hook["command"].as_str()).filter(|command| is_ours(command));
    let program = |command: &str| Some(command.rsplit_once(MARK)?.0.trim_matches('\'').to_owned());
    ours.filter_map(program).collect()
}

fn is_this_program(program: &str) -> bool {
    let here = std::env::current_exe().and_then(fs::canonicalize);
    here.is_ok_and(|here| fs::canonicalize(program).is_ok_and(|there| there == here))
}

fn status(path: &Path) -> Result<Found, Trouble> {
    let (settings, _) = read(path)?;
    let events = installed(&settings);
    let whole = events.len() == EVENTS.len();
    let text = if whole {
        format!("Sluice's hooks are in {}.", path.display())
    } else if events.is_empty() {
        format!("Sluice's hooks are not in {}. `sluice hooks install` adds them.", path.display())
    } else {
        format!("Only {} in {}; install again.", events.join(", "), path.display())
    };
    Ok(Found { text, json: json!({ "installed": whole, "events": events, "settings": path }) })
}
