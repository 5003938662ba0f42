//! When numbers for a collector are written, and what is known then.

use crate::{Core, Effect};
use alloc::boxed::Box;
use sluice_engine::{Now, Utc};

/// The file is written at most this often, seconds.
const LEAST_S: i64 = 15;
/// And, while nothing changes, so often: what is left until a reset runs on.
const MOST_S: i64 = 60;

/// What the file shows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Measured {
    /// A file of an earlier run has been taken away or written anew.
    looked: bool,
    /// When it was written last, and the view's revision then.
    last: Option<(Utc, u64)>,
}

impl Core {
    pub(crate) fn measure(&mut self, now: Now) {
        if !self.settings.metrics || self.options.offline || self.ending {
            let ours = self.publishing.measured.last.take().is_some();
            let earlier = !self.options.offline && !self.publishing.measured.looked;
            self.publishing.measured.looked |= earlier;
            if ours || earlier {
                self.effects.push(Effect::ForgetMetrics);
            }
            return;
        }
        self.publishing.measured.looked = true;
        let due = self.publishing.measured.last.map_or(now.wall, |(at, revision)| {
            let pause = if revision == self.publishing.revision() { MOST_S } else { LEAST_S };
            at.plus_seconds(pause)
        });
        let set_back = self.publishing.measured.last.is_some_and(|(at, _)| at > now.wall);
        if due > now.wall && !set_back {
            return self.effects.wake_by(Some(due));
        }
        self.publishing.measured.last = Some((now.wall, self.publishing.revision()));
        self.effects.wake_by(Some(now.wall.plus_seconds(MOST_S)));
        let page = Box::new(crate::view::page(self, false, now.wall));
        self.effects.push(Effect::Metrics { call: None, page });
    }
}
