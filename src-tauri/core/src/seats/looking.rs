//! What was seen in a seat may be out of date when a person asks, so it is read again before a request is
//! refused. Here also: what is told of a seat that is left alone.

use super::Seat;
use crate::telling::Word;
use crate::{CallId, Core};
use alloc::string::String;
use alloc::vec::Vec;
use sluice_engine::{Now, Provider};
use sluice_protocol::{Code, Need, Request};

/// The longest a wish waits for the look, real seconds.
const LOOK_S: u32 = 10;
/// Wishes that wait for a look at once.
const LOOKS_MAX: usize = 8;

/// A wish that waits for a look.
#[derive(Debug)]
pub(crate) struct Wish {
    /// Its reminder.
    id: u64,
    provider: Provider,
    call: CallId,
    request: Request,
}

/// Wishes whose refusal would rest on an earlier look.
#[derive(Debug, Default)]
pub(super) struct SecondLooks {
    waiting: Vec<Wish>,
    /// The wish being served has been looked for already.
    looked: bool,
}

impl SecondLooks {
    /// The wishes that waited for a look into this seat.
    pub(super) fn of(&mut self, provider: Provider) -> Vec<Wish> {
        self.waiting.extract_if(.., |wish| wish.provider == provider).collect()
    }

    /// The wish whose look did not come in time.
    pub(super) fn due(&mut self, id: u64) -> Vec<Wish> {
        self.waiting.extract_if(.., |wish| wish.id == id).collect()
    }
}

impl Core {
    /// Puts a wish off until the seat was looked into again. `false`: it was, so the verdict holds.
    pub(crate) fn look_first(&mut self, provider: Provider, call: CallId, wish: Request) -> bool {
        if self.seats.second_looks.looked || self.seats.second_looks.waiting.len() >= LOOKS_MAX {
            return false;
        }
        let id = self.effects.remind(LOOK_S);
        self.seats.second_looks.waiting.push(Wish { id, provider, call, request: wish });
        self.seats.look(provider, &mut self.effects);
        true
    }

    /// What is refused now is so.
    pub(crate) fn serve(&mut self, wishes: Vec<Wish>, now: Now) {
        self.seats.second_looks.looked = true;
        for Wish { call, request: wish, .. } in wishes {
            self.on_call(call, wish, now);
        }
        self.seats.second_looks.looked = false;
    }

    /// The seat holds something that is left as it is.
    pub(crate) fn leave_alone(&mut self, provider: Provider, seat: Seat, now: Now) {
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
        self.seats.refuse_adding(provider, (code, left_alone(text)), &mut self.effects);
        self.tell(Word::left_alone(provider, need, title, left_alone(text)), now);
        self.end_vacancy(provider);
        self.seats.place(provider, seat, None);
    }
}

/// What stands in a seat, with what follows from it.
pub(crate) fn left_alone(text: &str) -> String {
    format!("{text} It is left as it is, and nothing is swapped.")
}
