//! The running server: its own thread, so that blocking tests can use it too.

use super::admin;
use super::clock::{DEMO_VARIABLE, FakeClock};
use super::http::{self, Response};
use super::routes;
use super::tool::{ProfileRead, Refreshed, Tool};
use super::turns;
use super::world::{Setup, World};
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Real time between two looks of the working person at the seat.
const WORK_TICK: Duration = Duration::from_millis(40);
/// The tool refreshes this long before its bearer ends.
const REFRESH_AHEAD_MS: i64 = 300_000;

/// A fake provider that runs until dropped.
#[derive(Debug)]
pub struct FakeProvider {
    address: SocketAddr,
    world: Arc<World>,
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
    /// The persons at work, and how they are told to rest.
    persons: Vec<JoinHandle<()>>,
    rest: watch::Sender<bool>,
}

impl FakeProvider {
    /// Starts on a free loopback port, in real time.
    ///
    /// # Panics
    /// When no port can be had.
    #[must_use]
    pub fn start(setup: Setup) -> Self {
        Self::start_on(FakeClock::real(), setup)
    }

    /// Starts on a free loopback port and a clock of its own.
    ///
    /// # Panics
    /// When no port can be had.
    #[must_use]
    pub fn start_on(clock: FakeClock, setup: Setup) -> Self {
        let world = Arc::new(World::new(clock, setup));
        let (stop, stopped) = watch::channel(false);
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        listener.set_nonblocking(true).expect("a socket without waits");
        let served = Arc::clone(&world);
        let thread = std::thread::spawn(move || serve(listener, served, stopped));
        let (persons, rest) = (Vec::new(), watch::Sender::new(false));
        Self { address, world, stop, threads: vec![thread], persons, rest }
    }

    /// Base address, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the program under test gets in its environment.
    #[must_use]
    pub fn env(&self) -> Vec<(&'static str, String)> {
        let url = self.url();
        let mut env = vec![
            ("SLUICE_CLAUDE_API", url.clone()),
            ("SLUICE_CLAUDE_TOKEN_URL", format!("{url}/v1/oauth/token")),
            ("SLUICE_CODEX_API", format!("{url}/backend-api")),
            ("SLUICE_CODEX_TOKEN_URL", format!("{url}/codex/oauth/token")),
        ];
        if self.world.clock != FakeClock::real() {
            env.push((DEMO_VARIABLE, self.world.clock.to_env()));
        }
        env
    }

    /// The state behind the endpoints.
    #[must_use]
    pub fn world(&self) -> &Arc<World> {
        &self.world
    }

    /// Part of every token ever issued here.
    #[must_use]
    pub fn canary(&self) -> String {
        self.world.state().tokens.canary.clone()
    }

    /// Lets the person work with whatever login `tool` holds, and the tool refresh it when due.
    pub fn put_to_work(&mut self, tool: Tool) {
        let world = Arc::clone(&self.world);
        let resting = self.rest.subscribe();
        self.persons.push(std::thread::spawn(move || {
            let mut session = Session::default();
            while !*resting.borrow() {
                session.go_on(&world, &tool);
                work_once(&world, &tool);
                std::thread::sleep(WORK_TICK);
            }
        }));
    }
}

impl FakeProvider {
    /// Sends the persons home and waits until what they had begun is done; the provider goes on.
    pub fn rest(&mut self) {
        self.rest.send_replace(true);
        for person in self.persons.drain(..) {
            let _ended = person.join();
        }
    }
}

impl Drop for FakeProvider {
    fn drop(&mut self) {
        self.rest();
        self.stop.send_replace(true);
        for thread in self.threads.drain(..) {
            let _ended = thread.join();
        }
    }
}

/// The session that works in the seat: it begins anew with each login.
#[derive(Default)]
struct Session {
    access: Option<String>,
    /// Its reading of the profile, which comes a tick later whoever is live by then.
    profile: Option<ProfileRead>,
}

impl Session {
    fn go_on(&mut self, world: &World, tool: &Tool) {
        if let Some(profile) = self.profile.take() {
            tool.finish_start(profile);
        }
        let access = tool.tokens().map(|(access, _)| access);
        if access.is_some() && access != self.access {
            self.profile = tool.start(world);
            self.access = access;
        }
    }
}

/// One look at the seat: refresh when due, then work.
fn work_once(world: &World, tool: &Tool) {
    let now = world.clock.now().millis();
    if tool.access_ends_ms().is_some_and(|ends| ends > 0 && ends - now < REFRESH_AHEAD_MS)
        && tool.refresh(world) == Refreshed::Overtaken
    {
        world.state().counts.overtaken += 1;
    }
    // A store that is being rewritten is looked at again at the next tick.
    if let Some((access, _)) = tool.tokens() {
        world.work(Some(&access));
    } else if tool.store().exists() && tool.access_ends_ms().is_none() {
        // Torn or empty: a running tool still holds its login in memory.
    } else {
        world.work(None);
    }
}

fn serve(listener: std::net::TcpListener, world: Arc<World>, mut stopped: watch::Receiver<bool>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(async move {
        let listener = TcpListener::from_std(listener).expect("a listener");
        loop {
            tokio::select! {
                _ = stopped.changed() => break,
                accepted = listener.accept() => {
                    if let Ok((stream, _)) = accepted {
                        tokio::spawn(converse(stream, Arc::clone(&world)));
                    }
                }
            }
        }
    });
}

async fn converse(mut stream: TcpStream, world: Arc<World>) {
    let Some(request) = http::read_request(&mut stream).await else {
        return;
    };
    let mut response = admin::answer(&world, &request)
        .or_else(|| routes::answer(&world, &request))
        .or_else(|| turns::answer(&world, &request))
        .unwrap_or_else(|| Response::json(404, &json!({"error": "nothing stands here"})));
    let path = request.path.split('?').next().unwrap_or_default();
    // The tool believes an answer's word on the plan only with the provider's stamp.
    response.headers.push(("request-id", format!("req_{:024x}", fastrand::u64(..))));
    if !path.starts_with("/__admin/") {
        world.remember(&request, response.status);
    }
    world.pass(path).await;
    let _left = http::send(stream, &response).await;
}
