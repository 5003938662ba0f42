//! A notification server that shows nothing and remembers everything.

use super::Desktop;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};
use zbus::object_server::SignalEmitter;
use zbus::zvariant::OwnedValue;

/// One `Notify` call as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The id we gave.
    pub id: u32,
    /// The id it replaced, 0 for none.
    pub replaces: u32,
    /// The program's name for itself.
    pub app: String,
    /// The line in bold.
    pub summary: String,
    /// The text under it.
    pub body: String,
    /// Buttons: key and words.
    pub actions: Vec<(String, String)>,
    /// Hints, printed.
    pub hints: Vec<(String, String)>,
    /// Withdrawn or answered.
    pub closed: bool,
}

impl Notification {
    /// Everything in it as one text, for searching.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{self:?}")
    }

    /// It has a button with this key.
    #[must_use]
    pub fn offers(&self, key: &str) -> bool {
        self.actions.iter().any(|(known, _)| known == key)
    }
}

/// What has been notified, with a bell at each arrival.
#[derive(Default)]
pub(super) struct Board {
    rows: Mutex<Vec<Notification>>,
    rung: Condvar,
    /// Nothing is answered any more, as by a server that hangs.
    deaf: AtomicBool,
}

impl Board {
    pub(super) fn hang(&self) {
        self.deaf.store(true, Ordering::SeqCst);
    }

    pub(super) fn rows(&self) -> Vec<Notification> {
        self.rows.lock().unwrap().clone()
    }

    /// The first row that `fits`, now or within `deadline`.
    pub(super) fn wait(
        &self,
        deadline: Duration,
        fits: impl Fn(&Notification) -> bool,
    ) -> Option<Notification> {
        let end = Instant::now() + deadline;
        let mut rows = self.rows.lock().unwrap();
        loop {
            if let Some(row) = rows.iter().find(|row| fits(row)) {
                return Some(row.clone());
            }
            let left = end.checked_duration_since(Instant::now())?;
            rows = self.rung.wait_timeout(rows, left).unwrap().0;
        }
    }

    pub(super) fn close(&self, id: u32) {
        for row in self.rows.lock().unwrap().iter_mut().filter(|row| row.id == id) {
            row.closed = true;
        }
        self.rung.notify_all();
    }

    fn record(&self, mut row: Notification) -> u32 {
        let mut rows = self.rows.lock().unwrap();
        let next = u32::try_from(rows.len() + 1).unwrap_or(u32::MAX);
        row.id = if row.replaces == 0 { next } else { row.replaces };
        let id = row.id;
        rows.push(row);
        self.rung.notify_all();
        id
    }
}

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

impl Desktop {
    /// The notification server ends and another one is started, which knows none of the former's
    /// notices and counts its own from one.
    ///
    /// # Panics
    /// When the bus refuses.
    pub fn restart_notifications(&mut self) {
        let board = Arc::<Board>::default();
        let address = self.environment.get("DBUS_SESSION_BUS_ADDRESS").unwrap_or_default();
        let started = self.runtime.block_on(async {
            self.notices.release_name(NAME).await?;
            zbus::connection::Builder::address(address)?
                .serve_at(PATH, Server { board: Arc::clone(&board) })?
                .name(NAME)?
                .build()
                .await
        });
        self.notices = started.expect("another notification server");
        self.board = board;
    }

    /// Another program's notice, by its number.
    ///
    /// # Panics
    /// When the server does not take it.
    #[must_use]
    pub fn notify_as_other(&self, summary: &str) -> u32 {
        let (none, hints) = (Vec::<String>::new(), HashMap::<String, OwnedValue>::new());
        let notice = ("another", 0_u32, "", summary, "", none, hints, 0_i32);
        let told: zbus::Result<u32> = self.within("a notice", async {
            let asked = self.bus.call_method(Some(NAME), PATH, Some(NAME), "Notify", &notice);
            asked.await?.body().deserialize()
        });
        told.expect("the notice of another program")
    }
}

pub(super) struct Server {
    pub(super) board: Arc<Board>,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Server {
    #[expect(clippy::too_many_arguments, reason = "the interface is fixed by freedesktop.org")]
    async fn notify(
        &self,
        app: String,
        replaces: u32,
        _icon: &str,
        summary: String,
        body: String,
        actions: Vec<String>,
        hints: HashMap<String, OwnedValue>,
        _expire_ms: i32,
    ) -> u32 {
        if self.board.deaf.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let actions = actions.chunks(2).filter_map(|pair| match pair {
            [key, words] => Some((key.clone(), words.clone())),
            _ => None,
        });
        let mut hints: Vec<_> =
            hints.into_iter().map(|(name, value)| (name, format!("{value:?}"))).collect();
        hints.sort();
        self.board.record(Notification {
            id: 0,
            replaces,
            app,
            summary,
            body,
            actions: actions.collect(),
            hints,
            closed: false,
        })
    }

    async fn close_notification(
        &self,
        id: u32,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) {
        self.board.close(id);
        let _ = Self::notification_closed(&emitter, id, 3).await;
    }

    fn get_capabilities(&self) -> Vec<String> {
        ["actions", "body", "persistence"].map(String::from).into()
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        ("sluice-test-bed".into(), "sluice".into(), "1".into(), "1.2".into())
    }

    #[zbus(signal)]
    pub(super) async fn action_invoked(
        emitter: &SignalEmitter<'_>,
        id: u32,
        key: &str,
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    pub(super) async fn notification_closed(
        emitter: &SignalEmitter<'_>,
        id: u32,
        reason: u32,
    ) -> zbus::Result<()>;
}
