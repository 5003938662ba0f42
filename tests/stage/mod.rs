//! Everything a run of the real program needs: a desktop, the fake provider, the official tool with
//! its seat, a data directory, and the program itself; and the questions asked afterwards.

pub mod census;

use crate::contract::{FakeClock, FakeProvider, Setup, Tool};
use crate::desktop::{Desktop, Environment, PATIENCE, Parts, Process, WebDriver, wait_for};
use serde_json::Value;
use sluice_driver::Paths;
use sluice_driver::socket::Client;
use sluice_protocol::{
    AccountView, Answer, Mode, Notice, Provider, Request, SwapStatus, SwapView, View, WindowKind,
};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A stage on which one story is played.
pub struct Stage {
    /// The provider.
    pub fake: FakeProvider,
    /// The official tool on this machine.
    pub tool: Tool,
    /// Display, bus, keychain.
    pub desktop: Desktop,
    environment: Environment,
    namespace: String,
    paths: Paths,
}

/// How a command of `sluice` ended.
#[derive(Clone, Debug)]
pub struct Said {
    /// Exit code; 256 after a signal.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Said {
    /// The document printed with `--json`.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Stage {
    /// A stage on a private desktop, with the provider on `clock`.
    #[must_use]
    pub fn new(parts: Parts, clock: FakeClock, setup: Setup) -> Self {
        Self::on(Desktop::start(parts), clock, setup)
    }

    /// A stage on a desktop that stands already.
    ///
    /// # Panics
    /// When the directories cannot be made.
    #[must_use]
    pub fn on(desktop: Desktop, clock: FakeClock, setup: Setup) -> Self {
        let fake = FakeProvider::start_on(clock, setup);
        let seat = desktop.home().join("claude");
        let tool = Tool::in_config_dir(&seat);
        let data = desktop.home().join("sluice");
        let namespace = format!("sluice-demo-{:08x}", fastrand::u32(..));
        let mut environment = desktop.environment();
        environment
            .set("SLUICE_HOME", &data)
            .set("CLAUDE_CONFIG_DIR", &seat)
            .set("CODEX_HOME", desktop.home().join("codex"))
            .set("SLUICE_KEYCHAIN_NAMESPACE", &namespace)
            .set("SLUICE_LOG", "debug");
        for (name, value) in fake.env() {
            environment.set(name, value);
        }
        Self { fake, tool, desktop, environment, namespace, paths: Paths::at(data) }
    }

    /// What a program of ours is started with here.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Sets one more variable for programs started from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.set(name, value);
    }

    /// The database in it.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.paths.database()
    }

    /// The data directory.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.paths.home()
    }

    /// The `service` under which the keychain holds our items.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Starts the tray application and waits until its driver answers.
    #[must_use]
    pub fn app(&self, arguments: &[&str]) -> Process {
        let app = self.app_unawaited(arguments);
        self.wait_driver();
        app
    }

    /// Starts the tray application.
    #[must_use]
    pub fn app_unawaited(&self, arguments: &[&str]) -> Process {
        self.desktop.spawn(&program("sluice-app"), arguments, &self.environment)
    }

    /// Starts the application with its window under remote control.
    #[must_use]
    pub fn app_in_window(&self) -> WebDriver {
        let log = self.desktop.root().join("sluice-app.log");
        let program = program("sluice-app");
        WebDriver::start(&self.environment, &program.to_string_lossy(), &["--window"], &log)
    }

    /// Starts `sluice daemon` and waits until it answers.
    #[must_use]
    pub fn daemon(&self) -> Process {
        let daemon = self.daemon_unawaited();
        self.wait_driver();
        daemon
    }

    /// Starts `sluice daemon`.
    #[must_use]
    pub fn daemon_unawaited(&self) -> Process {
        self.desktop.spawn(&program("sluice"), &["daemon"], &self.environment)
    }

    /// Waits until a driver answers.
    pub fn wait_driver(&self) {
        wait_for("a driver that answers", PATIENCE, || self.try_ask(&Request::Status));
    }

    /// Runs `sluice` with these words.
    ///
    /// # Panics
    /// When it does not end in time.
    #[must_use]
    pub fn sluice(&self, words: &[&str]) -> Said {
        let mut command = self.environment.command("timeout");
        command.arg(PATIENCE.as_secs().to_string()).arg(program("sluice")).args(words);
        let output = command.output().expect("run sluice");
        let said = Said {
            code: output.status.code().unwrap_or(256),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        assert_ne!(said.code, 124, "sluice {words:?} did not end: {said:?}");
        self.keep(&said);
        said
    }

    /// What `sluice` has printed so far, for the search for secrets.
    #[must_use]
    pub fn printed(&self) -> PathBuf {
        self.desktop.root().join("sluice-printed.log")
    }

    fn keep(&self, said: &Said) {
        use std::io::Write as _;
        let file = std::fs::File::options().create(true).append(true).open(self.printed());
        let written = file.and_then(|mut file| write!(file, "{}\n{}\n", said.out, said.err));
        written.expect("keep what was printed");
    }

    /// Signs in with the tool and adds the login with `sluice add`; the account's id.
    ///
    /// # Panics
    /// When it is refused.
    pub fn add(&self, email: &str) -> AccountView {
        self.tool.sign_in(self.fake.world(), email);
        let label = email.split('@').next().unwrap_or(email);
        let said = self.sluice(&["add", label, "--json"]);
        assert_eq!(said.code, 0, "{said:?}");
        // Signing in elsewhere before the first answer would make it somebody else's.
        self.wait_view(&format!("the numbers of {label}"), |view| {
            let found = view.accounts.iter().find(|account| account.label == label);
            found.is_some_and(week_is_known)
        });
        self.account(label)
    }

    /// The account with this label, from the view.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn account(&self, label: &str) -> AccountView {
        let view = self.view();
        let found = view.accounts.iter().find(|account| account.label == label);
        found.unwrap_or_else(|| panic!("no account {label} in {:#?}", view.accounts)).clone()
    }

    /// Asks the running driver over its socket.
    ///
    /// # Panics
    /// When none runs.
    #[must_use]
    pub fn ask(&self, request: &Request) -> Answer {
        self.try_ask(request).expect("a running driver")
    }

    fn try_ask(&self, request: &Request) -> Option<Answer> {
        self.desktop.block_on(async {
            let client = Client::attach(&self.paths, false).await?;
            Some(client.call(request).await)
        })
    }

    /// The driver's view.
    ///
    /// # Panics
    /// When it gives none.
    #[must_use]
    pub fn view(&self) -> View {
        match self.ask(&Request::Status) {
            Answer::View(view) => *view,
            other => panic!("no view: {other:?}"),
        }
    }

    /// As [`Stage::swaps`]; `None` when no driver answers any more.
    #[must_use]
    pub fn swaps_if_driven(&self) -> Option<Vec<SwapView>> {
        match self.try_ask(&Request::Swaps { limit: 1_000 })? {
            Answer::Swaps { rows } => Some(rows),
            _ => None,
        }
    }

    /// Every swap, newest first.
    ///
    /// # Panics
    /// When the driver does not list them.
    #[must_use]
    pub fn swaps(&self) -> Vec<SwapView> {
        match self.ask(&Request::Swaps { limit: 1_000 }) {
            Answer::Swaps { rows } => rows,
            other => panic!("no swaps: {other:?}"),
        }
    }

    /// Sets what Sluice may do.
    ///
    /// # Panics
    /// When it is refused.
    pub fn mode(&self, mode: Mode) {
        let request = Request::SetMode { provider: Provider::Claude, mode };
        assert_eq!(self.ask(&request), Answer::Done);
    }

    /// Waits for a view that `fits`.
    pub fn wait_view(&self, what: &str, fits: impl Fn(&View) -> bool) -> View {
        let end = std::time::Instant::now() + PATIENCE;
        loop {
            let view = self.view();
            if fits(&view) {
                return view;
            }
            assert!(std::time::Instant::now() < end, "waited in vain for {what}: {view:#?}");
            std::thread::sleep(Duration::from_millis(25));
        }
    }

    /// Waits until this many swaps are committed, newest first, and until the driver has taken in the
    /// newest: it writes a swap down before it counts, shows and tells it.
    pub fn wait_committed(&self, count: usize, deadline: Duration) -> Vec<SwapView> {
        wait_for(&format!("{count} committed swaps"), deadline, || {
            let mut rows = self.swaps();
            rows.retain(|row| row.status == SwapStatus::Committed);
            let newest = rows.first()?;
            let view = self.view();
            let shown = view.providers.iter().find(|shown| shown.provider == newest.provider)?;
            let taken_in = view.swapping.is_none() && shown.live == Some(newest.to);
            (taken_in && rows.len() >= count).then_some(rows)
        })
    }

    /// Notices from now on, as the driver tells them.
    #[must_use]
    pub fn listen(&self) -> std::sync::mpsc::Receiver<Notice> {
        let (sender, receiver) = std::sync::mpsc::channel();
        let client = self.desktop.block_on(Client::attach(&self.paths, true));
        let mut notices = client.as_ref().expect("a running driver").notices();
        self.desktop.spawn_task(async move {
            // The client ends with this task.
            let _client = client;
            while let Ok(notice) = notices.recv().await {
                if sender.send(notice).is_err() {
                    break;
                }
            }
        });
        receiver
    }

    /// Removes what this stage has put into the keychain.
    pub fn forget_keychain(&self) {
        for service in self.keychain_names() {
            self.desktop.forget_secrets(&service);
        }
    }

    /// Names under which the keychain holds something of this stage.
    fn keychain_names(&self) -> std::collections::BTreeSet<String> {
        let items = self.desktop.secrets("").into_iter();
        items
            .filter_map(|item| item.attributes.get("service").cloned())
            .filter(|service| service.contains(&self.namespace))
            .collect()
    }

    /// Mail address of the account whose login the seat holds, by its refresh token.
    #[must_use]
    pub fn in_seat(&self) -> Option<String> {
        let (_, refresh) = self.tool.tokens()?;
        let state = self.fake.world().state();
        state.tokens.owner(&refresh).map(|index| state.accounts[index].spec.email.clone())
    }
}

/// A program of the workspace, built beside this one.
///
/// # Panics
/// When it has not been built.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("the path of this program");
    let found =
        own.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|p| p.is_file());
    found.unwrap_or_else(|| panic!("{name} is not built; `cargo xtask test` builds it"))
}

/// The account's week has been read.
#[must_use]
pub fn week_is_known(account: &AccountView) -> bool {
    account.window(&WindowKind::SevenDay).is_some_and(|week| week.used.is_some())
}
