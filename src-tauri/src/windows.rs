//! The settings window: made when asked for, gone when closed. The application lives on without it.

use tauri::webview::NewWindowResponse;
use tauri::{AppHandle, Manager as _, Url, WebviewUrl, WebviewWindowBuilder};

/// The label that `capabilities/settings-window.json` grants its permissions to.
pub const SETTINGS: &str = "settings";

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
    WebviewWindowBuilder::new(app, SETTINGS, WebviewUrl::App("index.html".into()))
        .title("Sluice")
        .inner_size(940.0, 720.0)
        .min_inner_size(560.0, 420.0)
        // The page keeps nothing: no cookie, no storage, no cache on the disk.
        .incognito(!automated())
        .on_navigation(is_our_page)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .on_download(|_, _| false)
        .build()?;
    Ok(())
}

/// A test drives the page; WebKitGTK's driver cannot reach a page that keeps nothing.
fn automated() -> bool {
    std::env::var("TAURI_WEBVIEW_AUTOMATION").as_deref() == Ok("true")
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
