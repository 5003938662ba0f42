//! Logins: chains of single-use refresh tokens. Presenting a used one kills the whole chain.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::json;
use sluice_engine::Utc;
use std::collections::HashMap;

/// A pair of tokens as the token endpoint gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Bearer of the API.
    pub access: String,
    /// Single-use key to the next pair.
    pub refresh: String,
    /// When the bearer ends.
    pub access_ends: Utc,
    /// When the login ends for good.
    pub login_ends: Utc,
    /// Who it is for, where the provider says so in a token of its own.
    pub identity: Option<String>,
}

/// What a Codex account's tokens claim.
#[derive(Clone, Debug)]
pub(crate) struct Claims {
    pub(crate) email: String,
    pub(crate) plan: String,
    pub(crate) account: String,
    pub(crate) user: String,
}

impl Claims {
    /// An unsigned token with these claims; `mark` makes it one of a kind.
    fn token(&self, ends: Utc, mark: &str) -> String {
        let claims = json!({
            "iss": "https://auth.openai.com", "exp": ends.millis() / 1_000, "jti": mark,
            "email": self.email, "email_verified": true,
            "https://api.openai.com/auth": {
                "chatgpt_plan_type": self.plan, "chatgpt_user_id": self.user,
                "user_id": self.user, "chatgpt_account_id": self.account,
            },
        });
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let head = part(r#"{"alg":"none","typ":"JWT"}"#);
        // The signature repeats the mark in the clear: a search for leaks must find it.
        format!("{head}.{}.{mark}", part(&claims.to_string()))
    }
}

/// Counts of what happened to logins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TokenCounts {
    /// Successful exchanges.
    pub exchanges: u64,
    /// A used refresh token was presented again.
    pub reuse_detections: u64,
    /// Chains that died of it.
    pub lost_lineages: u64,
    /// Exchanges whose answer was lost on the wire, by a fault.
    pub lost_replies: u64,
}

/// Who presented a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Presenter {
    /// The official tool.
    Tool,
    /// The program under test, over HTTP.
    Request,
}

/// One presentation of a refresh token: the provider's own book, for finding out who spent what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Presented {
    /// When, milliseconds of the provider's clock.
    pub at_ms: i64,
    /// The account, by its index.
    pub account: usize,
    /// Which chain.
    pub chain: usize,
    /// Number of the token among all that were issued.
    pub token: u64,
    /// By whom.
    pub by: Presenter,
    /// It had been used before.
    pub used: bool,
    /// Number of the token that was given for it.
    pub successor: Option<u64>,
}

/// Presentations that are remembered; a day of the demo has some thirty.
const PRESENTED_MAX: usize = 10_000;

#[derive(Clone, Debug)]
struct Lineage {
    account: usize,
    alive: bool,
    login_ends: Utc,
}

/// Every login ever made, and who may use which token.
#[derive(Debug)]
pub struct Tokens {
    /// Part of every token string, so that a search for leaks finds them.
    pub canary: String,
    /// Life of a bearer, seconds.
    pub access_life_s: i64,
    /// Life of a login, seconds.
    pub login_life_s: i64,
    /// What happened.
    pub counts: TokenCounts,
    /// Every presentation of a refresh token, in order.
    pub presented: Vec<Presented>,
    serial: u64,
    lineages: Vec<Lineage>,
    access: HashMap<String, (usize, Utc)>,
    /// Accounts whose tokens carry claims.
    claims: HashMap<usize, Claims>,
    /// Refresh token → chain and whether it is still unused.
    refresh: HashMap<String, (usize, bool)>,
}

/// What became of a bearer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearer {
    /// Good, for the account of this index.
    Good(usize),
    /// Past its time.
    Expired(usize),
    /// Never issued, or of a dead chain.
    Refused,
}

impl Tokens {
    pub(crate) fn new(access_life_s: i64, login_life_s: i64) -> Self {
        Self {
            canary: format!("SLUICECANARY{:016x}", fastrand::u64(..)),
            access_life_s,
            login_life_s,
            counts: TokenCounts::default(),
            presented: Vec::new(),
            serial: 0,
            lineages: Vec::new(),
            access: HashMap::new(),
            claims: HashMap::new(),
            refresh: HashMap::new(),
        }
    }

    pub(crate) fn claim(&mut self, account: usize, claims: Claims) {
        self.claims.insert(account, claims);
    }

    /// Whether the chain of a refresh token died, and whether the token itself was used.
    #[must_use]
    pub fn fate(&self, refresh: &str) -> Option<(bool, bool)> {
        let (lineage, unused) = self.refresh.get(refresh)?;
        Some((!self.lineages[*lineage].alive, !unused))
    }

    /// A new login of `account`; older ones stay valid.
    pub fn sign_in(&mut self, account: usize, now: Utc) -> Pair {
        let login_ends = now.plus_seconds(self.login_life_s);
        self.lineages.push(Lineage { account, alive: true, login_ends });
        self.issue(self.lineages.len() - 1, now)
    }

    fn issue(&mut self, lineage: usize, now: Utc) -> Pair {
        self.serial += 1;
        let mark = format!("{}-{:06}-{:032x}", self.canary, self.serial, fastrand::u128(..));
        let access_ends = now.plus_seconds(self.access_life_s);
        let claims = self.claims.get(&self.lineages[lineage].account);
        let claimed =
            |kind: &str| claims.map(|claims| claims.token(access_ends, &format!("{mark}-{kind}")));
        let refresh = if claims.is_some() { "rt_" } else { "sk-ant-ort01-" };
        let pair = Pair {
            access: claimed("access").unwrap_or_else(|| format!("sk-ant-oat01-{mark}")),
            refresh: format!("{refresh}{mark}"),
            access_ends,
            login_ends: self.lineages[lineage].login_ends,
            identity: claimed("id"),
        };
        self.access.insert(pair.access.clone(), (lineage, pair.access_ends));
        self.refresh.insert(pair.refresh.clone(), (lineage, true));
        pair
    }

    /// Exchanges a refresh token. `None` is `invalid_grant`; a reused token kills its chain.
    pub fn exchange(&mut self, refresh: &str, by: Presenter, now: Utc) -> Option<(usize, Pair)> {
        let (lineage, unused) = self.refresh.get(refresh).copied()?;
        let account = self.lineages[lineage].account;
        let pair = self.successor(refresh, (lineage, unused), now);
        if self.presented.len() < PRESENTED_MAX {
            self.presented.push(Presented {
                at_ms: now.millis(),
                account,
                chain: lineage,
                token: number(refresh),
                by,
                used: !unused,
                successor: pair.as_ref().map(|pair| number(&pair.refresh)),
            });
        }
        pair.map(|pair| (account, pair))
    }

    fn successor(
        &mut self,
        refresh: &str,
        (lineage, unused): (usize, bool),
        now: Utc,
    ) -> Option<Pair> {
        let chain = &mut self.lineages[lineage];
        if !unused {
            self.counts.reuse_detections += 1;
            if chain.alive {
                chain.alive = false;
                self.counts.lost_lineages += 1;
            }
            return None;
        }
        if !chain.alive || chain.login_ends <= now {
            return None;
        }
        self.refresh.insert(refresh.to_owned(), (lineage, false));
        self.counts.exchanges += 1;
        Some(self.issue(lineage, now))
    }

    /// Presentations of the chains in which a used token was presented again.
    #[must_use]
    pub fn reuse_story(&self) -> Vec<Presented> {
        let spent = |chain: usize| self.presented.iter().any(|it| it.used && it.chain == chain);
        self.presented.iter().filter(|it| spent(it.chain)).copied().collect()
    }

    /// The account a refresh token was ever issued to.
    #[must_use]
    pub fn owner(&self, refresh: &str) -> Option<usize> {
        self.refresh.get(refresh).map(|(lineage, _)| self.lineages[*lineage].account)
    }

    /// Whose bearer this is.
    #[must_use]
    pub fn bearer(&self, access: &str, now: Utc) -> Bearer {
        match self.access.get(access) {
            Some((lineage, ends)) if self.lineages[*lineage].alive => {
                let account = self.lineages[*lineage].account;
                if *ends > now { Bearer::Good(account) } else { Bearer::Expired(account) }
            }
            _ => Bearer::Refused,
        }
    }

    /// Ends every bearer of `account` now; refresh tokens stay good.
    pub fn expire_access(&mut self, account: usize, now: Utc) {
        for (lineage, ends) in self.access.values_mut() {
            if self.lineages[*lineage].account == account {
                *ends = now;
            }
        }
    }

    /// Ends every login of `account`, as a sign-out elsewhere does. Counts as nobody's loss.
    pub fn revoke(&mut self, account: usize) {
        for lineage in self.lineages.iter_mut().filter(|it| it.account == account) {
            lineage.alive = false;
        }
    }

    /// Whether this refresh token would still be taken.
    #[must_use]
    pub fn usable(&self, refresh: &str, now: Utc) -> bool {
        self.refresh.get(refresh).is_some_and(|(lineage, unused)| {
            let chain = &self.lineages[*lineage];
            *unused && chain.alive && chain.login_ends > now
        })
    }
}

/// The number in a token's text.
fn number(token: &str) -> u64 {
    token.rsplit('-').nth(1).and_then(|number| number.parse().ok()).unwrap_or_default()
}
