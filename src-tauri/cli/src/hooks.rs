//! `sluice hooks install|remove|status`: our lines in the tool's own settings, with consent and a backup,
//! and removed without a trace. Every byte that is not ours stays as it is.

mod file;
mod ours;
mod program;
mod splice;
mod trying;

use crate::args::HooksCommand;
use crate::{Exit, render};
use serde_json::{Value, json};
use sluice_protocol::Provider;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};

pub use trying::{Standing, TRIAL_VARIABLE, answer, standing};

/// A file that changes again and again while it is to be replaced is given up after so many attempts.
const ATTEMPTS_MAX: u32 = 5;

/// Why nothing was done.
type HookError = String;

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

/// Where the tool looks for its settings; a variable that is set and empty counts as unset, as the
/// tool has it.
fn settings_file() -> Result<PathBuf, HookError> {
    let directory = sluice_driver::whereabouts::tool_home(Provider::HOOKED)
        .ok_or("no home directory is known, so the tool's settings cannot be found")?;
    Ok(directory.join("settings.json"))
}

fn install(path: &Path, yes: bool) -> Result<Found, HookError> {
    // First: what cannot be done is not asked for.
    changed(path, &file::read(path)?)?;
    if !yes && !agreed(path) {
        return Err("nothing was changed; --yes agrees without being asked".to_owned());
    }
    let name = path.display();
    for _ in 0..ATTEMPTS_MAX {
        // Read anew: the tool may have saved something while we asked.
        let was = file::read(path)?;
        let new = changed(path, &was)?;
        if was.text.as_ref() == Some(&new) {
            return Ok(installed(path, format!("Sluice's hooks are in {name} already."), None));
        }
        let known = was.text.as_deref().is_some_and(|text| !ours::entries(text).is_empty());
        let backup = if known { None } else { Some(file::keep(path, was.text.as_deref())?) };
        let done = file::replace(&was, &new);
        match (&done, backup) {
            (Ok(true), backup) => {
                let kept = backup.map(|(kept, _)| kept).filter(|_| was.text.is_some());
                let told = kept.as_ref().map_or_else(String::new, |kept| {
                    format!(" The file as it was is kept as {}.", kept.display())
                });
                return Ok(installed(path, format!("Sluice's hooks are in {name}.{told}"), kept));
            }
            // Of a file that was not replaced there is nothing to keep.
            (_, Some((made, true))) => {
                let _stays = std::fs::remove_file(made);
            }
            (_, Some((_, false)) | None) => {}
        }
        done?;
    }
    Err(format!("{name} changes all the time; nothing was changed. Try again."))
}

fn installed(path: &Path, text: String, backup: Option<PathBuf>) -> Found {
    let backup = backup.or_else(|| file::first_backup(path));
    Found { text, json: json!({ "installed": true, "settings": path, "backup": backup }) }
}

/// The settings with our entries.
fn changed(path: &Path, was: &file::Settings) -> Result<String, HookError> {
    let text = was.text.as_deref().unwrap_or("{}\n");
    ours::with(text, &path.display().to_string(), &program::stable()?)
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

fn remove(path: &Path) -> Result<Found, HookError> {
    let name = path.display();
    for _ in 0..ATTEMPTS_MAX {
        let was = file::read(path)?;
        let text = was.text.clone().unwrap_or_default();
        let new = ours::without(&text);
        if new == text {
            return Ok(removed(path, format!("There were none in {name}."), false));
        }
        let empty = splice::members(&new, &splice::whole(&new)).is_some_and(|left| left.is_empty());
        let made = file::was_made_by_us(path);
        let ours_alone = empty && made;
        let done = if ours_alone { file::take_away(&was)? } else { file::replace(&was, &new)? };
        if !done {
            continue;
        }
        // Where there was no file before us, an empty copy says so and nothing more.
        let left = file::drop_backups(path, if made { "" } else { &new })?;
        let kept = left.map_or_else(String::new, |left| {
            format!(" It is not what it was before: that is kept as {}.", left.display())
        });
        return Ok(removed(path, format!("Sluice's hooks were taken out of {name}.{kept}"), true));
    }
    Err(format!("{name} changes all the time; nothing was changed. Try again."))
}

fn removed(path: &Path, text: String, changed: bool) -> Found {
    let backup = file::first_backup(path);
    let json =
        json!({ "installed": false, "changed": changed, "settings": path, "backup": backup });
    Found { text, json }
}

fn status(path: &Path) -> Result<Found, HookError> {
    let standing = standing()?;
    let text = file::read(path)?.text.unwrap_or_default();
    let mut events: Vec<_> = ours::entries(&text).into_iter().map(|entry| entry.event).collect();
    events.dedup();
    let trouble = standing.trouble();
    let name = path.display();
    let told = match (&standing, &trouble) {
        (Standing::Absent, _) => {
            format!("Sluice's hooks are not in {name}. `sluice hooks install` adds them.")
        }
        (_, None) => format!("Sluice's hooks are in {name} and answer."),
        (Standing::SwitchedOff(_), Some(trouble)) => trouble.clone(),
        (_, Some(trouble)) => format!("{trouble} `sluice hooks install` puts them right."),
    };
    let json = json!({
        "installed": standing == Standing::Whole,
        "events": events,
        "trouble": trouble,
        "settings": path,
    });
    Ok(Found { text: told, json })
}
