//! Every account's standing at one instant, computed once and shared by all lanes that decide then.

use crate::account::{Account, Provider};
use crate::calendar::Calendar;
use crate::choose;
use crate::decision::Refusal;
use crate::lane::Lane;
use crate::memory::Memory;
use crate::rules::Rules;
use crate::units::{AccountId, Utc};
use crate::window::Window;
use crate::{target, tier};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cmp::Ordering;

/// One account as the policies see it, independent of any lane.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Index in the world's list.
    pub slot: usize,
    /// Which.
    pub id: AccountId,
    /// Whose subscription.
    pub provider: Provider,
    /// The person's order.
    pub position: i64,
    /// Damped tier.
    pub tier: u8,
    /// The 5-hour window as it counts now.
    pub short: Window,
    /// Weekly use as it counts now, percent.
    pub used: Option<f64>,
    /// Weekly reset.
    pub reset: Option<Utc>,
    /// Target for the damped tier, percent.
    pub target: Option<f64>,
    /// Target minus use, percent.
    pub deficit: Option<f64>,
    /// Percent that will expire unused.
    pub stranding: Option<f64>,
    /// Percent per hour that are lost unless used.
    pub loss_rate: f64,
    /// The line at which its 5-hour window is critical, percent.
    pub critical: f64,
    /// Why it cannot be chosen by pace, whatever the lane; `None` when it can.
    pub refusal: Refusal,
    /// How good a refuge it is (0 best), for a lane that has to leave; `None` when it is none.
    pub refuge: Option<u8>,
    /// Its numbers are from before the last wake or clock jump.
    pub stale: bool,
    /// A lane has it active.
    pub occupied: bool,
}

impl Standing {
    /// The 5-hour use, percent; unknown reads as nothing used only where a rule says so.
    #[must_use]
    pub fn short_used(&self) -> Option<f64> {
        self.short.used.map(|used| used.get())
    }

    /// Hours to the weekly reset.
    #[must_use]
    pub fn hours(&self, now: Utc) -> Option<f64> {
        self.reset.map(|reset| tier::hours_to(reset, now))
    }

    /// Eligible by pace.
    #[must_use]
    pub fn eligible(&self) -> bool {
        self.refusal == Refusal::None
    }
}

/// What the survey is made of.
pub struct Inputs<'a> {
    /// Every account.
    pub accounts: &'a [Account],
    /// Every lane.
    pub lanes: &'a [Lane],
    /// Their memories.
    pub memories: &'a BTreeMap<AccountId, Memory>,
    /// Working hours.
    pub calendar: &'a Calendar,
    /// The rules in force.
    pub rules: &'a Rules,
    /// Observations from before this count as stale.
    pub distrust_before: Option<Utc>,
    /// The instant.
    pub now: Utc,
}

/// All standings and their orders.
#[derive(Clone, Debug)]
pub struct Survey {
    /// When.
    pub now: Utc,
    /// In the order of the world's accounts.
    pub standings: Vec<Standing>,
    /// Indices sorted by id.
    by_id: Vec<u32>,
    /// Eligible ones, the best first; then refuges, the best first; then the rest in the person's
    /// order. Every index once.
    order: Vec<u32>,
    /// How many of `order` are eligible.
    eligible: usize,
    /// Refuges, eligible ones among them, the best first.
    refuges: Vec<u32>,
}

impl Survey {
    /// Looks at every account. Costs n log n.
    #[must_use]
    pub fn new(inputs: &Inputs<'_>) -> Self {
        let burn_per_window = inputs.calendar.burn_per_window();
        let mut standings: Vec<Standing> = inputs
            .accounts
            .iter()
            .enumerate()
            .map(|(slot, account)| choose::standing(slot, account, inputs, burn_per_window))
            .collect();
        if inputs.rules.joint_stranding {
            joint_stranding(&mut standings, inputs);
        }
        occupy(&mut standings, inputs.lanes);
        let all = || 0..u32::try_from(standings.len()).unwrap_or(u32::MAX);
        let mut by_id: Vec<u32> = all().collect();
        by_id.sort_unstable_by_key(|index| standings[*index as usize].id);
        let mut refuges: Vec<u32> =
            all().filter(|index| standings[*index as usize].refuge.is_some()).collect();
        refuges.sort_by(|left, right| {
            refuge_order(&standings[*left as usize], &standings[*right as usize])
        });
        let rules = inputs.rules;
        let mut order: Vec<u32> = all().collect();
        order.sort_by(|left, right| {
            let (left, right) = (&standings[*left as usize], &standings[*right as usize]);
            right.eligible().cmp(&left.eligible()).then_with(|| {
                if left.eligible() { rank(left, right, rules) } else { refuge_order(left, right) }
            })
        });
        let eligible = order.partition_point(|index| standings[*index as usize].eligible());
        Self { now: inputs.now, standings, by_id, order, eligible, refuges }
    }

    /// The standing of an account.
    #[must_use]
    pub fn find(&self, id: AccountId) -> Option<&Standing> {
        let found = self.by_id.binary_search_by_key(&id, |index| self.get(*index).id).ok()?;
        Some(self.get(self.by_id[found]))
    }

    /// Eligible ones, the best first.
    pub fn eligible(&self) -> impl Iterator<Item = &Standing> {
        self.order[..self.eligible].iter().map(|index| self.get(*index))
    }

    /// Refuges, the best first.
    pub fn refuges(&self) -> impl Iterator<Item = &Standing> {
        self.refuges.iter().map(|index| self.get(*index))
    }

    /// Everybody: eligible, then refuges, then the rest.
    pub fn ordered(&self) -> impl Iterator<Item = &Standing> {
        self.order.iter().map(|index| self.get(*index))
    }

    fn get(&self, index: u32) -> &Standing {
        &self.standings[index as usize]
    }
}

fn occupy(standings: &mut [Standing], lanes: &[Lane]) {
    let mut active: Vec<AccountId> = lanes.iter().filter_map(|lane| lane.active).collect();
    active.sort_unstable();
    for standing in standings {
        standing.occupied = active.binary_search(&standing.id).is_ok();
    }
}

fn reset_order(left: &Standing, right: &Standing) -> Ordering {
    let instant = |standing: &Standing| standing.reset.unwrap_or(Utc(i64::MAX));
    instant(left).cmp(&instant(right))
}

/// The person's order, which is also list order; ids last, so that no two are equal.
fn listed(left: &Standing, right: &Standing) -> Ordering {
    (left.position, left.id).cmp(&(right.position, right.id))
}

fn rank(left: &Standing, right: &Standing, rules: &Rules) -> Ordering {
    let deficit = |standing: &Standing| standing.deficit.unwrap_or(0.0);
    if rules.value_before_tier {
        right.loss_rate.total_cmp(&left.loss_rate).then_with(|| reset_order(left, right))
    } else {
        left.tier
            .cmp(&right.tier)
            .then_with(|| reset_order(left, right))
            .then_with(|| deficit(right).total_cmp(&deficit(left)))
    }
    .then_with(|| listed(left, right))
}

fn refuge_order(left: &Standing, right: &Standing) -> Ordering {
    let level = |standing: &Standing| standing.refuge.unwrap_or(u8::MAX);
    (level(left), left.stale)
        .cmp(&(level(right), right.stale))
        .then_with(
            || {
                if left.refuge.is_some() { reset_order(left, right) } else { Ordering::Equal }
            },
        )
        .then_with(|| listed(left, right))
}

/// Gives the working hours out once, to the earliest reset first: what an account does not get
/// before its reset expires unused.
fn joint_stranding(standings: &mut [Standing], inputs: &Inputs<'_>) {
    let mut order: Vec<usize> = (0..standings.len())
        .filter(|index| {
            let standing = &standings[*index];
            standing.tier < tier::EXCLUDED && standing.used.is_some() && workable(standing)
        })
        .collect();
    order.sort_by(|left, right| {
        let (left, right) = (&standings[*left], &standings[*right]);
        reset_order(left, right).then_with(|| listed(left, right))
    });
    let mut given = [0.0_f64; Provider::ALL.len()];
    for index in order {
        let standing = &mut standings[index];
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

/// The stranding of one account that is given all working hours (undamped, as recorded).
#[must_use]
pub fn single_stranding(
    used: Option<f64>,
    reset: Option<Utc>,
    now: Utc,
    calendar: &Calendar,
) -> Option<f64> {
    let undamped = target::target(tier::instant(reset, now), reset, now, calendar);
    let deficit = undamped.zip(used).map(|(target, used)| target - used);
    target::stranding(deficit, target::achievable(reset, now, calendar))
}
