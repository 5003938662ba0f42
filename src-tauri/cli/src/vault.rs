//! `sluice vault`: where the logins are kept.

use crate::Exit;
use crate::args::{VaultCommand, VaultFile};
use crate::outcome::{Outcome, finish};
use serde_json::json;
use sluice_driver::Paths;
use sluice_driver::moving::move_to;
use sluice_driver::ports::PortError;
use sluice_driver::vault::{VaultKey, chosen};
use sluice_protocol::Refused;
use std::path::Path;

/// Shows where logins are kept, or moves them.
pub fn run(paths: &Paths, to: Option<&VaultCommand>, as_json: bool) -> Exit {
    let outcome = match to {
        None => chosen(paths).map(|choice| (choice, None)),
        Some(command) => {
            let target = target(command);
            move_to(paths, target.as_ref()).map(|moved| (target, Some(moved)))
        }
    };
    finish("vault", outcome.map_or_else(refused, |(choice, moved)| shown(choice, moved)), as_json)
}

fn target(command: &VaultCommand) -> Option<VaultKey> {
    match command {
        VaultCommand::Keychain => None,
        VaultCommand::File(VaultFile { key_file: Some(path), .. }) => {
            let path = std::path::absolute(path).unwrap_or_else(|_| Path::new(path).to_path_buf());
            Some(VaultKey::File { path })
        }
        VaultCommand::File(VaultFile { key_file: None, .. }) => Some(VaultKey::Passphrase),
    }
}

fn shown(choice: Option<VaultKey>, moved: Option<usize>) -> Outcome {
    let (kind, place) = match &choice {
        None => ("keychain", "in the system's keychain".to_owned()),
        Some(VaultKey::Passphrase) => {
            ("passphrase", "in encrypted files that a passphrase opens".to_owned())
        }
        Some(VaultKey::File { path }) => {
            ("key_file", format!("in encrypted files that the key in {} opens", path.display()))
        }
    };
    let text = match moved {
        None => format!("Logins are kept {place}."),
        Some(moved) => format!("Logins are kept {place}; {moved} items were moved."),
    };
    Outcome::Shown { json: json!({ "vault": kind, "moved": moved }), text }
}

fn refused(trouble: PortError) -> Outcome {
    Outcome::Refused(Refused::new(trouble.code, trouble.text))
}
