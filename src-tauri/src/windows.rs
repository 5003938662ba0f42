//! The window: made on request, destroyed when closed. The application lives on without it.

use std::path::{Path, PathBuf};
use tauri::webview::NewWindowResponse;
use tauri::{AppHandle, Manager as _, Url, WebviewUrl, WebviewWindowBuilder};

/// The label that `capabilities/settings-window.json` grants its permissions to.
pub const SETTINGS: &str = "settings";

/// Where WebKit lays down what it keeps for the page, which keeps nothing: private, and empty at each
/// start and end.
///
/// A view that keeps nothing at all ("incognito") has a context of its own on Linux, and only the
/// first of a run knows the scheme of our page: the second would show an error instead of it.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Below the tray's own directory, which one tray holds at a time.
    #[must_use]
    pub fn below(tray: &Path) -> Self {
        let scratch = Self(tray.join("window"));
        scratch.empty();
        scratch
    }

    /// Takes away what is there.
    pub fn empty(&self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "what the window left behind could not be taken away");
        }
    }
}

/// Opens the window, or brings the open one to the front. Returns at once.
pub fn open(app: &AppHandle) {
    let handle = app.clone();
    let queued = app.run_on_main_thread(move || {
        if let Err(error) = open_here(&handle) {
            tracing::error!(%error, "the window could not be opened");
        }
    });
    if let Err(error) = queued {
        tracing::error!(%error, "the main thread takes no work; the window stays closed");
    }
}

/// Whether somebody looks at it.
#[must_use]
pub fn is_open(app: &AppHandle) -> bool {
    app.get_webview_window(SETTINGS).is_some()
}

fn open_here(app: &AppHandle) -> tauri::Result<()> {
    if let Some(window) = app.get_webview_window(SETTINGS) {
        window.unminimize()?;
        window.show()?;
        return window.set_focus();
    }
    let scratch = app.state::<Scratch>();
    sluice_driver::lock::private_dir(&scratch.0)?;
    WebviewWindowBuilder::new(app, SETTINGS, WebviewUrl::App("index.html".into()))
        .title("Sluice")
        .inner_size(940.0, 720.0)
        .min_inner_size(560.0, 420.0)
        .data_directory(scratch.0.clone())
        .incognito(cfg!(not(target_os = "linux")))
        .on_navigation(is_our_page)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .on_download(|_, _| false)
        .build()?;
    Ok(())
}

/// The page may only ever be our own.
fn is_our_page(url: &Url) -> bool {
    match (url.scheme(), url.host_str()) {
        ("tauri", Some("localhost")) => true,
        // Where custom schemes are mapped onto HTTP.
        ("http" | "https", Some("tauri.localhost")) => cfg!(windows),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_our_page;

    #[test]
    fn only_our_own_page_is_shown() {
        let ours = |text: &str| is_our_page(&text.parse().expect("address"));
        assert!(ours("tauri://localhost/index.html"));
        for foreign in [
            "https://example.com/",
            "http://localhost:1420/",
            "http://localhost/",
            "file:///etc/passwd",
            "data:text/html,hello",
            "about:blank",
            "tauri://evil/",
        ] {
            assert!(!ours(foreign), "{foreign}");
        }
    }
}
