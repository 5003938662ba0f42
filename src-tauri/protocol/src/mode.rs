//! What Sluice may do by itself, and how people are told of it.

use serde::{Deserialize, Serialize};

/// What Sluice may do by itself, per provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Nothing: no polling, no advice, no swap.
    Off,
    /// Watches, advises, and swaps only when the person clicks.
    #[default]
    Advise,
    /// Swaps by itself.
    Auto,
}

impl Mode {
    /// Every one, in the order of the menu and the settings page.
    pub const ALL: [Self; 3] = [Self::Off, Self::Advise, Self::Auto];

    /// The stable word that is stored, sent and typed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Advise => "advise",
            Self::Auto => "auto",
        }
    }

    /// What people call it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Off => "Off",
            Self::Advise => "Advise",
            Self::Auto => "Automatic",
        }
    }

    /// What a person should know about it.
    #[must_use]
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Off => {
                "Sluice does nothing here: it reads no usage, gives no advice and swaps nothing."
            }
            Self::Advise => {
                "Sluice watches and tells you when another account should be live. It swaps only \
                 when you click."
            }
            Self::Auto => {
                "Sluice swaps by itself when its rules say so, and tells you after each swap and \
                 why."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mode_is_sent_by_its_name() {
        for mode in Mode::ALL {
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.name());
        }
    }
}
