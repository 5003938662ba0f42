//! An account's windows as the plan counts them: units of work in place of percent of a plan.

/// An account in a rollout; units and minutes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    /// Infinite where there is no short window.
    pub short_left: f64,
    /// The plan's size, also where it has no short window.
    pub short_cap: f64,
    /// End of the open window; negative infinity while closed.
    pub short_ends: f64,
    pub long_left: f64,
    pub long_cap: f64,
    pub long_ends: f64,
    /// How long the short window runs, minutes.
    pub short_span: f64,
    /// How long the long one does.
    pub long_span: f64,
    pub blocked_until: f64,
}

impl Slot {
    pub(crate) fn refresh(&mut self, t: f64) {
        if self.short_ends <= t && self.short_left < self.short_cap {
            self.short_left = self.short_cap;
        }
        while self.long_ends <= t {
            self.long_left = self.long_cap;
            self.long_ends += self.long_span;
        }
    }

    /// Work begins at `t`: a short window that is there opens with all its room.
    pub(crate) fn begin(&mut self, t: f64) {
        if !self.open(t) && self.short_left.is_finite() {
            self.short_ends = t + self.short_span;
            self.short_left = self.short_cap;
        }
    }

    /// There is no short window: what is full is the week.
    pub(crate) const fn lacks_short(&self) -> bool {
        self.short_left.is_infinite()
    }

    pub(crate) fn open(&self, t: f64) -> bool {
        self.short_ends > t
    }

    pub(crate) fn room(&self, t: f64) -> f64 {
        if t < self.blocked_until { 0.0 } else { self.short_left.min(self.long_left) }
    }

    pub(crate) fn usable(&self, t: f64) -> bool {
        self.room(t) > 0.02 * self.short_cap
    }

    pub(crate) fn recovers(&self, t: f64) -> f64 {
        let mut at = t.max(self.blocked_until);
        if self.long_left <= 0.02 * self.short_cap {
            at = at.max(self.long_ends);
        }
        if self.short_left <= 0.02 * self.short_cap {
            at = at.max(self.short_ends);
        }
        at
    }
}
