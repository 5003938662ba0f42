//! The path of this program that stays right when the program is updated.

use super::HookError;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// The name of the program in its directories.
const NAME: &str = "sluice";

/// Whether a path leads to the program that runs now.
pub fn is_this(path: &Path) -> bool {
    let here = std::env::current_exe().and_then(fs::canonicalize);
    here.is_ok_and(|here| fs::canonicalize(path).is_ok_and(|there| there == here))
}

/// The path the tool is to call: as the person reaches the program, with its links. A package keeps
/// each version in a directory of its own and moves a link; the directory goes with the next update.
///
/// # Errors
/// The system does not say where this program is.
pub fn stable() -> Result<PathBuf, HookError> {
    let here = std::env::current_exe()
        .map_err(|error| format!("the path of this program is not known: {error}"))?;
    let called = std::env::args_os().next();
    let found = reached(called.as_ref(), std::env::var_os("PATH").as_ref(), &is_this);
    let path = found.unwrap_or(here);
    if path.file_name().is_some_and(|name| name == NAME) {
        return Ok(path);
    }
    Err(format!(
        "this program is called {}; hooks can only call it as {NAME}. Nothing was changed.",
        path.display()
    ))
}

/// The first way to this program: through `PATH`, else as it was called.
fn reached(
    called: Option<&OsString>,
    path: Option<&OsString>,
    is_this: &dyn Fn(&Path) -> bool,
) -> Option<PathBuf> {
    let directories = path.map(|path| std::env::split_paths(path).collect::<Vec<_>>());
    let through_path = directories
        .unwrap_or_default()
        .into_iter()
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(NAME));
    let as_called = called
        .map(PathBuf::from)
        .filter(|called| called.components().count() > 1)
        .and_then(|called| std::path::absolute(called).ok());
    through_path.chain(as_called).find(|candidate| is_this(candidate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_the_person_goes_is_kept_with_its_links() {
        let real = ["/opt/current/bin/sluice", "/opt/1.2/bin/sluice"];
        let is_this = |path: &Path| real.iter().any(|one| Path::new(one) == path);
        let found =
            |called: &str, path: &str| reached(Some(&called.into()), Some(&path.into()), &is_this);
        let stable = Some(PathBuf::from("/opt/current/bin/sluice"));
        assert_eq!(found("sluice", "/usr/bin:/opt/current/bin:/opt/1.2/bin"), stable);
        assert_eq!(found("/opt/1.2/bin/sluice", "/opt/current/bin"), stable);
        assert_eq!(found("/opt/current/bin/sluice", "/usr/bin:relative"), stable);
        assert_eq!(found("sluice", "/usr/bin"), None);
    }
}
