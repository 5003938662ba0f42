//! Who an account is: the profile answer.

use crate::json::{Oddities, Oddity};
use serde_json::{Map, Value};
use sluice_engine::{Plan, Provider};

/// Who an account is, without anything secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The person's id with the provider.
    pub account: Option<String>,
    /// The organisation's id; one person may have several, each with limits of its own.
    pub organization: Option<String>,
    /// Mail address.
    pub email: Option<String>,
    /// The organisation's name.
    pub organization_name: Option<String>,
}

impl Identity {
    /// The key of the account: person and organisation. `None` while either is unknown.
    #[must_use]
    pub fn key(&self) -> Option<String> {
        Some(format!("{}/{}", self.account.as_ref()?, self.organization.as_ref()?))
    }
}

/// A profile answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProfileReply {
    /// Person and organisation.
    pub identity: Identity,
    /// What was bought.
    pub plan: Plan,
    /// Departures from the known shapes.
    pub oddities: Vec<Oddity>,
}

/// Reads the body of `GET /api/oauth/profile`; `None` when it is not a JSON object.
#[must_use]
pub fn parse_profile(bytes: &[u8]) -> Option<ProfileReply> {
    let mut odd = Oddities::default();
    let document = odd.document(bytes)?;
    let map = odd.object(Some(&document), "")?;
    let account = odd.object(map.get("account"), "account").cloned().unwrap_or_default();
    let organization =
        odd.object(map.get("organization"), "organization").cloned().unwrap_or_default();
    let identity = Identity {
        account: odd.text(account.get("uuid"), "account.uuid"),
        organization: odd.text(organization.get("uuid"), "organization.uuid"),
        email: odd.text(account.get("email"), "account.email"),
        organization_name: odd.text(organization.get("name"), "organization.name"),
    };
    Some(ProfileReply {
        identity,
        plan: read_plan(&organization, &mut odd),
        oddities: odd.into_vec(),
    })
}

/// The plan is the organisation's: a person with a plan of their own may use a team's seat.
fn read_plan(organization: &Map<String, Value>, odd: &mut Oddities) -> Plan {
    let kind = odd.text(organization.get("organization_type"), "organization.organization_type");
    let tier = odd.text(organization.get("rate_limit_tier"), "organization.rate_limit_tier");
    plan(kind.as_deref(), tier)
}

/// The plan behind `claude_max` and `default_claude_max_20x`.
pub(crate) fn plan(kind: Option<&str>, tier: Option<String>) -> Plan {
    Plan::told(Provider::Claude, kind, tier)
}
