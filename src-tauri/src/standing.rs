//! Which notifications are on the screen: one per cause, and none for a cause that is over.

use crate::issuer::Issuer;
use sluice_protocol::{Cause, Login, View};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::Notify;

/// Notices that are replaced, taken back and waited for at once.
pub const STANDING_MAX: usize = 16;

/// A view that carries a notice's cause comes at most this much after the notice, ms of the driver's clock.
pub const LATE_MS: i64 = 5_000;

/// The notices we know to be shown.
#[derive(Default)]
pub struct Standing {
    notices: VecDeque<Entry>,
    next_ticket: u64,
}

/// A notice's number and who gave it: another server gives the same number to another notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    /// As the server counts.
    pub id: u32,
    /// The server.
    pub issuer: Issuer,
}

impl Number {
    /// The number, where `issuer` is still the one who gave it.
    #[must_use]
    pub fn for_issuer(&self, issuer: Option<&Issuer>) -> Option<u32> {
        (issuer == Some(&self.issuer)).then_some(self.id)
    }
}

/// What a notice's task needs to know.
pub struct Place {
    /// Names this showing; a newer one of the same cause has another.
    pub ticket: u64,
    /// The number of the notice to replace, good for its issuer alone.
    pub replaces: Option<Number>,
    /// Rings when the notice is to be taken back, or is no longer ours to wait for.
    pub over: Arc<Notify>,
}

struct Entry {
    cause: Cause,
    ticket: u64,
    /// `None` until the server has answered.
    number: Option<Number>,
    /// The view has shown the cause since, or a view [`LATE_MS`] younger has not: it can end.
    seen: bool,
    /// The driver's time when it came in, of the newest view then.
    entered_ms: Option<i64>,
    over: Arc<Notify>,
}

impl Standing {
    /// A place for a notice. An older one of this cause is replaced, the oldest make room.
    pub fn enter(&mut self, cause: &Cause) -> Place {
        let older = self.notices.iter().position(|entry| entry.cause == *cause);
        let older = older.and_then(|at| self.notices.remove(at));
        let oldest = (self.notices.len() == STANDING_MAX).then(|| self.notices.pop_front());
        if let Some(oldest) = oldest.flatten() {
            oldest.over.notify_one();
        }
        self.next_ticket += 1;
        let (ticket, over) = (self.next_ticket, Arc::new(Notify::new()));
        let replaces = older.as_ref().and_then(|older| older.number.clone());
        self.notices.push_back(Entry {
            cause: cause.clone(),
            ticket,
            number: replaces.clone(),
            seen: false,
            entered_ms: None,
            over: Arc::clone(&over),
        });
        Place { ticket, replaces, over }
    }

    /// The number of a shown notice.
    pub fn number(&mut self, ticket: u64, number: Number) {
        if let Some(entry) = self.notices.iter_mut().find(|entry| entry.ticket == ticket) {
            entry.number = Some(number);
        }
    }

    /// Whether this showing is the newest of its cause: a replaced one must not answer clicks.
    #[must_use]
    pub fn is_current(&self, ticket: u64) -> bool {
        self.notices.iter().any(|entry| entry.ticket == ticket)
    }

    /// The notice was answered, closed or not shown at all.
    pub fn leave(&mut self, ticket: u64) {
        self.notices.retain(|entry| entry.ticket != ticket);
    }

    /// Takes back what the view shows to be over.
    pub fn sweep(&mut self, view: &View) {
        self.notices.retain_mut(|entry| match holds(&entry.cause, view) {
            Some(false) if entry.seen || entry.outlasted(view.at_ms) => {
                entry.over.notify_one();
                false
            }
            Some(holds) => {
                entry.seen |= holds;
                true
            }
            None => true,
        });
    }

    /// Takes back everything: nobody is left to answer.
    pub fn clear(&mut self) {
        for entry in self.notices.drain(..) {
            entry.over.notify_one();
        }
    }
}

impl Entry {
    /// A cause that began and ended between two views is never seen to hold. The view that carries it
    /// may come after its notice, but not this much later.
    fn outlasted(&mut self, at_ms: i64) -> bool {
        at_ms - *self.entered_ms.get_or_insert(at_ms) >= LATE_MS
    }
}

/// Whether a cause still holds, as far as a view can tell.
fn holds(cause: &Cause, view: &View) -> Option<bool> {
    let state = |wanted| view.providers.iter().find(|state| state.provider == wanted);
    match cause {
        Cause::Unmanaged(provider) => Some(state(*provider)?.unmanaged_login),
        Cause::Advice { provider, to } => {
            let advice = state(*provider)?.advice.as_ref();
            Some(advice.is_some_and(|advice| advice.to == *to))
        }
        Cause::SignIn(id) => {
            let account = view.accounts.iter().find(|account| account.id == *id);
            let needs = |login| matches!(login, Login::NeedsSignIn | Login::Missing);
            Some(account.is_some_and(|account| needs(account.login)))
        }
        // A view does not tell of these.
        Cause::Capture(_)
        | Cause::SharedLogin(_)
        | Cause::LoginEnds { .. }
        | Cause::Seat(_)
        | Cause::Keychain
        | Cause::Ledger
        | Cause::Note(_)
        | Cause::SwapDone(_)
        | Cause::SwapFailed(_)
        | Cause::Stuck(_)
        | Cause::Moved(_)
        | Cause::NoAlternative(_)
        | Cause::Retold(_)
        | Cause::Exhausted { .. }
        | Cause::Stall(_)
        | Cause::SameTier { .. }
        | Cause::Drain { .. }
        | Cause::Digest { .. }
        | Cause::Threshold { .. }
        | Cause::Reset { .. }
        | Cause::Limits { .. }
        | Cause::ResetEnds { .. }
        | Cause::ResetLeft { .. }
        | Cause::Fell { .. }
        | Cause::Promotion { .. }
        | Cause::Plan { .. }
        | Cause::Answers { .. }
        | Cause::NoTray
        | Cause::Refused(_)
        | Cause::Other(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use sluice_protocol::{AccountId, Provider};
    use std::time::Duration;

    async fn rings(place: &Place) -> bool {
        tokio::time::timeout(Duration::from_millis(1), place.over.notified()).await.is_ok()
    }

    #[tokio::test]
    async fn a_cause_stands_once_and_only_its_newest_showing_answers() {
        let mut standing = Standing::default();
        let first = standing.enter(&Cause::Drain { account: AccountId(1), hour: 0 });
        assert_eq!(first.replaces, None);
        let number = Number { id: 7, issuer: ":1.4".into() };
        standing.number(first.ticket, number.clone());
        let second = standing.enter(&Cause::Drain { account: AccountId(1), hour: 0 });
        assert_eq!(second.replaces, Some(number));
        assert!(!standing.is_current(first.ticket) && standing.is_current(second.ticket));
        standing.leave(first.ticket);
        assert!(standing.is_current(second.ticket), "a late end of the old one takes nothing away");
    }

    #[test]
    fn a_number_is_good_for_the_server_that_gave_it_alone() {
        let number = Number { id: 7, issuer: ":1.4".into() };
        assert_eq!(number.for_issuer(Some(&":1.4".into())), Some(7));
        assert_eq!(number.for_issuer(Some(&":1.5".into())), None, "the next one counts anew");
        assert_eq!(number.for_issuer(None), None);
    }

    #[tokio::test]
    async fn the_oldest_make_room() {
        let mut standing = Standing::default();
        let oldest = standing.enter(&Cause::SwapDone(-1));
        for row in 0..STANDING_MAX as i64 {
            standing.enter(&Cause::SwapDone(row));
        }
        assert_eq!(standing.notices.len(), STANDING_MAX);
        assert!(rings(&oldest).await);
    }

    #[tokio::test]
    async fn advice_is_taken_back_when_it_is_over_and_not_before_it_was_seen() {
        let mut standing = Standing::default();
        let place = standing.enter(&fixture::advice(2, "").cause);
        let mut view = fixture::view();
        standing.sweep(&view);
        assert!(!rings(&place).await, "the view that carries it may come later");
        view.providers[0].advice = Some(fixture::advice(2, ""));
        standing.sweep(&view);
        assert!(!rings(&place).await);
        view.providers[0].advice = None;
        standing.sweep(&view);
        assert!(rings(&place).await);
        assert!(!standing.is_current(place.ticket));
    }

    #[tokio::test]
    async fn what_began_and_ended_between_two_views_is_taken_back() {
        let mut standing = Standing::default();
        let place = standing.enter(&Cause::Unmanaged(Provider::Claude));
        let mut view = fixture::view();
        view.at_ms = 1_000;
        standing.sweep(&view);
        view.at_ms += LATE_MS - 1;
        standing.sweep(&view);
        assert!(!rings(&place).await, "the view that carries it may still come");
        view.at_ms += 1;
        standing.sweep(&view);
        assert!(rings(&place).await);
    }

    #[test]
    fn causes_that_a_view_can_judge() {
        let mut view = fixture::view();
        assert_eq!(holds(&Cause::SignIn(AccountId(3)), &view), Some(true));
        assert_eq!(holds(&Cause::SignIn(AccountId(1)), &view), Some(false));
        let unmanaged = Cause::Unmanaged(Provider::Claude);
        assert_eq!(holds(&unmanaged, &view), Some(false));
        view.providers[0].unmanaged_login = true;
        assert_eq!(holds(&unmanaged, &view), Some(true));
        let codex = Cause::Unmanaged(Provider::Codex);
        for other in [Cause::SwapDone(4), Cause::Ledger, Cause::default(), codex] {
            assert_eq!(holds(&other, &view), None, "{other}");
        }
    }

    #[tokio::test]
    async fn at_the_end_nothing_is_left_standing() {
        let mut standing = Standing::default();
        let places = [standing.enter(&Cause::Keychain), standing.enter(&Cause::Ledger)];
        standing.clear();
        assert!(rings(&places[0]).await && rings(&places[1]).await);
    }
}
