//! Minds the providers' answers: values that cannot be, fields that are new or gone.

use super::effects::Effects;
use super::telling::Word;
use super::{AfterStore, Core, Record};
use crate::answers::Answers;
use crate::ports::{Oddity, Told};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use sluice_engine::{AccountId, Now, Provider, Utc, WindowKind};
use sluice_protocol::Cause;

/// What changes slowly is written down this often, seconds.
const KEEP_S: f64 = 3_600.0;

/// The answers of every provider.
#[derive(Debug, Default)]
pub(super) struct Canary {
    answers: BTreeMap<Provider, Answers>,
    kept: Option<Utc>,
}

impl Canary {
    pub(super) fn new(answers: BTreeMap<Provider, Answers>) -> Self {
        Self { answers, kept: None }
    }

    pub(super) fn forget(&mut self, account: AccountId) {
        for answers in self.answers.values_mut() {
            answers.forget(account);
        }
    }

    fn keep(&mut self, provider: Provider, now: Utc, effects: &mut Effects) {
        self.kept = Some(now);
        if let Some(answers) = self.answers.get(&provider) {
            let record = Record::Answers { provider, answers: Box::new(answers.clone()) };
            effects.store(record, AfterStore::Nothing);
        }
    }
}

impl Core {
    /// Minds the shape of an answer about the account.
    pub(super) fn mind_answer(&mut self, account: AccountId, told: &Told, now: Now) {
        let Some(found) = self.world.account(account) else { return };
        let provider = found.provider;
        let short = WindowKind::FiveHour;
        let lacks: &[&str] = if found.plan.lacks_short(provider) { &[short.name()] } else { &[] };
        let answers = self.canary.answers.entry(provider).or_default();
        let new = answers.take(account, told, lacks, now.wall);
        self.mind_news(provider, new, now);
    }

    /// Minds what was odd where a tool told a part of what an answer holds.
    pub(super) fn mind_part(&mut self, provider: Provider, odd: &[Oddity], now: Now) {
        if !odd.is_empty() {
            let new = self.canary.answers.entry(provider).or_default().take_part(odd, now.wall);
            self.mind_news(provider, new, now);
        }
    }

    fn mind_news(&mut self, provider: Provider, mut new: bool, now: Now) {
        let answers = self.canary.answers.entry(provider).or_default();
        let news = answers.news(now.wall);
        new |= news.is_some();
        let old = self.canary.kept.is_none_or(|at| now.wall.seconds_since(at).abs() >= KEEP_S);
        if new || old {
            self.canary.keep(provider, now.wall, &mut self.effects);
        }
        if let Some(news) = news {
            self.tell(changed(provider, &news, now.wall), now);
        }
    }
}

fn changed(provider: Provider, (gone, windows): &(Vec<String>, Vec<String>), now: Utc) -> Word {
    let family = provider.spec().family;
    let mut body = String::new();
    if !gone.is_empty() {
        body.push_str(&format!(
            "For a day no answer has had {}. What it told is kept as it was and grows old. ",
            gone.join(", ")
        ));
    }
    if !windows.is_empty() {
        body.push_str(&format!(
            "There is something new that looks like a window: {}. It is not used. ",
            windows.join(", ")
        ));
    }
    body.push_str(
        "`sluice export --shape` prints the form of the answers, without any value, for a report.",
    );
    let week = now.millis().div_euclid(7 * 86_400_000);
    let title = format!("{family}'s answers have changed");
    Word::new(Cause::Answers { provider, week }, title, body)
}
