//! What the page may ask: the current view, and a subset of the driver's requests. The page is the one part
//! with foreign text in a browser engine.
//!
//! Verbs on opaque ids only. Nothing secret comes back, nothing takes a path or an address.

use crate::shell::{Shell, Shown};
use sluice_protocol::{Answer, Code, Request, refused, window_may_ask};
use std::sync::Arc;
use tauri::State;

/// The longest value of a setting as JSON, in bytes.
const SETTING_BYTES_MAX: usize = 4 * 1024;

/// The current view.
#[tauri::command]
pub async fn view(shell: State<'_, Arc<Shell>>) -> Result<Shown, ()> {
    Ok(shell.shown())
}

/// One request to the driver and its answer. A request the page may not make is refused here.
#[tauri::command]
pub async fn call(shell: State<'_, Arc<Shell>>, request: Request) -> Result<Answer, ()> {
    Ok(match permitted(&request) {
        Ok(()) => shell.ask(request).await,
        Err(text) => refused(Code::Invalid, format!("{text} Nothing was changed.")),
    })
}

/// Whether the page may ask this. What a request may hold is the driver's to check; the value of a
/// setting alone has a shape of its own.
fn permitted(request: &Request) -> Result<(), &'static str> {
    match request {
        Request::Set { value, .. } if value.to_string().len() > SETTING_BYTES_MAX => {
            Err("The setting's value is too long.")
        }
        _ if window_may_ask(request) => Ok(()),
        _ => Err("This window may not ask that."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_cannot_end_the_driver_or_hold_a_stream() {
        for request in [Request::Quit, Request::Watch] {
            assert!(permitted(&request).is_err(), "{request:?}");
        }
        assert!(permitted(&Request::Stop).is_ok());
    }

    #[test]
    fn a_setting_is_no_longer_than_its_bound() {
        let set = |value: serde_json::Value| {
            permitted(&Request::Set { key: "work_hours".to_owned(), value })
        };
        assert!(set("x".repeat(4_000).into()).is_ok());
        assert!(set("x".repeat(5_000).into()).is_err());
    }
}
