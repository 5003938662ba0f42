//! Two writers, one provider that punishes reuse: random schedules of our refreshes, the tool's,
//! swaps, captures, new sign-ins and crashes. No lineage may die, no token be sent twice by us.
//!
//! 1,000 schedules by default; `SLUICE_SCHEDULES=10000` for the full run, `SLUICE_SEED` for one.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

mod support;

use sluice_custody::{
    Custody, CustodyError, Recovery, RefreshOutcome, RefreshTicket, SeatState, Step, SwapFailure,
};
use sluice_engine::{AccountId, Provider};
use std::collections::BTreeMap;
use support::{EXPIRES_MS, Home, MemJournal, config_text, key, order, party};
use zeroize::Zeroizing;

const NAMES: [&str; 3] = ["a", "b", "c"];
const ACTIONS: usize = 12;

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound
    }
}

/// One sign-in at the provider: which token is the good one, and whether it was abused.
#[derive(Clone)]
struct Lineage {
    login: u32,
    rotation: u32,
    dead: bool,
}

/// The token endpoint: each refresh token is good once.
struct Server(BTreeMap<usize, Lineage>);

fn token(name: &str, login: u32, rotation: u32) -> String {
    format!("sk-rt-{name}-{login}-{rotation}.")
}

impl Server {
    /// The successor's rotation; `None` when the token was spent before, which kills the lineage.
    fn exchange(&mut self, account: usize, sent: &str) -> Option<(u32, u32)> {
        let lineage = self.0.get_mut(&account).expect("account");
        if lineage.dead || sent != token(NAMES[account], lineage.login, lineage.rotation) {
            lineage.dead = true;
            return None;
        }
        lineage.rotation += 1;
        Some((lineage.login, lineage.rotation))
    }
}

fn ends(account: usize, login: u32) -> i64 {
    EXPIRES_MS + i64::from(login) * 3_600_000 + account as i64 * 60_000
}

fn expires(login: u32, rotation: u32) -> i64 {
    EXPIRES_MS - 1_000_000_000 + i64::from(login) * 10_000_000 + i64::from(rotation) * 1_000
}

fn credential(account: usize, login: u32, rotation: u32) -> String {
    format!(
        "{{\"claudeAiOauth\":{{\"accessToken\":\"at\",\"refreshToken\":\"{}\",\"expiresAt\":{},\
         \"refreshTokenExpiresAt\":{}}},\"mcpOAuth\":{{}}}}",
        token(NAMES[account], login, rotation),
        expires(login, rotation),
        ends(account, login)
    )
}

struct Play {
    home: Home,
    custody: Custody,
    server: Server,
    random: Random,
    journal: MemJournal,
    /// Our refreshes under way: account, ticket, the answer the server has given.
    flying: Vec<(usize, RefreshTicket, String)>,
}

impl Play {
    fn new(seed: u64) -> Self {
        let home = Home::new();
        let mut server = Server(BTreeMap::new());
        for (account, name) in NAMES.iter().enumerate() {
            server.0.insert(account, Lineage { login: 1, rotation: 0, dead: false });
            std::fs::write(home.credential_path(), credential(account, 1, 0)).unwrap();
            std::fs::write(home.config_path(), config_text(name)).unwrap();
            home.age();
            let id = AccountId(account as i64 + 1);
            home.custody.capture(Provider::Claude, id, &key(name)).unwrap();
        }
        let custody = home.reopened();
        Self {
            home,
            custody,
            server,
            random: Random(seed),
            journal: MemJournal::default(),
            flying: Vec::new(),
        }
    }

    fn live(&self) -> Option<usize> {
        let text = self.home.live();
        NAMES.iter().position(|name| text.contains(&format!("sk-rt-{name}-")))
    }

    fn live_token(&self) -> String {
        let text = self.home.live();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        value["claudeAiOauth"]["refreshToken"].as_str().unwrap().to_owned()
    }

    /// The tool refreshes what is in its seat, in place or by a new file.
    fn tool_refreshes(&mut self) {
        let Some(account) = self.live() else { return };
        let sent = self.live_token();
        let (login, rotation) =
            self.server.exchange(account, &sent).expect("the tool found a spent token in its seat");
        let new = credential(account, login, rotation);
        if self.random.below(2) == 0 {
            std::fs::write(self.home.credential_path(), new).unwrap();
        } else {
            let draft = self.home.credential_path().with_extension("tool");
            std::fs::write(&draft, new).unwrap();
            std::fs::rename(&draft, self.home.credential_path()).unwrap();
        }
        self.home.age();
    }

    fn swap(&mut self, to: usize, fail_at: Option<Step>) {
        let Some(from) = self.live() else { return };
        if from == to || self.flying.iter().any(|(account, ..)| *account == to) {
            return;
        }
        let parties = (party(from as i64 + 1, NAMES[from]), party(to as i64 + 1, NAMES[to]));
        self.journal.fail_at = fail_at;
        self.journal.fail_settle = fail_at.is_some();
        let swapped = self.custody.swap(&order(Some(parties.0), parties.1), &mut self.journal);
        self.journal.fail_at = None;
        self.journal.fail_settle = false;
        match swapped {
            Ok(_) => {}
            Err(_) if fail_at.is_some() => self.crash(),
            Err(SwapFailure::Refused(CustodyError::ForeignWriter { .. })) => self.crash(),
            Err(failure) => panic!("{failure:?}"),
        }
        if self.home.credential_path().exists() {
            self.home.age();
        }
    }

    /// The process ends and begins again: what was flying is gone, open intents are settled.
    fn crash(&mut self) {
        self.flying.clear();
        self.custody = self.home.reopened();
        let open = self.journal.open();
        let recovered: Vec<Recovery> = self.custody.recover(&open, &mut self.journal);
        assert!(recovered.iter().all(|one| one.settled), "{recovered:?}");
        self.home.age();
    }

    fn begin_refresh(&mut self, account: usize) {
        let Ok(ticket) = self.custody.try_begin_refresh(AccountId(account as i64 + 1)) else {
            return;
        };
        let body: serde_json::Value = serde_json::from_slice(&ticket.body()).unwrap();
        let sent = body["refresh_token"].as_str().unwrap();
        let (login, rotation) =
            self.server.exchange(account, sent).expect("we sent a token that was spent before");
        let seconds = (expires(login, rotation) - now_ms()) / 1_000;
        let answer = format!(
            "{{\"access_token\":\"at\",\"refresh_token\":\"{}\",\"expires_in\":{seconds}}}",
            token(NAMES[account], login, rotation)
        );
        self.flying.push((account, ticket, answer));
    }

    fn finish_refresh(&mut self) {
        if self.flying.is_empty() {
            return;
        }
        let index = self.random.below(self.flying.len());
        let (_, ticket, answer) = self.flying.swap_remove(index);
        let outcome = self.custody.finish_refresh(ticket, 200, Zeroizing::new(answer.into_bytes()));
        assert!(matches!(outcome, RefreshOutcome::Rotated { .. }), "{outcome:?}");
    }

    /// The person signs in anew to the account that is in the seat.
    fn sign_in_again(&mut self) {
        let Some(account) = self.live().filter(|a| !self.flying.iter().any(|(f, ..)| f == a))
        else {
            return;
        };
        let lineage = self.server.0.get_mut(&account).expect("account");
        *lineage = Lineage { login: lineage.login + 1, rotation: 0, dead: false };
        let login = lineage.login;
        std::fs::write(self.home.credential_path(), credential(account, login, 0)).unwrap();
        self.home.age();
    }

    fn capture(&mut self) {
        if let SeatState::Login(login) = self.custody.inspect(Provider::Claude) {
            let account = NAMES.iter().position(|name| key(name) == login.identity.key).unwrap();
            let id = AccountId(account as i64 + 1);
            self.custody.capture(Provider::Claude, id, &login.identity.key).unwrap();
        }
    }

    fn act(&mut self) {
        let account = self.random.below(NAMES.len());
        match self.random.below(12) {
            0..=2 => self.tool_refreshes(),
            3..=5 => self.swap(account, None),
            6 => self.begin_refresh(account),
            7 | 8 => self.finish_refresh(),
            9 => self.capture(),
            10 => {
                let step = Step::ALL[self.random.below(Step::ALL.len())];
                if self.flying.is_empty() {
                    self.swap(account, Some(step));
                }
            }
            _ => self.sign_in_again(),
        }
    }

    /// Every account's newest token is where it can be used, and works.
    fn check(mut self) {
        while !self.flying.is_empty() {
            self.finish_refresh();
        }
        for (account, name) in NAMES.iter().enumerate() {
            let lineage = self.server.0[&account].clone();
            assert!(!lineage.dead, "the lineage of {name} is dead");
            let newest = token(name, lineage.login, lineage.rotation);
            let found = self.home.live().contains(&newest) || self.home.kept().contains(&newest);
            assert!(found, "{newest} is lost");
        }
        for account in 0..NAMES.len() {
            self.swap(account, None);
            assert_eq!(self.live(), Some(account));
            self.tool_refreshes();
        }
    }
}

fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

#[test]
fn no_schedule_of_two_writers_kills_a_lineage() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds: Vec<u64> = match number("SLUICE_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("SLUICE_SCHEDULES").unwrap_or(1_000)).collect(),
    };
    let lanes = 4;
    std::thread::scope(|scope| {
        for lane in 0..lanes {
            let seeds = &seeds;
            scope.spawn(move || {
                for seed in seeds.iter().skip(lane).step_by(lanes) {
                    let played = std::panic::catch_unwind(|| {
                        let mut play = Play::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
                        for _ in 0..ACTIONS {
                            play.act();
                        }
                        play.check();
                    });
                    assert!(played.is_ok(), "schedule {seed}: run it with SLUICE_SEED={seed}");
                }
            });
        }
    });
}
