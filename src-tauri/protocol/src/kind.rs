//! Kinds of notices: what a person switches on and off, and how each kind is told.

use crate::closed::closed;

closed! {
    /// What sort of thing a notice tells, in the order of the settings page.
    NoticeKind {
        /// Advice to swap.
        Advice = "advice",
        /// A swap was made.
        SwapDone = "swap_done",
        /// A swap failed.
        SwapFailed = "swap_failed",
        /// A login needs the person.
        SignIn = "sign_in",
        /// A login ends soon.
        LoginEnds = "login_ends",
        /// Quota will expire unused.
        Drain = "drain",
        /// What is about to be lost, once a day.
        Digest = "digest",
        /// Every account is used up.
        Exhausted = "exhausted",
        /// An equally urgent account is far behind.
        SameTier = "same_tier",
        /// Nothing could be decided for a while.
        Stall = "stall",
        /// Keychain, seat or database cannot be used.
        Keychain = "keychain",
        /// A window is nearly full.
        Threshold = "threshold",
        /// A window has reset.
        Reset = "reset",
        /// A plan lost a window, or got one.
        Limits = "limits",
        /// A limit reset ends soon, or could help now.
        LimitReset = "limit_reset",
        /// A window emptied before its reset.
        Fall = "fall",
        /// A provider's answers have another shape.
        Answers = "answers",
        /// The shell's own: the desktop shows no icon.
        NoTray = "no_tray",
        /// The shell's own: a click was refused.
        Refused = "refused",
        /// Of another version.
        Other = "other",
    }
}

/// How much it weighs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weight {
    /// Without the person nothing goes on.
    Urgent,
    /// Counts towards the day's limit.
    Plain,
    /// Nothing is lost when nobody reads it.
    News,
    /// What was done by itself: told each time.
    Swap,
}

/// How long it stays true.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    /// As long as its cause lasts; told again when that comes back.
    State,
    /// Its cause names one episode, told once in its life.
    Episode,
    /// An episode that is worth nothing once its moment has passed.
    Moment,
}

/// Where its switch stands at first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Switch {
    On,
    Off,
    /// It has none.
    Missing,
}

impl NoticeKind {
    /// How each kind is told: the one table.
    const fn manner(self) -> (Weight, Life, Switch) {
        match self {
            Self::Advice => (Weight::Plain, Life::State, Switch::On),
            Self::SwapDone => (Weight::Swap, Life::State, Switch::On),
            Self::SwapFailed => (Weight::Urgent, Life::State, Switch::On),
            Self::SignIn => (Weight::Urgent, Life::State, Switch::On),
            Self::LoginEnds => (Weight::Plain, Life::Episode, Switch::On),
            Self::Drain => (Weight::Plain, Life::Episode, Switch::On),
            Self::Digest => (Weight::News, Life::Episode, Switch::On),
            Self::Exhausted => (Weight::Plain, Life::Episode, Switch::On),
            Self::SameTier => (Weight::News, Life::Moment, Switch::On),
            Self::Stall => (Weight::Plain, Life::State, Switch::On),
            Self::Keychain => (Weight::Urgent, Life::State, Switch::On),
            Self::Threshold => (Weight::Plain, Life::Moment, Switch::Off),
            Self::Reset => (Weight::Plain, Life::Moment, Switch::Off),
            Self::Limits => (Weight::Plain, Life::Episode, Switch::On),
            Self::LimitReset => (Weight::Plain, Life::Episode, Switch::On),
            Self::Fall => (Weight::Plain, Life::Episode, Switch::On),
            Self::Answers => (Weight::Plain, Life::Episode, Switch::On),
            Self::NoTray => (Weight::Plain, Life::State, Switch::Missing),
            Self::Refused => (Weight::Plain, Life::State, Switch::Missing),
            Self::Other => (Weight::Plain, Life::State, Switch::Missing),
        }
    }

    /// Kinds that a person can switch, in the order of the settings page.
    pub fn switches() -> impl Iterator<Item = Self> {
        let has_one = |kind: &Self| kind.manner().2 != Switch::Missing;
        Self::ALL.iter().copied().filter(has_one)
    }

    /// Told in quiet hours, over the day's limit and over do-not-disturb.
    #[must_use]
    pub fn is_urgent(self) -> bool {
        self.manner().0 == Weight::Urgent
    }

    /// Nothing is lost when nobody reads it.
    #[must_use]
    pub fn is_news(self) -> bool {
        self.manner().0 == Weight::News
    }

    /// A swap that was made: told each time, counts towards no limit, and several become one.
    #[must_use]
    pub fn is_swap(self) -> bool {
        self.manner().0 == Weight::Swap
    }

    /// Off until a person wishes for it; how much of it is told is theirs to say then.
    #[must_use]
    pub fn is_wished(self) -> bool {
        self.manner().2 == Switch::Off
    }

    /// Worth nothing once its moment has passed.
    #[must_use]
    pub fn is_fleeting(self) -> bool {
        self.manner().1 == Life::Moment
    }

    /// Its cause is told once in its life, also over a restart.
    #[must_use]
    pub fn is_episode(self) -> bool {
        self.manner().1 != Life::State
    }

    /// The words on its switch.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Advice => "Advice to swap",
            Self::SwapDone => "A swap was made",
            Self::SwapFailed => "A swap failed",
            Self::SignIn => "An account needs a sign-in",
            Self::LoginEnds => "A login ends soon",
            Self::Drain => "Quota will expire unused",
            Self::Digest => "What is about to be lost, once a day",
            Self::Exhausted => "Every account is used up",
            Self::SameTier => "An equally urgent account is far behind",
            Self::Stall => "Nothing could be decided for a while",
            Self::Keychain => "The keychain does not answer",
            Self::Threshold => "A window is nearly full",
            Self::Reset => "A window has reset",
            Self::Limits => "A plan's limits changed",
            Self::LimitReset => "A limit reset ends soon, or could help now",
            Self::Fall => "A window emptied before its reset",
            Self::Answers => "A provider's answers have changed",
            Self::NoTray => "The desktop shows no icon",
            Self::Refused => "A click was refused",
            Self::Other => "A notice of another version",
        }
    }

    /// What a person should know about the switch.
    #[must_use]
    pub const fn hint(self) -> Option<&'static str> {
        match self {
            Self::Advice => Some("In mode Advise, with a button to do it."),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_word_is_read_as_another_versions() {
        for kind in NoticeKind::ALL {
            assert_eq!(kind.name().parse(), Ok(*kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        let read: NoticeKind = serde_json::from_str("\"of_tomorrow\"").unwrap();
        assert_eq!(read, NoticeKind::Other);
    }
}
