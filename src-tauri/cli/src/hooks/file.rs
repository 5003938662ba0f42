//! The tool's settings file, read and replaced: through its link, with its mode, and never over a
//! change that somebody made meanwhile. Own code instead of `tempfile`, which replaces and cannot
//! exchange.

use super::HookError;
use super::splice;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde_json::Value;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// A settings file larger than this is not the tool's, bytes.
const SETTINGS_MAX: u64 = 4 << 20;

/// The settings as they were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The file itself, behind links.
    pub file: PathBuf,
    /// Its text; `None` when there is no file.
    pub text: Option<String>,
}

/// Reads the settings. What is no settings file is left alone.
///
/// # Errors
/// What it is instead, and what to do.
pub fn read(path: &Path) -> Result<Settings, HookError> {
    let say = |error: &io::Error| format!("{}: {error}; nothing was changed", path.display());
    let file = match fs::canonicalize(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => match fs::read_link(path) {
            Ok(target) => {
                return Err(format!(
                    "{} is a link to {}, which does not exist; it was left as it is. Make that \
                     file, or remove the link.",
                    path.display(),
                    target.display()
                ));
            }
            Err(_) => return Ok(Settings { file: path.to_path_buf(), text: None }),
        },
        Err(error) => return Err(say(&error)),
    };
    let text = read_text(&file).map_err(|error| say(&error))?;
    let text = text
        .ok_or_else(|| format!("{} is no settings file; it was left as it is", path.display()))?;
    match serde_json::from_str::<Value>(&text[splice::whole(&text)]) {
        Ok(Value::Object(_)) => Ok(Settings { file, text: Some(text) }),
        _ => Err(format!(
            "{} does not parse; it was left as it is. Mend it and try again.",
            path.display()
        )),
    }
}

/// The text of a regular file of bearable size; waits for no pipe. `None` when it is something else.
fn read_text(file: &Path) -> io::Result<Option<String>> {
    use io::ErrorKind::{FileTooLarge, InvalidData, InvalidInput};
    match sluice_ground::read_text(file, SETTINGS_MAX) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), FileTooLarge | InvalidData | InvalidInput) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A name beside the file that nobody else uses.
fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".sluice-{}", std::process::id()));
    PathBuf::from(name)
}

/// Puts a new text in place of the one that was read. `false` when the file is not that one any
/// more: nothing was changed then.
///
/// # Errors
/// What the system says; nothing was changed.
pub fn replace(was: &Settings, new: &str) -> Result<bool, HookError> {
    let staged = beside(&was.file);
    let put = || -> io::Result<bool> {
        let mode = match &was.text {
            Some(_) => fs::metadata(&was.file)?.permissions().mode() & 0o7777,
            None => 0o600,
        };
        if let Some(directory) = was.file.parent() {
            fs::create_dir_all(directory)?;
        }
        let mut draft =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&staged)?;
        draft.write_all(new.as_bytes())?;
        draft.set_permissions(fs::Permissions::from_mode(mode))?;
        draft.sync_all()?;
        let done = swap_in(was, &staged)?;
        if let Some(directory) = was.file.parent() {
            File::open(directory)?.sync_all()?;
        }
        Ok(done)
    };
    let done = put();
    let _gone_already = fs::remove_file(&staged);
    done.map_err(|error| format!("{}: {error}; nothing was changed", was.file.display()))
}

/// The draft takes the file's name; what came out must be what was read, or it goes back.
fn swap_in(was: &Settings, staged: &Path) -> io::Result<bool> {
    let Some(text) = &was.text else {
        return match renameat_with(CWD, staged, CWD, &was.file, RenameFlags::NOREPLACE) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::EXIST) => Ok(false),
            Err(error) => Err(error.into()),
        };
    };
    let same = |file: &Path| read_text(file).is_ok_and(|found| found.as_ref() == Some(text));
    if !same(&was.file) {
        return Ok(false);
    }
    let exchange = || renameat_with(CWD, staged, CWD, &was.file, RenameFlags::EXCHANGE);
    match exchange() {
        Ok(()) if same(staged) => Ok(true),
        Ok(()) => {
            exchange()?;
            Ok(false)
        }
        // This file system exchanges nothing.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            fs::rename(staged, &was.file).map(|()| true)
        }
        Err(error) => Err(error.into()),
    }
}

/// Takes away a file that we made and that holds nothing any more. `false` when it is not the one
/// that was read.
///
/// # Errors
/// What the system says.
pub fn take_away(was: &Settings) -> Result<bool, HookError> {
    let aside = beside(&was.file);
    let taken = || -> io::Result<bool> {
        renameat_with(CWD, &was.file, CWD, &aside, RenameFlags::NOREPLACE)?;
        if read_text(&aside).is_ok_and(|found| found == was.text) {
            return fs::remove_file(&aside).map(|()| true);
        }
        renameat_with(CWD, &aside, CWD, &was.file, RenameFlags::NOREPLACE)?;
        Ok(false)
    };
    taken().map_err(|error| format!("{}: {error}", was.file.display()))
}

/// Backups beside the settings, the first one first.
const BACKUPS_MAX: usize = 9;

fn backup_name(path: &Path, number: usize) -> PathBuf {
    let suffix = if number == 0 { String::new() } else { format!("-{}", number + 1) };
    path.with_extension(format!("json.before-sluice{suffix}"))
}

/// Keeps the file as it was beside it. An empty backup says that there was no file.
///
/// Gives the backup's path, and whether it was made now.
///
/// # Errors
/// It cannot be written, or there are too many; nothing was changed.
pub fn keep(path: &Path, text: Option<&str>) -> Result<(PathBuf, bool), HookError> {
    let text = text.unwrap_or_default();
    for number in 0..BACKUPS_MAX {
        let backup = backup_name(path, number);
        let mut options = OpenOptions::new();
        let say = |error: io::Error| format!("{}: {error}; nothing was changed", backup.display());
        if let Some(directory) = backup.parent() {
            fs::create_dir_all(directory).map_err(say)?;
        }
        match options.write(true).create_new(true).mode(0o600).open(&backup) {
            Ok(mut file) => {
                let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
                if let Err(error) = written {
                    let _half_written = fs::remove_file(&backup);
                    return Err(say(error));
                }
                return Ok((backup, true));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if read_text(&backup).is_ok_and(|found| found.as_deref() == Some(text)) {
                    return Ok((backup, false));
                }
            }
            Err(error) => return Err(say(error)),
        }
    }
    Err(format!(
        "There are {BACKUPS_MAX} older copies beside {} already; nothing was changed. Remove those \
         that you do not need.",
        path.display()
    ))
}

/// The first backup there is: the file before us.
pub fn first_backup(path: &Path) -> Option<PathBuf> {
    (0..BACKUPS_MAX).map(|number| backup_name(path, number)).find(|backup| backup.exists())
}

/// Whether a backup says that there was no file before us.
pub fn was_made_by_us(path: &Path) -> bool {
    (0..BACKUPS_MAX).any(|number| {
        let found = fs::symlink_metadata(backup_name(path, number));
        found.is_ok_and(|found| found.is_file() && found.len() == 0)
    })
}

/// Removes the backups that hold exactly this; others stay, and the first of them is named.
///
/// # Errors
/// One cannot be removed.
pub fn drop_backups(path: &Path, text: &str) -> Result<Option<PathBuf>, HookError> {
    for number in 0..BACKUPS_MAX {
        let backup = backup_name(path, number);
        if read_text(&backup).is_ok_and(|found| found.as_deref() == Some(text)) {
            fs::remove_file(&backup).map_err(|error| format!("{}: {error}", backup.display()))?;
        }
    }
    Ok(first_backup(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_put_over_what_somebody_saved_meanwhile() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("settings.json");
        // There was none when it was read, and the tool has made one since.
        let none = read(&path).unwrap();
        fs::write(&path, "{\"a\":1}").unwrap();
        assert_eq!(replace(&none, "{\"ours\":1}"), Ok(false));
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"a\":1}");
        // There was one, and it says something else by now.
        let was = read(&path).unwrap();
        fs::write(&path, "{\"a\":2}").unwrap();
        assert_eq!(replace(&was, "{\"ours\":1}"), Ok(false));
        assert_eq!(take_away(&was), Ok(false));
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"a\":2}");
        let fresh = read(&path).unwrap();
        assert_eq!(replace(&fresh, "{\"ours\":1}"), Ok(true));
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"ours\":1}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no draft is left");
    }
}
