//! Windows that emptied before their reset: written down, told once, and taken out of what was foreseen.

use super::telling::{Texts, Word};
use super::{AfterStore, Core, Record};
use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use sluice_engine::forecast::Kind;
use sluice_engine::{AccountId, Fall, FallCause, Now, Usage, Utc};
use sluice_protocol::{Cause, FallView, kind_name};

/// Other accounts of the provider are asked whether theirs fell, too, unless they were read within this
/// time, seconds.
const FRESH_S: f64 = 60.0;
/// A window that leaves so much used was not emptied, percent.
const EMPTY: f64 = 5.0;

impl Core {
    /// What fell with the account's reading of `at`; `before` is what was known until then. What is
    /// told of a fall is not told as an ordinary reset, too.
    pub(super) fn on_falls(&mut self, account: AccountId, at: Utc, before: &mut Usage, now: Now) {
        let falls = self.world.fell_at(account, at);
        if falls.is_empty() {
            return;
        }
        for fall in &falls {
            if let Some(found) = self.world.account(account) {
                *before.of_kind(&fall.kind) = found.usage.window(&fall.kind);
            }
            if let Some(kind) = Kind::of(&fall.kind) {
                self.foresight.fell(account, kind);
            }
        }
        if falls.iter().any(|fall| fall.cause == FallCause::Promotion) {
            self.tell_promotion(account, now);
        } else {
            self.ask_peers(account, &falls, now);
            let word = self.texts().fell(account, &falls);
            self.tell(word, now);
            self.keep_falls(account, &falls);
        }
        self.keep_watches();
    }

    /// A limit reset of the account is gone: a fall about now was it.
    pub(super) fn on_limit_reset_spent(&mut self, account: AccountId, now: Now) {
        self.world.limit_reset_spent(account, now.wall);
        let falls = self.world.falls(account).to_vec();
        self.keep_falls(account, &falls);
        self.keep_watches();
    }

    /// Written down at once.
    fn keep_falls(&mut self, account: AccountId, falls: &[Fall]) {
        for fall in falls {
            let record = Record::Fall { account, fall: Box::new(fall.clone()) };
            self.effects.store(record, AfterStore::Nothing);
        }
    }

    /// What keeps a fall from being taken for a new one after a restart.
    fn keep_watches(&mut self) {
        let watches = Box::new(self.world.watches.clone());
        self.effects.store(Record::Watches(watches), AfterStore::Nothing);
        self.foresight.keep(&mut self.effects);
    }

    /// Whether it is a promotion the other accounts of the provider know.
    fn ask_peers(&mut self, account: AccountId, falls: &[Fall], now: Now) {
        let emptied = |fall: &Fall| fall.cause == FallCause::Unsaid && fall.after <= EMPTY;
        let Some(found) = self.world.account(account).filter(|_| falls.iter().any(emptied)) else {
            return;
        };
        let old = |at: Option<Utc>| at.is_some_and(|at| now.wall.seconds_since(at) > FRESH_S);
        let peers = self.world.accounts.iter().filter(|one| {
            one.provider == found.provider && one.id != account && old(one.usage.observed_at)
        });
        for peer in peers.map(|one| one.id).collect::<Vec<_>>() {
            self.polls.want(peer);
        }
    }

    fn tell_promotion(&mut self, account: AccountId, now: Now) {
        let Some(provider) = self.world.account(account).map(|found| found.provider) else {
            return;
        };
        let mut fell = Vec::new();
        for one in self.world.accounts.iter().filter(|one| one.provider == provider) {
            let given = self.world.falls(one.id).iter().filter(|fall| {
                fall.cause == FallCause::Promotion
                    && now.wall.seconds_since(fall.at) < sluice_engine::fall::TOGETHER_S
            });
            let given: Vec<Fall> = given.cloned().collect();
            if !given.is_empty() {
                fell.push((one.id, given));
            }
        }
        let Some(first) = fell.iter().flat_map(|(_, falls)| falls).map(|fall| fall.at).min() else {
            return;
        };
        let hour = first.millis().div_euclid(3_600_000);
        let labels: Vec<&str> = fell.iter().map(|(id, _)| self.profiles.label(*id)).collect();
        let title = format!("{}: windows emptied early", provider.spec().family);
        let body = format!(
            "Those of {} fell together, before their resets: a promotion, as it seems. What is \
             foreseen begins anew.",
            and(&labels)
        );
        for (id, falls) in fell {
            self.keep_falls(id, &falls);
        }
        self.tell(Word::new(Cause::Promotion { provider, hour }, title, body), now);
    }
}

impl Texts<'_> {
    fn fell(&self, account: AccountId, falls: &[Fall]) -> Word {
        let label = self.label(account);
        let at = falls.first().map_or(Utc(0), |fall| fall.at);
        let cause = self.notices().episode(|hour| Cause::Fell { account, hour }, Some(at));
        let names: Vec<String> = falls.iter().map(|fall| kind_name(&fall.kind)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let corrected = falls.iter().all(|fall| fall.cause == FallCause::Correction);
        let title = if corrected {
            format!("{label}: the {} was corrected", and(&names))
        } else {
            format!("{label}: the {} emptied early", and(&names))
        };
        let words = falls.iter().map(|fall| FallView::from(fall).words());
        let mut body: Vec<String> = words.collect();
        let cause_of = falls.first().map_or(FallCause::Unsaid, |fall| fall.cause);
        body.push(FallView::because(cause_of).to_owned());
        Word::new(cause, title, body.join(" "))
    }
}

/// `A`, `A and B`, `A, B and C`.
fn and(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
