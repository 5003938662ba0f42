//! Inputs on their way to the core: bounded, in order, equal signals only once. A tool that writes its file
//! a hundred times causes one look.

use sluice_core::Input;
use std::collections::VecDeque;

/// Inputs handled before the loop looks at its clock and its callers again.
pub const BATCH: usize = 64;

/// A bounded queue that keeps one of each signal.
#[derive(Default)]
pub struct Inbox {
    queue: VecDeque<Input>,
}

impl Inbox {
    /// Takes an input; `false` when it says nothing new.
    pub fn push(&mut self, input: Input) -> bool {
        if self.queue.iter().any(|waiting| same_signal(waiting, &input)) {
            return false;
        }
        self.queue.push_back(input);
        true
    }

    /// The oldest.
    pub fn pop(&mut self) -> Option<Input> {
        self.queue.pop_front()
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

/// Signals carry no result of their own, so one stands for many.
fn same_signal(waiting: &Input, new: &Input) -> bool {
    match (waiting, new) {
        (Input::Tick, Input::Tick) => true,
        (Input::SeatTouched(one), Input::SeatTouched(other)) => one == other,
        (Input::Health(one), Input::Health(other)) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_core::Port;
    use sluice_engine::Provider;

    #[test]
    fn equal_signals_wait_once_and_results_always() {
        let mut inbox = Inbox::default();
        assert!(inbox.push(Input::SeatTouched(Provider::Claude)));
        assert!(!inbox.push(Input::SeatTouched(Provider::Claude)));
        assert!(inbox.push(Input::SeatTouched(Provider::Codex)));
        assert!(inbox.push(Input::Overdue(Port::Ledger)));
        assert!(inbox.push(Input::Overdue(Port::Ledger)));
        let mut count = 0;
        while inbox.pop().is_some() {
            count += 1;
        }
        assert_eq!(count, 4);
    }
}
