//! What the loop needs of the outside, as traits: the real parts and the tests' own both fit.
//!
//! Custody and ledger block and are called on their own threads; providers are asynchronous. No
//! method of any trait calls the loop.

use sluice_engine::grant::Said;
use sluice_engine::observation::Reading;
use sluice_engine::{AccountId, Plan, Provider, Utc};
use sluice_protocol::{Answer, Request};
use std::future::Future;
use std::pin::Pin;
use zeroize::Zeroizing;

pub use sluice_core::ports::{
    Asks, Beside, Depth, Health, Holder, Identity, Kept, KeptAccount, Loaded, Look, PortError,
    ReadError, Recovered, RefreshReport, RunReply, SeatLogin, SeatReport, Settled, SharedLogin,
    SwapOrder, SwapReport, ToolFailure, ToolNumbers, login_text,
};
pub use sluice_core::records::{Query, Record};

/// A future of a port.
pub type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The provider's answer to a token request; the body is secret and travels unseen.
pub struct TokenAnswer {
    /// HTTP status.
    pub status: u16,
    /// Body, zeroed when dropped.
    pub body: Zeroizing<Vec<u8>>,
    /// What the provider asked us to wait.
    pub retry_after_s: Option<u64>,
}

/// The right to renew one parked credential, held by nobody else at the same time. Dropping it gives
/// the right back and leaves what is kept as it is.
pub trait Renewal: Send {
    /// The request for the provider's token endpoint. Hand it on, keep no copy.
    fn body(&self) -> Zeroizing<Vec<u8>>;
    /// Keeps what came back (`None`: no answer came) before anything else is done with it. Blocks.
    fn finish(self: Box<Self>, answer: Option<TokenAnswer>) -> RefreshReport;
}

/// The holder of credentials.
pub trait Custody: Send + Sync + 'static {
    /// How the keychain does, from memory; does not ask it.
    fn health(&self) -> Health;
    /// Files whose change is news of a seat.
    fn watched(&self) -> Vec<(Provider, std::path::PathBuf)> {
        Vec::new()
    }
    /// Looks into a seat.
    fn seat(&self, provider: Provider) -> SeatReport;
    /// Keeps the login of a seat when it has this key.
    ///
    /// # Errors
    /// When it is another login by now, or cannot be kept.
    fn capture(&self, provider: Provider, account: AccountId, key: &str)
    -> Result<Kept, PortError>;
    /// What is known of the kept credential of an account.
    ///
    /// # Errors
    /// When none is kept or the keychain does not answer.
    fn kept(&self, provider: Provider, account: AccountId) -> Result<Kept, PortError>;
    /// An `Authorization` value for one request, marked sensitive.
    ///
    /// # Errors
    /// When there is none or the keychain does not answer.
    fn bearer(&self, provider: Provider, holder: Holder) -> Result<http::HeaderValue, PortError>;
    /// Takes the right to renew a parked credential; never asked for the account in the seat. The
    /// exchange itself happens outside, so that nothing here waits for a network. An account that
    /// somebody else is working on is waited for (`patient`, at most 60 s) or left.
    ///
    /// # Errors
    /// How the renewal ended before anything was sent.
    fn begin_refresh(
        &self,
        provider: Provider,
        account: AccountId,
        patient: bool,
    ) -> Result<Box<dyn Renewal>, RefreshReport>;
    /// Carries out a swap: journal, capture, stage, exchange, verify, settle.
    fn swap(&self, order: &SwapOrder) -> SwapReport;
    /// Logins we keep that lie in another place of this machine, too: either side spends the other's
    /// tokens.
    fn shared_logins(&self) -> Vec<SharedLogin> {
        Vec::new()
    }
    /// Looks after what a swap left parked, and whether the tool's configuration names whose login is
    /// in the seat; called a moment and half a minute after each swap and when it names another.
    fn settle_parked(&self, provider: Provider) {
        let _nothing_parked = provider;
    }
    /// Finishes or undoes what was open when the last driver ended. No network.
    fn recover(&self) -> Vec<Recovered>;
    /// Removes every kept vintage of an account.
    ///
    /// # Errors
    /// When the keychain does not answer.
    fn forget(&self, account: AccountId) -> Result<(), PortError>;
}

/// What came of one request for usage.
#[derive(Clone, Debug, PartialEq)]
pub struct UsageAnswer {
    /// HTTP status; `None` when no answer came.
    pub status: Option<u16>,
    /// The numbers, or why there are none.
    pub usage: Result<Reading, ReadError>,
    /// What came with them.
    pub beside: Beside,
}

/// What came of one request for limit resets.
#[derive(Clone, Debug, PartialEq)]
pub struct ResetsAnswer {
    /// HTTP status; `None` when no answer came.
    pub status: Option<u16>,
    /// What it says; `None` when it was refused or says nothing.
    pub said: Option<Said>,
}

/// What came of one request for a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanAnswer {
    /// HTTP status; `None` when no answer came.
    pub status: Option<u16>,
    /// The plan, where it was told.
    pub plan: Option<Plan>,
}

/// The providers.
pub trait Providers: Send + Sync + 'static {
    /// Sends one request for the usage of the account with this key; `resets`: for limit resets, too, where
    /// they come with it.
    fn usage(
        &self,
        provider: Provider,
        key: &str,
        bearer: http::HeaderValue,
        resets: bool,
    ) -> Pending<UsageAnswer>;
    /// Sends one request for the limit resets of the account with this key, to the endpoint of their own.
    fn resets(
        &self,
        _provider: Provider,
        _key: &str,
        _bearer: http::HeaderValue,
    ) -> Pending<ResetsAnswer> {
        Box::pin(std::future::ready(ResetsAnswer { status: None, said: None }))
    }
    /// Sends one request for the plan of the account with this bearer; `None` where there is nothing to
    /// ask, because usage answers name the plan.
    fn plan(&self, _: Provider, _: http::HeaderValue) -> Option<Pending<PlanAnswer>> {
        None
    }
    /// Sends a token request; `None` when no answer came.
    fn token(&self, provider: Provider, body: Zeroizing<Vec<u8>>) -> Pending<Option<TokenAnswer>>;
    /// Has the provider's tool ask for the numbers of the login in its seat, without a prompt; `None` where
    /// it cannot, or not again so soon.
    fn ask_tool(&self, _: Provider) -> Option<Pending<Option<ToolNumbers>>> {
        None
    }
    /// Numbers the tool itself wrote down; reads one small file.
    fn tool_numbers(&self, provider: Provider) -> Option<ToolNumbers>;
}

/// Lanes and tools at work, owned by one thread.
pub trait Runs: Send + 'static {
    /// Carries a request out.
    fn answer(&mut self, request: &Request, now: Utc) -> RunReply;
    /// Looks at everything there is.
    fn look(&mut self, depth: Depth, now: Utc) -> Look;
}

/// The database, owned by one thread.
pub trait Ledger: Send + 'static {
    /// Everything the loop starts from; makes the default lanes when they are missing.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn load(&mut self, now: Utc) -> Result<Loaded, PortError>;
    /// Writes one thing down durably; the answer is its row (0 where there is none).
    ///
    /// # Errors
    /// When it is not on disk.
    fn record(&mut self, record: &Record) -> Result<i64, PortError>;
    /// Work in `since..until` as readings show it: instants and amounts, in any one unit.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn work(&mut self, since: Utc, until: Utc) -> Result<Vec<(Utc, f64)>, PortError>;
    /// Looks one thing up.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn query(&mut self, query: &Query) -> Result<Answer, PortError>;
}
