//! What differs between the providers and their tools, as data: whoever needs to know asks the spec, and
//! nobody compares a [`Provider`] with one of its variants. What only one crate may know stands in that
//! crate, per provider: files in `custody/seats`, addresses and parsers in `providers`.

use alloc::string::String;
use serde::{Deserialize, Serialize};

/// The company whose service is used and metered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Claude Code.
    Claude,
    /// Codex.
    Codex,
}

/// One provider and its tool.
#[derive(Debug, PartialEq, Eq)]
pub struct Spec {
    /// The stable lower-case name in the ledger, on the command line and in JSON.
    pub name: &'static str,
    /// What its accounts are called until a person names them: `Claude 2`.
    pub family: &'static str,
    /// The tool as people know it.
    pub tool: &'static str,
    /// The tool's program.
    pub program: &'static str,
    /// Its arguments to sign in.
    pub sign_in: &'static [&'static str],
    /// Its arguments to clear whatever login it holds; `None` where a person moves the file away, because
    /// signing in writes over it.
    pub sign_out: Option<&'static [&'static str]>,
    /// The variable that points the tool at another directory, and so at another seat.
    pub home_variable: &'static str,
    /// The variable that outranks it for the login alone, where there is one.
    pub login_variable: Option<&'static str>,
    /// Sluice refreshes its parked logins.
    pub is_refreshed: bool,
    /// Running sessions use the login that a swap brings; else they keep theirs until they end.
    pub running_sessions_follow: bool,
    /// Its plans: their names and sizes.
    pub plans: &'static [KnownPlan],
    /// The tool's own background process, which holds the login that it was started with.
    pub background: Option<Background>,
    /// Limit resets.
    pub resets: ResetSpec,
}

/// How a provider deals with limit resets.
#[derive(Debug, PartialEq, Eq)]
pub struct ResetSpec {
    /// Where it tells them.
    pub source: ResetSource,
    /// What a person types in the tool to spend one. Sluice never does.
    pub command: &'static str,
}

/// Where a provider tells limit resets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetSource {
    /// With usage, where they are asked for: no request more.
    WithUsage,
    /// Usage tells their number, an endpoint of its own the rest.
    Apart,
}

/// A plan that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownPlan {
    /// As the provider's answers write it, without a prefix.
    pub id: &'static str,
    /// As the provider calls it before people.
    pub name: &'static str,
    /// Nominal size relative to the smallest plan, where it is known.
    pub size: Option<u16>,
    /// It has no 5-hour window.
    pub lacks_short: bool,
    /// The tier under which it was sold before: the plan whose name it had, and the multiple in it.
    pub former: Option<(&'static str, u64)>,
}

impl KnownPlan {
    const fn new(id: &'static str, name: &'static str) -> Self {
        Self { id, name, size: None, lacks_short: false, former: None }
    }

    const fn sized(id: &'static str, name: &'static str, size: u16) -> Self {
        Self { size: Some(size), ..Self::new(id, name) }
    }
}

/// A background process of a tool.
#[derive(Debug, PartialEq, Eq)]
pub struct Background {
    /// Its socket below the tool's directory: whoever answers there runs.
    pub socket: &'static str,
    /// The program's arguments to start it anew.
    pub restart: &'static [&'static str],
}

static CLAUDE_PLANS: [KnownPlan; 6] = [
    KnownPlan::new("free", "Free"),
    KnownPlan::sized("pro", "Pro", 1),
    KnownPlan { former: Some(("max", 5)), ..KnownPlan::sized("max", "Max", 5) },
    KnownPlan {
        lacks_short: true,
        former: Some(("max", 20)),
        ..KnownPlan::sized("ultra", "Ultra", 10)
    },
    KnownPlan::new("team", "Team"),
    KnownPlan::new("enterprise", "Enterprise"),
];

static CODEX_PLANS: [KnownPlan; 10] = [
    KnownPlan::new("free", "Free"),
    KnownPlan::new("go", "Go"),
    KnownPlan::new("plus", "Plus"),
    KnownPlan::new("prolite", "Pro"),
    KnownPlan::new("pro", "Pro (More)"),
    KnownPlan::new("promax", "Pro (Max)"),
    KnownPlan::new("business", "Business"),
    KnownPlan::new("team", "Team"),
    KnownPlan::new("enterprise", "Enterprise"),
    KnownPlan::new("edu", "Edu"),
];

static CLAUDE: Spec = Spec {
    name: "claude",
    family: "Claude",
    tool: "Claude Code",
    program: "claude",
    sign_in: &["auth", "login"],
    sign_out: Some(&["auth", "logout"]),
    home_variable: "CLAUDE_CONFIG_DIR",
    login_variable: Some("CLAUDE_SECURESTORAGE_CONFIG_DIR"),
    is_refreshed: true,
    running_sessions_follow: true,
    plans: &CLAUDE_PLANS,
    background: None,
    resets: ResetSpec { source: ResetSource::WithUsage, command: "/limit-reset" },
};

static CODEX: Spec = Spec {
    name: "codex",
    family: "Codex",
    tool: "Codex",
    program: "codex",
    sign_in: &["login"],
    sign_out: None,
    home_variable: "CODEX_HOME",
    login_variable: None,
    is_refreshed: true,
    // It reads its login once, at its start.
    running_sessions_follow: false,
    plans: &CODEX_PLANS,
    background: Some(Background {
        socket: "app-server-control/app-server-control.sock",
        restart: &["app-server", "daemon", "restart"],
    }),
    resets: ResetSpec { source: ResetSource::Apart, command: "/usage" },
};

impl Provider {
    /// Every provider, in display order.
    pub const ALL: [Self; 2] = [Self::Claude, Self::Codex];

    /// Taken where nobody names one: on the command line, at a first start, in a simulated world.
    pub const USUAL: Self = Self::ALL[0];

    /// The one whose tool calls `sluice hook`, and has settings for hooks.
    pub const HOOKED: Self = Self::Claude;

    /// What differs from the other providers.
    #[must_use]
    pub const fn spec(self) -> &'static Spec {
        match self {
            Self::Claude => &CLAUDE,
            Self::Codex => &CODEX,
        }
    }

    /// The stable lower-case name used in the ledger, on the command line and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.spec().name
    }
}

impl Spec {
    /// The command by which a person signs in.
    #[must_use]
    pub fn sign_in_command(&self) -> String {
        self.command(self.sign_in)
    }

    /// The command that clears whatever login the tool holds.
    #[must_use]
    pub fn sign_out_command(&self) -> Option<String> {
        self.sign_out.map(|words| self.command(words))
    }

    fn command(&self, words: &[&str]) -> String {
        let mut command = String::from(self.program);
        for word in words {
            command.push(' ');
            command.push_str(word);
        }
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_json_and_of_nobody_else() {
        for provider in Provider::ALL {
            let json = serde_json::to_value(provider).unwrap();
            assert_eq!(json, provider.name());
            let same = Provider::ALL.iter().filter(|other| other.name() == provider.name());
            assert_eq!(same.count(), 1);
        }
    }

    #[test]
    fn commands_are_those_that_a_person_types() {
        assert_eq!(Provider::Claude.spec().sign_in_command(), "claude auth login");
        assert_eq!(Provider::Codex.spec().sign_in_command(), "codex login");
        let out = Provider::Claude.spec().sign_out_command();
        assert_eq!(out.as_deref(), Some("claude auth logout"));
        assert_eq!(Provider::Codex.spec().sign_out_command(), None);
    }
}
