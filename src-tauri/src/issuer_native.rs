//! Which program numbers notifications on macOS and Windows: the system, and it does not end before us.

use std::sync::Arc;
use std::time::Duration;

/// The system.
pub type Issuer = Arc<str>;

/// The one issuer.
#[derive(Clone)]
pub struct Issuers(Issuer);

impl Issuers {
    /// Nothing changes here.
    #[must_use]
    pub fn follow() -> Self {
        Self("system".into())
    }

    /// The system.
    pub async fn now(&self, _span: Duration) -> Option<Issuer> {
        Some(Arc::clone(&self.0))
    }

    /// The system.
    pub async fn of_answer(&self, _before: Option<&Issuer>, _span: Duration) -> Option<Issuer> {
        Some(Arc::clone(&self.0))
    }

    /// It never resolves: the system outlives us.
    pub async fn gone(&self, _issuer: &Issuer) {
        std::future::pending().await
    }

    /// A notice is taken back by its handle there, and goes with the program.
    ///
    /// # Errors
    /// Always.
    pub async fn withdraw(&self, _issuer: &Issuer, _number: u32) -> Result<(), String> {
        Err("not done on this system".to_owned())
    }
}
