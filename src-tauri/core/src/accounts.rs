//! An account beside what the engine sees: its label, whose login it is and what is known of it.

use super::effects::Effects;
use super::{AfterStore, Core, Record};
use crate::ports::{Identity, Kept, KeptAccount};
use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use sluice_engine::limits::ACCOUNTS_MAX;
use sluice_engine::{Account, AccountId, Login, Now, Provider, Utc, World};
use sluice_protocol::limits::LABEL_CHARS_MAX;

/// Who an account is, beside what the engine sees.
#[derive(Clone, Debug, PartialEq)]
struct Profile {
    identity: Identity,
    label: String,
    /// What is known of its kept credential.
    kept: Option<Kept>,
    /// When the provider took its login last.
    proven_at: Option<Utc>,
    /// The provider refused to exchange its tokens: they are never presented again.
    refused: bool,
    /// Another place that holds the same login.
    also_in: Option<String>,
    /// The last thing that went wrong, for people.
    problem: Option<String>,
}

/// A login that the provider took within this time needs no further proof, seconds.
const PROOF_S: f64 = 3_600.0;

/// The profile of every account.
#[derive(Clone, Debug, Default)]
pub(crate) struct Profiles {
    known: BTreeMap<AccountId, Profile>,
}

impl Profiles {
    pub(crate) fn label(&self, id: AccountId) -> &str {
        self.known.get(&id).map_or("an account that is gone", |profile| &profile.label)
    }

    pub(crate) fn identity(&self, id: AccountId) -> Option<&Identity> {
        self.known.get(&id).map(|profile| &profile.identity)
    }

    pub(super) fn key(&self, id: AccountId) -> String {
        self.identity(id).map(|identity| identity.key.clone()).unwrap_or_default()
    }

    /// What is known of the kept credential.
    pub(crate) fn kept(&self, id: AccountId) -> Option<Kept> {
        self.known.get(&id).and_then(|profile| profile.kept)
    }

    /// When the provider took its login last.
    pub(crate) fn proven_at(&self, id: AccountId) -> Option<Utc> {
        self.known.get(&id).and_then(|profile| profile.proven_at)
    }

    /// Whether the provider took this login lately.
    pub(super) fn is_proven(&self, id: AccountId, now: Now) -> bool {
        let proven = self.proven_at(id);
        proven.is_some_and(|at| (0.0..PROOF_S).contains(&now.wall.seconds_since(at)))
    }

    /// The provider refused to exchange its tokens.
    pub(super) fn is_refused(&self, id: AccountId) -> bool {
        self.known.get(&id).is_some_and(|profile| profile.refused)
    }

    pub(crate) fn also_in(&self, id: AccountId) -> Option<&str> {
        self.known.get(&id).and_then(|profile| profile.also_in.as_deref())
    }

    pub(crate) fn problem(&self, id: AccountId) -> Option<&str> {
        self.known.get(&id).and_then(|profile| profile.problem.as_deref())
    }

    /// The kept access token has ended, as far as is known.
    pub(super) fn token_ended(&self, id: AccountId, now: Utc) -> bool {
        let ends = self.kept(id).and_then(|kept| kept.access_expires_at);
        ends.is_some_and(|at| at <= now)
    }

    pub(super) fn ids(&self) -> Vec<AccountId> {
        self.known.keys().copied().collect()
    }

    /// The account of a provider with this key.
    pub(super) fn with_key(
        &self,
        accounts: &[Account],
        provider: Provider,
        is_meant: impl Fn(&str) -> bool,
    ) -> Option<AccountId> {
        let mut ids = accounts.iter().filter(|one| one.provider == provider).map(|one| one.id);
        ids.find(|id| self.identity(*id).is_some_and(|identity| is_meant(&identity.key)))
    }

    /// So many accounts, of whatever provider, have such a key.
    pub(super) fn count_with_key(&self, is_meant: impl Fn(&str) -> bool) -> usize {
        self.known.values().filter(|profile| is_meant(&profile.identity.key)).count()
    }

    /// The first label of its kind that no account has.
    pub(super) fn free_label(&self, provider: Provider) -> String {
        let taken: BTreeSet<&str> = self.known.values().map(|one| one.label.as_str()).collect();
        let mut free =
            (1..=ACCOUNTS_MAX + 1).map(|number| sluice_protocol::label::given(provider, number));
        free.find(|label| !taken.contains(label.as_str())).unwrap_or_default()
    }

    fn add(&mut self, id: AccountId, identity: Identity, label: String, kept: Option<Kept>) {
        let profile = Profile {
            identity,
            label,
            kept,
            proven_at: None,
            refused: false,
            also_in: None,
            problem: None,
        };
        self.known.insert(id, profile);
    }

    pub(super) fn remove(&mut self, id: AccountId) {
        self.known.remove(&id);
    }

    /// Says whether there is such an account.
    pub(super) fn rename(&mut self, id: AccountId, label: String) -> bool {
        self.change(id, |profile| profile.label = label)
    }

    /// Says whether it is another one than before.
    fn identify(&mut self, id: AccountId, identity: &Identity) -> bool {
        if self.identity(id).is_none_or(|known| known == identity) {
            return false;
        }
        self.change(id, |profile| profile.identity = identity.clone())
    }

    /// A good credential is kept: what went wrong before is over.
    pub(super) fn keep(&mut self, id: AccountId, kept: Kept) {
        self.change(id, |profile| {
            profile.kept = Some(kept);
            profile.refused = false;
            profile.problem = None;
        });
    }

    /// What the store says of a credential that nothing is known of yet.
    pub(super) fn keep_first(&mut self, id: AccountId, kept: Kept) {
        self.change(id, |profile| profile.kept = profile.kept.or(Some(kept)));
    }

    /// The kept access token ends then.
    pub(super) fn set_token_end(&mut self, id: AccountId, at: Option<Utc>) {
        self.change(id, |profile| {
            if let Some(kept) = &mut profile.kept {
                kept.access_expires_at = at;
            }
        });
    }

    /// It left the seat, with an access token that ends then.
    pub(super) fn park(&mut self, id: AccountId, token_end: Option<Utc>) {
        self.change(id, |profile| {
            let kept = profile.kept.unwrap_or_default();
            profile.kept = Some(Kept { access_expires_at: token_end, ..kept });
        });
    }

    pub(super) fn note_proof(&mut self, id: AccountId, at: Utc) {
        self.change(id, |profile| profile.proven_at = Some(at));
    }

    pub(super) fn note_refusal(&mut self, id: AccountId) {
        self.change(id, |profile| profile.refused = true);
    }

    pub(super) fn set_also_in(&mut self, id: AccountId, place: Option<String>) {
        self.change(id, |profile| profile.also_in = place);
    }

    pub(super) fn set_problem(&mut self, id: AccountId, text: Option<String>) {
        self.change(id, |profile| profile.problem = text);
    }

    fn change(&mut self, id: AccountId, change: impl FnOnce(&mut Profile)) -> bool {
        self.known.get_mut(&id).map(change).is_some()
    }

    /// The account as the ledger keeps it.
    pub(super) fn to_keep(&self, id: AccountId, world: &World) -> Option<KeptAccount> {
        let (account, profile) = (world.account(id)?, self.known.get(&id)?);
        Some(KeptAccount {
            account: account.clone(),
            identity: profile.identity.clone(),
            label: profile.label.clone(),
            kept: profile.kept,
        })
    }

    pub(super) fn store(&self, id: AccountId, world: &World, effects: &mut Effects) {
        if let Some(kept) = self.to_keep(id, world) {
            effects.store(Record::Account(Box::new(kept)), AfterStore::Nothing);
        }
    }

    /// What the seat says of an account that is kept.
    pub(super) fn learn(
        &mut self,
        id: AccountId,
        identity: &Identity,
        world: &World,
        effects: &mut Effects,
    ) {
        if self.identify(id, identity) {
            self.store(id, world, effects);
        }
    }
}

impl Core {
    pub(super) fn take_in(&mut self, kept: KeptAccount) {
        let id = kept.account.id;
        self.profiles.add(id, kept.identity, kept.label, kept.kept);
        self.polls.add(id);
        self.world.accounts.push(kept.account);
    }

    pub(super) fn set_login(&mut self, id: AccountId, login: Login) {
        let refused = login.is_usable() && self.skips.awaits_sign_in(id);
        let Some(account) = self.world.find_account_mut(id) else { return };
        if account.login == login || refused {
            return;
        }
        account.login = login;
        self.profiles.store(id, &self.world, &mut self.effects);
    }
}

/// A label as it is kept, or why it cannot be one.
pub(super) fn clean_label(label: &str) -> Result<String, String> {
    let label = label.trim();
    let sane = !label.is_empty()
        && label.chars().count() <= LABEL_CHARS_MAX
        && !label.chars().any(sluice_protocol::text::is_unseen);
    if sane {
        Ok(label.to_owned())
    } else {
        Err(format!("A name has 1 to {LABEL_CHARS_MAX} visible characters."))
    }
}
