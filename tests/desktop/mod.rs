//! A private desktop for one test run: display, bus, keyring, window system, tray host and
//! notification server, all inside a temporary home and all ended when the value goes.
//!
//! ```no_run
//! use sluice_tests::desktop::{Desktop, Parts};
//! let desktop = Desktop::start(Parts::all());
//! let app = desktop.spawn("sluice-app", &[], desktop.environment());
//! desktop.click(&["Swap to", "work"]);
//! let told = desktop.wait_notification("swap done", |n| n.summary.contains("work"));
//! ```

mod access;
mod keyring;
mod notices;
pub mod process;
mod servers;
pub mod tray;
mod watcher;
mod webdriver;
mod windows;

use std::collections::HashMap;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use zbus::object_server::SignalEmitter;

pub use crate::pace::PATIENCE;
pub use access::Node;
pub use keyring::KeychainItem;
pub use notices::Notification;
pub use process::{Environment, Process, wait_for};
pub use tray::Line;
pub use watcher::Item;
pub use webdriver::{WebDriver, free_port};
pub use windows::Picture;

use notices::{Board, Server};
use servers::{start_bus, start_display};
use watcher::{Items, Watcher};

/// Which parts of a desktop to start. The bus and the home are always there.
#[derive(Clone, Copy, Debug)]
pub struct Parts {
    /// Xvfb and openbox.
    pub display: bool,
    /// gnome-keyring with an unlocked login keyring.
    pub keyring: bool,
    /// Our tray host. Without it: a desktop that shows no tray.
    pub tray: bool,
    /// Our notification server.
    pub notifications: bool,
    /// xfce4-panel and xfce4-notifyd in place of our own host and server, for pictures.
    pub panel: bool,
    /// The accessibility bus: what a screen reader is told.
    pub access: bool,
}

impl Parts {
    /// A whole desktop.
    #[must_use]
    pub fn all() -> Self {
        Self {
            display: true,
            keyring: true,
            tray: true,
            notifications: true,
            panel: false,
            access: false,
        }
    }

    /// Bus, keyring and notification server: what a program without windows meets.
    #[must_use]
    pub fn headless() -> Self {
        Self { display: false, tray: false, ..Self::all() }
    }

    /// As [`Parts::headless`], with a tray host: D-Bus alone carries a tray.
    #[must_use]
    pub fn headless_with_tray() -> Self {
        Self { tray: true, ..Self::headless() }
    }

    /// As [`Parts::all`], with what a screen reader uses: what the shipped window shows is read there.
    #[must_use]
    pub fn read_aloud() -> Self {
        Self { access: true, ..Self::all() }
    }

    /// A desktop for the eye.
    #[must_use]
    pub fn picture() -> Self {
        Self { panel: true, tray: false, notifications: false, ..Self::all() }
    }
}

/// A running private desktop.
pub struct Desktop {
    bus: zbus::Connection,
    /// Whose notification server it is; another connection after it was started anew.
    notices: zbus::Connection,
    runtime: tokio::runtime::Runtime,
    environment: Environment,
    items: Items,
    board: Arc<Board>,
    // Ended last to first.
    processes: Vec<Process>,
    root: tempfile::TempDir,
}

impl Desktop {
    /// Starts the parts and waits until each answers.
    ///
    /// # Panics
    /// When a part does not come up.
    #[must_use]
    pub fn start(parts: Parts) -> Self {
        let root = private_root();
        let environment = quiet_environment(root.path());
        Self::start_in(root, environment, parts)
    }

    /// As [`Desktop::start`], on the display this process was started on.
    ///
    /// # Panics
    /// When a part does not come up.
    #[must_use]
    pub fn start_on_display(parts: Parts) -> Self {
        let root = private_root();
        let mut environment = quiet_environment(root.path());
        keep_display(&mut environment);
        Self::start_in(root, environment, parts)
    }

    /// The desktop this process was started on: its display, bus and keychain, with a home of its
    /// own. `None` when it has no bus or no keychain.
    #[must_use]
    pub fn present() -> Option<Self> {
        let address = std::env::var("DBUS_SESSION_BUS_ADDRESS").ok()?;
        let runtime_dir = std::env::var("XDG_RUNTIME_DIR").ok()?;
        let root = private_root();
        let mut environment = quiet_environment(root.path());
        environment.set("XDG_RUNTIME_DIR", runtime_dir);
        environment.set("DBUS_SESSION_BUS_ADDRESS", address);
        keep_display(&mut environment);
        let runtime = runtime();
        let (items, board) = (Items::default(), Arc::<Board>::default());
        let nothing = Parts { tray: false, notifications: false, ..Parts::headless() };
        let bus = runtime.block_on(own_names(&environment, nothing, &items, &board)).ok()?;
        let (notices, processes) = (bus.clone(), Vec::new());
        let desktop = Self { bus, notices, runtime, environment, items, board, processes, root };
        desktop.has_owner("org.freedesktop.secrets").then_some(desktop)
    }

    fn start_in(root: tempfile::TempDir, mut environment: Environment, parts: Parts) -> Self {
        let mut processes = Vec::new();
        if parts.display {
            processes.push(start_display(&mut environment, root.path()));
        }
        processes.push(start_bus(&mut environment, root.path(), parts.panel));
        let runtime = runtime();
        let (items, board) = (Items::default(), Arc::<Board>::default());
        let bus = runtime
            .block_on(own_names(&environment, parts, &items, &board))
            .expect("the private bus answers");
        let notices = bus.clone();
        let mut desktop =
            Self { bus, notices, runtime, environment, items, board, processes, root };
        if parts.keyring {
            desktop.start_keyring();
        }
        if parts.display {
            desktop.start_openbox();
        }
        if parts.access {
            desktop.start_access();
        }
        if parts.panel {
            desktop.start_panel();
        }
        desktop
    }

    /// What every program on this desktop is started with.
    #[must_use]
    pub fn environment(&self) -> Environment {
        self.environment.clone()
    }

    /// The temporary directory everything lives in.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The home directory of this desktop.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// Ids of the desktop's own processes.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        self.processes.iter().map(Process::pid).collect()
    }

    /// The bus, for what has no method here.
    pub fn bus(&self) -> &zbus::Connection {
        &self.bus
    }

    /// Runs a future on the desktop's own runtime.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Runs a task on the desktop's own runtime until the desktop ends.
    pub fn spawn_task(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(task);
    }

    /// Starts a program of ours with its output in `<root>/<name>.log`.
    #[must_use]
    pub fn spawn(&self, program: &Path, arguments: &[&str], environment: &Environment) -> Process {
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let log = self.root.path().join(format!("{name}.log"));
        Process::start(&name, environment.command(program).args(arguments), &log)
    }

    // ---- tray ----

    /// The tray items whose owner is alive.
    #[must_use]
    pub fn tray_items(&self) -> Vec<Item> {
        let all = self.items.lock().unwrap().clone();
        all.into_iter().filter(|item| self.has_owner(&item.owner)).collect()
    }

    /// The newest tray item, once there is one.
    #[must_use]
    pub fn tray_item(&self) -> Item {
        wait_for("a tray item", PATIENCE, || self.tray_items().pop())
    }

    /// Waits until the last tray item is gone.
    pub fn wait_no_tray(&self) {
        wait_for("the end of the tray item", PATIENCE, || {
            self.tray_items().is_empty().then_some(())
        });
    }

    /// The tray menu as it is now.
    ///
    /// # Panics
    /// When there is no tray, or its menu does not answer.
    #[must_use]
    pub fn tray_menu(&self) -> Line {
        let item = self.tray_item();
        self.within("the tray menu", tray::menu(&self.bus, &item)).expect("the tray menu")
    }

    /// Waits until the menu `fits`.
    pub fn wait_menu(&self, what: &str, fits: impl Fn(&Line) -> bool) -> Line {
        wait_for(what, PATIENCE, || Some(self.tray_menu()).filter(&fits))
    }

    /// Waits for a line that can be chosen and chooses it.
    ///
    /// # Panics
    /// When it does not come, or the click is refused.
    pub fn click(&self, path: &[&str]) {
        wait_for(&format!("a click on {path:?}"), PATIENCE, || {
            let line = self.tray_menu().find(path).filter(|line| line.enabled)?.id;
            let item = self.tray_item();
            // A menu rebuilt in between has other ids and refuses the old one.
            self.within("a click", tray::click(&self.bus, &item, line)).ok()
        });
    }

    /// As [`Desktop::click`], for a line after which the program may be gone before it answers.
    pub fn click_and_forget(&self, path: &[&str]) {
        let menu = self.wait_menu(&format!("the menu line {path:?}"), |menu| {
            menu.find(path).is_some_and(|line| line.enabled)
        });
        let item = self.tray_item();
        if let Some(line) = menu.find(path) {
            let _ = self.within("a click", tray::click(&self.bus, &item, line.id));
        }
    }

    /// A property of the tray item, printed.
    #[must_use]
    pub fn tray_property(&self, name: &str) -> String {
        let item = self.tray_item();
        match self.within(name, tray::property(&self.bus, &item, name)) {
            Ok(value) => format!("{value:?}"),
            Err(error) => format!("error: {error}"),
        }
    }

    // ---- notifications ----

    /// Everything notified so far.
    #[must_use]
    pub fn notifications(&self) -> Vec<Notification> {
        self.board.rows()
    }

    /// The notification server takes every further notice and never answers.
    pub fn hang_notifications(&self) {
        self.board.hang();
    }

    /// The first notification that `fits`, now or soon.
    ///
    /// # Panics
    /// When none comes.
    pub fn wait_notification(
        &self,
        what: &str,
        fits: impl Fn(&Notification) -> bool,
    ) -> Notification {
        self.board.wait(PATIENCE, fits).unwrap_or_else(|| {
            panic!("no notification '{what}'; there were {:#?}", self.notifications())
        })
    }

    /// Presses a button of a notification, which closes it.
    ///
    /// # Panics
    /// When the notification has no such button.
    pub fn press(&self, notification: &Notification, key: &str) {
        self.press_until(notification, key, || true);
    }

    /// Presses a button as a person does: again, until something happens.
    ///
    /// A program listens for clicks only once the server has answered it, so the first click of a
    /// machine can be too early.
    ///
    /// # Panics
    /// When the notification has no such button, or nothing happens.
    pub fn press_until(&self, notification: &Notification, key: &str, happened: impl Fn() -> bool) {
        assert!(notification.offers(key), "no button '{key}' on {notification:?}");
        let id = notification.id;
        wait_for("something to happen after a click", PATIENCE, || {
            self.invoke(id, key);
            happened().then_some(())
        });
        self.emit(async |server| Server::notification_closed(server, id, 2).await);
        self.board.close(id);
    }

    /// A click on the button of a notice of that number, whoever's it is.
    pub fn invoke(&self, id: u32, key: &str) {
        self.emit(async |server| Server::action_invoked(server, id, key).await);
    }

    fn emit(&self, signal: impl AsyncFnOnce(&SignalEmitter<'_>) -> zbus::Result<()>) {
        self.runtime
            .block_on(async {
                let server = self
                    .notices
                    .object_server()
                    .interface::<_, Server>("/org/freedesktop/Notifications");
                signal(server.await?.signal_emitter()).await
            })
            .expect("the answer is sent");
    }

    // ---- keychain ----

    /// Keychain items with this `service` attribute; all when empty.
    ///
    /// # Panics
    /// When the keychain is locked or does not answer.
    #[must_use]
    pub fn secrets(&self, service: &str) -> Vec<KeychainItem> {
        let mut wanted = HashMap::new();
        if !service.is_empty() {
            wanted.insert("service", service);
        }
        self.within("the keychain", keyring::items(&self.bus, &wanted)).expect("the keychain")
    }

    /// Removes every keychain item with this `service` attribute.
    pub fn forget_secrets(&self, service: &str) {
        let wanted = HashMap::from([("service", service)]);
        let removed = self.within("the keychain", keyring::remove(&self.bus, &wanted));
        if let Err(error) = removed {
            eprintln!("keychain items of {service} remain: {error}");
        }
    }

    /// Locks the login keyring, as a screen locker may.
    ///
    /// # Panics
    /// When the keychain does not answer.
    pub fn lock_keychain(&self) {
        self.within("the keychain's lock", keyring::lock(&self.bus)).expect("locked");
    }

    // ---- inside ----

    fn run(&self, program: &str, arguments: &[&str]) {
        let status = self.environment.command(program).args(arguments).status();
        assert!(status.is_ok_and(|status| status.success()), "{program} {arguments:?} failed");
    }

    /// A bus name has an owner.
    #[must_use]
    pub fn has_owner(&self, name: &str) -> bool {
        self.block_on(async {
            let asked = zbus::fdo::DBusProxy::new(&self.bus).await?;
            asked.name_has_owner(name.try_into()?).await.map_err(zbus::Error::from)
        })
        .unwrap_or(false)
    }

    fn within<T>(
        &self,
        what: &str,
        call: impl Future<Output = zbus::Result<T>>,
    ) -> zbus::Result<T> {
        let bounded = async { tokio::time::timeout(PATIENCE, call).await };
        self.block_on(bounded)
            .unwrap_or_else(|_| Err(zbus::Error::Failure(format!("{what}: no answer"))))
    }

    fn start_part(&mut self, program: &str, arguments: &[&str]) {
        let name = Path::new(program).file_name().unwrap_or_default().to_string_lossy();
        let log = self.root.path().join(format!("{name}.log"));
        let mut command = self.environment.command(program);
        self.processes.push(Process::start(program, command.args(arguments), &log));
    }

    fn start_keyring(&mut self) {
        let log = self.root.path().join("keyring.log");
        let mut command = self.environment.command("gnome-keyring-daemon");
        command.args(["--foreground", "--unlock", "--components=secrets"]);
        command.stdin(Stdio::piped());
        let mut keyring = Process::start("gnome-keyring-daemon", &mut command, &log);
        let mut stdin = keyring.child().stdin.take().expect("its standard input");
        stdin.write_all(b"private").expect("the password");
        drop(stdin);
        self.processes.push(keyring);
        self.wait_name("org.freedesktop.secrets");
        wait_for("an unlocked login keyring", PATIENCE, || self.default_keyring());
    }

    fn default_keyring(&self) -> Option<()> {
        let face = Some("org.freedesktop.Secret.Service");
        let call = self.bus.call_method(
            Some("org.freedesktop.secrets"),
            "/org/freedesktop/secrets",
            face,
            "ReadAlias",
            &"default",
        );
        let reply = self.within("the keychain", call).ok()?;
        let path: zbus::zvariant::OwnedObjectPath = reply.body().deserialize().ok()?;
        (path.as_str() != "/").then_some(())
    }

    fn start_panel(&mut self) {
        self.start_part("/usr/lib/x86_64-linux-gnu/xfce4/notifyd/xfce4-notifyd", &[]);
        self.start_part("xfce4-panel", &["--disable-wm-check"]);
        self.wait_name("org.kde.StatusNotifierWatcher");
        self.wait_name("org.freedesktop.Notifications");
    }

    fn wait_name(&self, name: &str) {
        wait_for(&format!("the bus name {name}"), PATIENCE, || self.has_owner(name).then_some(()));
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        while let Some(process) = self.processes.pop() {
            drop(process);
        }
    }
}

fn private_root() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("sluice-bed-").tempdir().expect("a directory")
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().expect("a runtime")
}

/// The display of this process, for a program with another home.
fn keep_display(environment: &mut Environment) {
    for name in ["DISPLAY", "WAYLAND_DISPLAY", "XDG_SESSION_TYPE", "XDG_CURRENT_DESKTOP", "LANG"] {
        if let Ok(value) = std::env::var(name) {
            environment.set(name, value);
        }
    }
    let home = std::env::var("HOME").unwrap_or_default();
    let authority = std::env::var("XAUTHORITY").unwrap_or_else(|_| format!("{home}/.Xauthority"));
    if Path::new(&authority).exists() {
        environment.set("XAUTHORITY", authority);
    }
    if environment.get("WAYLAND_DISPLAY").is_some() {
        environment.set("GDK_BACKEND", "wayland,x11");
    }
}

async fn own_names(
    environment: &Environment,
    parts: Parts,
    items: &Items,
    board: &Arc<Board>,
) -> zbus::Result<zbus::Connection> {
    let address = environment.get("DBUS_SESSION_BUS_ADDRESS").unwrap_or_default();
    let mut builder = zbus::connection::Builder::address(address)?;
    if parts.tray {
        builder = builder
            .serve_at("/StatusNotifierWatcher", Watcher { items: Arc::clone(items) })?
            .name("org.kde.StatusNotifierWatcher")?;
    }
    if parts.notifications {
        builder = builder
            .serve_at("/org/freedesktop/Notifications", Server { board: Arc::clone(board) })?
            .name("org.freedesktop.Notifications")?;
    }
    builder.build().await
}

fn quiet_environment(root: &Path) -> Environment {
    let mut environment = Environment::bare();
    for (name, below) in [("HOME", "home"), ("XDG_RUNTIME_DIR", "run"), ("TMPDIR", "tmp")] {
        let path = root.join(below);
        std::fs::DirBuilder::new().mode(0o700).create(&path).expect("a private directory");
        environment.set(name, &path);
    }
    for (name, value) in [
        ("GDK_BACKEND", "x11"),
        ("GTK_USE_PORTAL", "0"),
        ("XDG_CURRENT_DESKTOP", "XFCE"),
        ("XDG_SESSION_TYPE", "x11"),
        ("WEBKIT_DISABLE_DMABUF_RENDERER", "1"),
        ("GTK_A11Y", "none"),
        ("NO_AT_BRIDGE", "1"),
        ("LIBGL_ALWAYS_SOFTWARE", "1"),
    ] {
        environment.set(name, value);
    }
    environment
}
