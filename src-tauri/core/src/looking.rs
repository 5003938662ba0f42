//! What was seen in a seat may be out of date when a person asks, so it is read again before a request is
//! refused. Here also: what is told of a seat that is left alone.

use super::seats::Seat;
use super::{CallId, Core};
use alloc::string::String;
use alloc::vec::Vec;
use sluice_engine::{Now, Provider};
use sluice_protocol::{Cause, Code, Need, Notice, Request};

/// The longest a wish waits for the look, real seconds.
const LOOK_S: u32 = 10;
/// Wishes that wait for a look at once.
const LOOKS_MAX: usize = 8;

/// Wishes whose refusal would rest on an earlier look.
#[derive(Debug, Default)]
pub(super) struct SecondLooks {
    waiting: Vec<(u64, Provider, CallId, Request)>,
    /// The wish being served has been looked for already.
    looked: bool,
}

impl Core {
    /// Puts a wish off until the seat was looked into again. `false`: it was, so the verdict holds.
    pub(super) fn look_first(&mut self, provider: Provider, call: CallId, wish: Request) -> bool {
        if self.second_looks.looked || self.second_looks.waiting.len() >= LOOKS_MAX {
            return false;
        }
        let id = self.effects.remind(LOOK_S);
        self.second_looks.waiting.push((id, provider, call, wish));
        self.read_seat(provider);
        true
    }

    /// The seat was looked into: what is refused now is so.
    pub(super) fn serve_looked(&mut self, provider: Provider, now: Now) {
        self.serve(|(_, of, ..)| *of == provider, now);
    }

    /// The look did not come in time.
    pub(super) fn look_is_due(&mut self, due: u64, now: Now) {
        self.serve(|(id, ..)| *id == due, now);
    }

    fn serve(&mut self, is_meant: impl Fn(&(u64, Provider, CallId, Request)) -> bool, now: Now) {
        let (meant, others) =
            core::mem::take(&mut self.second_looks.waiting).into_iter().partition(is_meant);
        self.second_looks.waiting = others;
        self.second_looks.looked = true;
        for (_, _, call, wish) in Vec::from_iter::<Vec<_>>(meant) {
            self.on_call(call, wish, now);
        }
        self.second_looks.looked = false;
    }

    /// The seat holds something that is left as it is.
    pub(super) fn leave_alone(&mut self, provider: Provider, seat: Seat, now: Now) {
        let (code, need, title, text) = match &seat {
            Seat::Foreign(text) => {
                let title = "The login in use is not one that Sluice keeps";
                (Code::ForeignLogin, Need::ForeignLogin, title, text)
            }
            Seat::Unreadable(text) => {
                let title = "The live login is left alone";
                (Code::SeatUnreadable, Need::SeatUnreadable, title, text)
            }
            Seat::Unread | Seat::Empty | Seat::Known(_) | Seat::Unmanaged => return,
        };
        self.refuse_add(provider, code, left_alone(text));
        let told = left_alone(text);
        self.need(Cause::Seat(provider), need, None, &told);
        self.tell(Notice::new(Cause::Seat(provider), title, told), now);
        self.end_vacancy(provider);
        self.seats.place(provider, seat, None);
    }
}

/// What stands in a seat, with what follows from it.
pub(super) fn left_alone(text: &str) -> String {
    format!("{text} It is left as it is, and nothing is swapped.")
}
