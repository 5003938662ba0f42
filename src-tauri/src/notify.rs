//! Notices to the desktop. Sending has a deadline, waiting for a click has an end, one cause stands on
//! the screen once, and only so many wait at once. The desktop's do-not-disturb decides what is shown.

use crate::issuer::Issuers;
use crate::menu::Act;
use crate::standing::{Number, Place, Standing};
use notify_rust::{Notification, NotificationResponse, Timeout, Urgency};
use sluice_protocol::{Notice, NoticeKind, Request, View};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// The longest the desktop may take to accept a notice.
const SEND: Duration = Duration::from_secs(2);
/// A click later than this is not waited for.
const ANSWER: Duration = Duration::from_secs(12 * 3600);
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
    standing: Arc<Mutex<Standing>>,
    /// Notices being sent or waited for.
    open: watch::Sender<usize>,
    icon: Arc<str>,
    issuers: Issuers,
}

/// The picture beside a notice, put into the tray's own directory: a program that was not installed
/// has no icon by name. Without it the name has to do.
#[must_use]
pub fn icon(directory: &Path) -> Arc<str> {
    const PICTURE: &[u8] = include_bytes!("../../icons/128x128.png");
    let path = directory.join("icon.png");
    let size = u64::try_from(PICTURE.len()).unwrap_or_default();
    let there = sluice_ground::read_own(&path, size).is_ok_and(|found| found == PICTURE);
    let put = || sluice_ground::replace(&path, PICTURE, sluice_ground::Lasting::Whole);
    let usable = there || put().is_ok();
    if usable { path.to_string_lossy().into() } else { "sluice".into() }
}

impl Teller {
    /// Clicks arrive at `clicks`. Needs a running runtime.
    #[must_use]
    pub fn new(clicks: mpsc::Sender<Clicked>, icon: Arc<str>) -> Self {
        let (open, issuers) = (watch::Sender::new(0), Issuers::follow());
        Self { clicks, standing: Arc::default(), open, icon, issuers }
    }

    /// Sends one notice without making the caller wait.
    pub fn tell(&self, notice: Notice) {
        let place = self.standing().enter(&notice.cause);
        let teller = self.clone();
        self.open.send_modify(|open| *open += 1);
        tokio::spawn(async move {
            let ticket = place.ticket;
            teller.send(notice, place).await;
            teller.standing().leave(ticket);
            teller.open.send_modify(|open| *open -= 1);
        });
    }

    /// Takes back the notices whose cause is over.
    pub fn sweep(&self, view: &View) {
        self.standing().sweep(view);
    }

    /// Takes back every notice, because nobody is left to answer a click; waits at most as long as
    /// sending one may take.
    pub async fn clear(&self) {
        self.standing().clear();
        let mut open = self.open.subscribe();
        let gone = open.wait_for(|open| *open == 0);
        if tokio::time::timeout(SEND, gone).await.is_err() {
            tracing::warn!("some notices could not be taken back");
        }
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send(&self, notice: Notice, place: Place) {
        let before = self.issuers.now(SEND).await;
        let mut drawn = drawn(&notice, &self.icon);
        if let Some(id) = place.replaces.and_then(|number| number.for_issuer(before.as_ref())) {
            drawn.id(id);
        }
        let handle = match tokio::time::timeout(SEND, drawn.show_async()).await {
            Ok(Ok(handle)) => handle,
            Ok(Err(error)) => {
                tracing::warn!(cause = %notice.cause, %error, "a notice could not be shown");
                return;
            }
            Err(_) => {
                tracing::warn!(cause = %notice.cause, "the desktop did not take a notice in time");
                return;
            }
        };
        let Some(issuer) = self.issuers.of_answer(before.as_ref(), SEND).await else {
            tracing::info!(cause = %notice.cause, "nobody can say whose number a notice has");
            return;
        };
        let id = handle.id();
        self.standing().number(place.ticket, Number { id, issuer: Arc::clone(&issuer) });
        let mut clicked = None;
        let answered = handle.wait_for_action_async(|response: &NotificationResponse| {
            clicked = meaning(&notice, response);
        });
        tokio::select! {
            biased;
            // Its notices went with it, and its numbers are another program's now.
            () = self.issuers.gone(&issuer) => return,
            () = answered => {}
            () = place.over.notified() => {
                let withdrawn = self.issuers.withdraw(&issuer, id);
                if !matches!(tokio::time::timeout(SEND, withdrawn).await, Ok(Ok(()))) {
                    tracing::warn!(cause = %notice.cause, "a notice could not be taken back");
                }
                return;
            }
            () = tokio::time::sleep(ANSWER) => return,
        }
        let current = self.standing().is_current(place.ticket);
        if current
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
    drawn.hint(notify_rust::Hint::DesktopEntry("sluice".to_owned())).urgency(urgency(notice.kind));
    drawn.timeout(if notice.actions.is_empty() {
        Timeout::Default
    } else {
        Timeout::Milliseconds(30_000)
    });
    drawn
}

/// What cannot wait: without the person's hands nothing goes on.
fn urgency(kind: NoticeKind) -> Urgency {
    if kind.is_urgent() { Urgency::Critical } else { Urgency::Normal }
}

/// Notification daemons read markup in the body; a label is text.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify_rust::CloseReason;
    use sluice_protocol::{AccountId, Cause, NoticeAction, Provider};

    fn notice() -> Notice {
        let cause = Cause::Advice { provider: Provider::Claude, to: AccountId(2) };
        let body = "<b>Personal</b> resets first & would strand.";
        Notice::new(cause, "Swap to Personal?", body).with(NoticeAction::swap(AccountId(2)))
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

    /// A critical notice is shown over do-not-disturb: only what nothing goes on without may be one.
    #[test]
    fn do_not_disturb_is_broken_only_by_what_needs_the_persons_hands() {
        let needs = [NoticeKind::SignIn, NoticeKind::SwapFailed, NoticeKind::Keychain];
        for kind in NoticeKind::ALL {
            let breaks = urgency(*kind) == Urgency::Critical;
            assert_eq!(breaks, needs.contains(kind), "{kind}");
        }
    }

    #[test]
    fn labels_cannot_carry_markup() {
        let drawn = drawn(&notice(), "sluice");
        assert_eq!(drawn.body, "&lt;b&gt;Personal&lt;/b&gt; resets first &amp; would strand.");
        let buttons: Vec<&str> = drawn.actions.chunks(2).map(|pair| pair[1].as_str()).collect();
        assert_eq!(buttons, ["Open Sluice", "Swap now"]);
    }
}
