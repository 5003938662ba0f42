//! Every account at one instant, computed once and shared by all lanes that decide then.

use crate::account::Account;
use crate::choose;
use crate::decision::Refusal;
use crate::lane::Lane;
use crate::limits::ACCOUNTS_MAX;
use crate::memory::Memory;
use crate::provider::Provider;
use crate::rules::Rules;
use crate::standing::{Inputs, Standing};
use crate::tier;
use crate::units::{AccountId, Utc};
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

/// All standings and their orders.
#[derive(Clone, Debug)]
pub struct Survey {
    /// The instant of all standings.
    pub now: Utc,
    /// In the order of the world's accounts.
    pub standings: Vec<Standing>,
    /// Ids and indices, sorted by id.
    by_id: Vec<(AccountId, u32)>,
    /// Eligible ones, the best first.
    eligible: Vec<u32>,
    /// Refuges, eligible ones among them, the best first.
    refuges: Vec<u32>,
    /// Who is neither, in the person's order; no more of them than a decision lists.
    rest: Vec<u32>,
}

impl Survey {
    /// Looks at every account. Costs n log n.
    #[must_use]
    pub fn new(inputs: &Inputs<'_>) -> Self {
        let by_id = ids(inputs.accounts);
        let memories = memories(&by_id, inputs.memories);
        let burn_per_window = inputs.calendar.burn_per_window();
        let mut standings: Vec<Standing> = inputs
            .accounts
            .iter()
            .zip(memories)
            .enumerate()
            .map(|(slot, (account, memory))| {
                choose::standing(slot, account, memory, inputs, burn_per_window)
            })
            .collect();
        if inputs.rules.joint_stranding {
            joint_stranding(&mut standings, inputs);
        }
        occupy(&mut standings, inputs.lanes);
        let eligible = sorted(&standings, Standing::eligible, |one| rank(one, inputs.rules));
        let refuges = sorted(&standings, |one| one.refuge.is_some(), refuge_rank);
        let rest = rest(&standings);
        Self { now: inputs.now, standings, by_id, eligible, refuges, rest }
    }

    /// The standing of an account.
    #[must_use]
    pub fn find(&self, id: AccountId) -> Option<&Standing> {
        let found = self.by_id.binary_search_by_key(&id, |entry| entry.0).ok()?;
        Some(self.get(self.by_id[found].1))
    }

    /// Eligible ones, the best first.
    pub fn eligible(&self) -> impl Iterator<Item = &Standing> {
        self.eligible.iter().map(|index| self.get(*index))
    }

    /// Refuges, the best first.
    pub fn refuges(&self) -> impl Iterator<Item = &Standing> {
        self.refuges.iter().map(|index| self.get(*index))
    }

    /// The first ones of everybody: eligible, then refuges, then the rest.
    pub fn ordered(&self) -> impl Iterator<Item = &Standing> {
        let others = self.refuges().filter(|standing| !standing.eligible());
        self.eligible().chain(others).chain(self.rest.iter().map(|index| self.get(*index)))
    }

    /// Everybody, sorted by id.
    pub fn by_id(&self) -> impl Iterator<Item = &Standing> {
        self.by_id.iter().map(|(_, index)| self.get(*index))
    }

    fn get(&self, index: u32) -> &Standing {
        &self.standings[index as usize]
    }
}

fn ids(accounts: &[Account]) -> Vec<(AccountId, u32)> {
    let mut ids: Vec<_> = accounts.iter().map(|account| account.id).zip(0..).collect();
    ids.sort_unstable();
    ids
}

/// Each account's memory in the accounts' order: both sides are sorted by id, so one walk will do.
fn memories<'a>(
    by_id: &[(AccountId, u32)],
    known: &'a BTreeMap<AccountId, Memory>,
) -> Vec<Option<&'a Memory>> {
    let mut found = vec![None; by_id.len()];
    let mut known = known.iter().peekable();
    for (id, index) in by_id {
        while known.next_if(|(other, _)| *other < id).is_some() {}
        found[*index as usize] =
            known.peek().filter(|(other, _)| *other == id).map(|known| known.1);
    }
    found
}

/// Indices of those that are wanted, by a key that no two share.
fn sorted<K: Ord>(
    standings: &[Standing],
    wanted: impl Fn(&Standing) -> bool,
    key: impl Fn(&Standing) -> K,
) -> Vec<u32> {
    let mut keyed: Vec<(K, u32)> = standings
        .iter()
        .zip(0..)
        .filter(|(standing, _)| wanted(standing))
        .map(|(standing, index)| (key(standing), index))
        .collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, index)| index).collect()
}

/// The first of those that are neither eligible nor a refuge, in the person's order.
fn rest(standings: &[Standing]) -> Vec<u32> {
    let mut rest: Vec<((i64, AccountId), u32)> = standings
        .iter()
        .zip(0..)
        .filter(|(standing, _)| !standing.eligible() && standing.refuge.is_none())
        .map(|(standing, index)| (listed(standing), index))
        .collect();
    let most = ACCOUNTS_MAX * Provider::ALL.len();
    if rest.len() > most {
        rest.select_nth_unstable(most);
        rest.truncate(most);
    }
    rest.sort_unstable();
    rest.into_iter().map(|(_, index)| index).collect()
}

fn occupy(standings: &mut [Standing], lanes: &[Lane]) {
    let mut active: Vec<AccountId> = lanes.iter().filter_map(|lane| lane.active).collect();
    active.sort_unstable();
    for standing in standings {
        standing.occupied = active.binary_search(&standing.id).is_ok();
    }
}

/// The person's order, which is also list order; ids last, so that no two are equal.
const fn listed(standing: &Standing) -> (i64, AccountId) {
    (standing.position, standing.id)
}

fn ends(standing: &Standing) -> Utc {
    standing.reset.unwrap_or(Utc(i64::MAX))
}

/// A number as an integer of the same order, the greatest first.
fn descending(number: f64) -> i64 {
    let bits = number.to_bits() as i64;
    !(bits ^ (((bits >> 63) as u64) >> 1) as i64)
}

/// Candidates by pace, the smallest first.
fn rank(standing: &Standing, rules: &Rules) -> (i64, Utc, i64, (i64, AccountId)) {
    let end = ends(standing);
    if rules.value_before_tier {
        (descending(standing.loss_rate), end, 0, listed(standing))
    } else {
        let deficit = descending(standing.deficit.unwrap_or(0.0));
        (i64::from(standing.tier), end, deficit, listed(standing))
    }
}

/// Refuges, the smallest first.
fn refuge_rank(standing: &Standing) -> (Option<u8>, bool, Utc, (i64, AccountId)) {
    (standing.refuge, standing.stale, ends(standing), listed(standing))
}

/// Gives the working hours out once, to the earliest reset first: what an account does not get
/// before its reset expires unused.
fn joint_stranding(standings: &mut [Standing], inputs: &Inputs<'_>) {
    let counts = |standing: &Standing| {
        standing.tier < tier::EXCLUDED && standing.used.is_some() && workable(standing)
    };
    let order = sorted(standings, counts, |one| (ends(one), listed(one)));
    let mut given = [0.0_f64; Provider::ALL.len()];
    for index in order {
        let standing = &mut standings[index as usize];
        let pool = &mut given[standing.provider as usize];
        let (Some(reset), Some(used)) = (standing.reset, standing.used) else { continue };
        let room = (100.0 - used).max(0.0);
        let taken = (inputs.calendar.achievable(inputs.now, reset) - *pool).clamp(0.0, room);
        *pool += taken;
        standing.stranding = Some(room - taken);
    }
}

fn workable(standing: &Standing) -> bool {
    !matches!(
        standing.refusal,
        Refusal::Disabled | Refusal::NeedsSignIn | Refusal::NoCredential | Refusal::NotAutomatic
    )
}
