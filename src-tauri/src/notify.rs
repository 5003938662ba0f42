//! Notices to the desktop. Sending has a deadline, waiting for a click has an end, one cause stands on
//! the screen once, and only so many wait at once; the desktop's own do-not-disturb decides what is shown.

use crate::menu::Act;
use notify_rust::{Notification, NotificationResponse, Timeout, Urgency};
use sluice_driver::api::{Notice, Request};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

/// The longest the desktop may take to accept a notice.
const SEND: Duration = Duration::from_secs(2);
/// A click later than this is not waited for.
const ANSWER: Duration = Duration::from_secs(12 * 3600);
/// Causes whose notices are replaced and whose buttons are waited for at once.
const STANDING_MAX: usize = 16;

/// What a click on a notice asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clicked {
    /// A button: its request.
    Button(Request),
    /// The notice itself: the window.
    Body,
}

impl From<Clicked> for Act {
    fn from(clicked: Clicked) -> Self {
        match clicked {
            Clicked::Button(request) => Self::Ask(request),
            Clicked::Body => Self::Open,
        }
    }
}

/// Sends notices; cheap to clone.
#[derive(Clone)]
pub struct Teller {
    clicks: mpsc::Sender<Clicked>,
    shown: Arc<Mutex<Shown>>,
    icon: Arc<str>,
}

/// What stands on the screen, as far as we know.
#[derive(Default)]
struct Shown {
    by_cause: VecDeque<Standing>,
}

/// One cause stands once: a newer notice takes the older one's place, and its buttons with it.
struct Standing {
    cause: String,
    /// The desktop's number; 0 until the desktop has answered.
    id: u32,
    waiting: AbortHandle,
}

impl Shown {
    /// Takes the place of an older notice of this cause, and gives the number to replace.
    fn enter(&mut self, cause: &str, waiting: AbortHandle) -> Option<u32> {
        let older = self.by_cause.iter().position(|standing| standing.cause == cause);
        let older = older.and_then(|at| self.by_cause.remove(at));
        if let Some(older) = &older {
            older.waiting.abort();
        }
        if self.by_cause.len() == STANDING_MAX
            && let Some(oldest) = self.by_cause.pop_front()
        {
            oldest.waiting.abort();
        }
        let id = older.map(|older| older.id).filter(|id| *id != 0);
        let entry = Standing { cause: cause.to_owned(), id: id.unwrap_or_default(), waiting };
        self.by_cause.push_back(entry);
        id
    }

    fn number(&mut self, cause: &str, id: u32) {
        if let Some(standing) = self.by_cause.iter_mut().find(|one| one.cause == cause) {
            standing.id = id;
        }
    }
}

/// The picture beside a notice, put into the tray's own directory: a program that was not installed
/// has no icon by name. Without it the name has to do.
#[must_use]
pub fn icon(directory: &Path) -> Arc<str> {
    const PICTURE: &[u8] = include_bytes!("../../icons/128x128.png");
    let path = directory.join("icon.png");
    let there = std::fs::read(&path).is_ok_and(|found| found == PICTURE);
    let usable = there || std::fs::write(&path, PICTURE).is_ok();
    if usable { path.to_string_lossy().into() } else { "sluice".into() }
}

impl Teller {
    /// Clicks arrive at `clicks`.
    #[must_use]
    pub fn new(clicks: mpsc::Sender<Clicked>, icon: Arc<str>) -> Self {
        Self { clicks, shown: Arc::default(), icon }
    }

    /// Sends one notice without making the caller wait.
    pub fn tell(&self, notice: Notice) {
        let teller = self.clone();
        // The task begins once it is known under its cause, and is told what to replace.
        let (begin, begun) = oneshot::channel();
        let cause = notice.cause.clone();
        let task = tokio::spawn(async move {
            if let Ok(replaces) = begun.await {
                teller.send(notice, replaces).await;
            }
        });
        let replaces = self.locked().enter(&cause, task.abort_handle());
        let _gone = begin.send(replaces);
    }

    fn locked(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send(self, notice: Notice, replaces: Option<u32>) {
        let mut drawn = drawn(&notice, &self.icon);
        if let Some(id) = replaces {
            drawn.id(id);
        }
        let handle = match tokio::time::timeout(SEND, drawn.show_async()).await {
            Ok(Ok(handle)) => handle,
            Ok(Err(error)) => {
                tracing::warn!(cause = notice.cause, %error, "a notice could not be shown");
                return;
            }
            Err(_) => {
                tracing::warn!(cause = notice.cause, "the desktop did not take a notice in time");
                return;
            }
        };
        self.locked().number(&notice.cause, handle.id());
        let mut clicked = None;
        let answered = handle.wait_for_action_async(|response: &NotificationResponse| {
            clicked = meaning(&notice, response);
        });
        let in_time = tokio::time::timeout(ANSWER, answered).await.is_ok();
        if in_time
            && let Some(clicked) = clicked
            && self.clicks.send(clicked).await.is_err()
        {
            tracing::debug!("the application is ending; a click was dropped");
        }
    }
}

/// What a response to a notice means; closing it means nothing.
fn meaning(notice: &Notice, response: &NotificationResponse) -> Option<Clicked> {
    match response {
        NotificationResponse::Default => Some(Clicked::Body),
        NotificationResponse::Action(key) => {
            let pressed = notice.actions.iter().find(|action| action.key == *key)?;
            Some(Clicked::Button(pressed.request.clone()))
        }
        NotificationResponse::Reply(_) | NotificationResponse::Closed(_) => None,
    }
}

fn drawn(notice: &Notice, icon: &str) -> Notification {
    let mut drawn = Notification::new();
    drawn.appname("Sluice").icon(icon).summary(&notice.title).body(&escaped(&notice.body));
    drawn.action("default", "Open Sluice");
    for action in &notice.actions {
        drawn.action(&action.key, &action.label);
    }
    #[cfg(all(unix, not(target_os = "macos")))]
    drawn.hint(notify_rust::Hint::DesktopEntry("sluice".to_owned())).urgency(urgency(&notice.kind));
    drawn.timeout(if notice.actions.is_empty() {
        Timeout::Default
    } else {
        Timeout::Milliseconds(30_000)
    });
    drawn
}

/// What cannot wait: without the person's hands nothing goes on.
fn urgency(kind: &str) -> Urgency {
    match kind {
        "sign_in" | "swap_failed" | "stuck" | "keychain" => Urgency::Critical,
        _ => Urgency::Normal,
    }
}

/// Notification daemons read markup in the body; a label is text.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify_rust::CloseReason;
    use sluice_driver::api::{AccountId, NoticeAction};

    fn notice() -> Notice {
        Notice {
            cause: "advice/claude".to_owned(),
            kind: "advice".to_owned(),
            title: "Swap to Personal?".to_owned(),
            body: "<b>Personal</b> resets first & would strand.".to_owned(),
            actions: vec![NoticeAction {
                key: "swap".to_owned(),
                label: "Swap now".to_owned(),
                request: Request::Swap { to: AccountId(2) },
            }],
        }
    }

    #[test]
    fn a_button_asks_what_it_asked_for_when_it_was_made() {
        let wanted = Clicked::Button(Request::Swap { to: AccountId(2) });
        let action = |key: &str| NotificationResponse::Action(key.to_owned());
        assert_eq!(meaning(&notice(), &action("swap")), Some(wanted));
        assert_eq!(meaning(&notice(), &action("other")), None);
        assert_eq!(meaning(&notice(), &NotificationResponse::Default), Some(Clicked::Body));
        let closed = NotificationResponse::Closed(CloseReason::Expired);
        assert_eq!(meaning(&notice(), &closed), None);
    }

    #[tokio::test]
    async fn a_cause_stands_once_and_the_oldest_make_room() {
        let mut shown = Shown::default();
        let waiting = || tokio::spawn(std::future::pending::<()>());
        let first = waiting();
        assert_eq!(shown.enter("advice", first.abort_handle()), None);
        shown.number("advice", 7);
        let second = waiting();
        assert_eq!(shown.enter("advice", second.abort_handle()), Some(7));
        assert!(first.await.unwrap_err().is_cancelled(), "its buttons are no longer waited for");
        for cause in 0..STANDING_MAX {
            shown.enter(&cause.to_string(), waiting().abort_handle());
        }
        assert_eq!(shown.by_cause.len(), STANDING_MAX);
        assert!(second.await.unwrap_err().is_cancelled());
    }

    #[test]
    fn labels_cannot_carry_markup() {
        let drawn = drawn(&notice(), "sluice");
        assert_eq!(drawn.body, "&lt;b&gt;Personal&lt;/b&gt; resets first &amp; would strand.");
        let buttons: Vec<&str> = drawn.actions.chunks(2).map(|pair| pair[1].as_str()).collect();
        assert_eq!(buttons, ["Open Sluice", "Swap now"]);
    }
}
