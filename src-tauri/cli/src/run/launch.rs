//! Where a run goes: provider, lane, account, and the seat that the tool is pointed at.

use super::Stop;
use crate::args::{RunArgs, Tool};
use crate::names::find_row;
use sluice_driver::Paths;
use sluice_driver::lanes::{self, NoPlace, Place, SeatInUse, Wish};
use sluice_driver::whereabouts::outranking;
use sluice_engine::{AccountId, Provider};
use sluice_ledger::Ledger;
use std::path::{Path, PathBuf};

/// A run's destination.
pub struct Launch {
    /// Whose tool.
    pub provider: Provider,
    /// The program's name.
    pub program: String,
    /// Lane, account, generation and seat.
    pub place: Place,
    /// Names of variables and settings that outrank all this.
    pub shadowed: Vec<String>,
    /// The directory the environment points the tool at, when it is none that Sluice knows.
    pub elsewhere: Option<PathBuf>,
    /// Variables that would point the tool away from its place.
    pub removed: Vec<&'static str>,
}

/// The program's name and whose tool it is.
pub(super) fn tool_of(args: &RunArgs) -> (String, Provider) {
    let program = args.command.first().cloned().unwrap_or_default();
    let program = Path::new(&program)
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let provider = match args.provider {
        Some(Tool(provider)) => provider,
        None => {
            let mut known = Provider::ALL.into_iter();
            let named = known.find(|provider| program.starts_with(provider.spec().program));
            named.unwrap_or(Provider::USUAL)
        }
    };
    (program, provider)
}

/// Names of what outranks the stored login of a tool started here: variables and settings.
pub fn shadowed(provider: Provider) -> Vec<String> {
    outranking(provider, std::env::current_dir().ok().as_deref(), None)
}

impl Launch {
    pub(super) fn resolve(
        ledger: &mut Ledger,
        paths: &Paths,
        args: &RunArgs,
    ) -> Result<Self, Stop> {
        let (program, provider) = tool_of(args);
        let account = match &args.account {
            Some(wanted) => Some(named(ledger, provider, wanted)?),
            None => None,
        };
        let here = std::env::current_dir().ok();
        let wish = Wish { lane: args.lane.as_deref(), account, folder: here.as_deref() };
        let place = lanes::place(ledger, paths, provider, wish, super::now())?;
        let seat = place.environment.as_ref().map(|(name, seat)| (*name, seat.as_path()));
        let shadowed = outranking(provider, here.as_deref(), seat);
        let asked = args.lane.is_some() || account.is_some();
        let (elsewhere, removed) = (None, Vec::new());
        let launch = Self { provider, program, place, shadowed, elsewhere, removed };
        launch.where_it_really_goes(ledger, paths, asked)
    }

    /// A tool that is pointed at no seat goes where the environment says. That is an account's own
    /// seat, or nobody's; what was asked for by name is not given up for it.
    fn where_it_really_goes(
        mut self,
        ledger: &Ledger,
        paths: &Paths,
        asked: bool,
    ) -> Result<Self, Stop> {
        let provider = self.provider;
        if self.place.environment.is_some() {
            // It outranks the directory that the lane sets.
            self.removed.extend(Provider::ALL.iter().filter_map(|one| one.spec().login_variable));
            return Ok(self);
        }
        match lanes::seat_in_use(ledger, paths, provider)? {
            SeatInUse::Default => {}
            SeatInUse::Own(_) if asked => self.removed.push(provider.spec().home_variable),
            SeatInUse::Own(account) => {
                self.place = Place { account: Some(account), ..Place::default() };
            }
            SeatInUse::Foreign(directory) if asked => {
                return Err(Stop::Usage(format!(
                    "the environment points the tool at {}, which is not the machine's own seat; \
                     unset {} for this run",
                    directory.display(),
                    provider.spec().home_variable
                )));
            }
            SeatInUse::Foreign(directory) => {
                self.place = Place::default();
                self.elsewhere = Some(directory);
            }
        }
        Ok(self)
    }
}

impl From<NoPlace> for Stop {
    fn from(none: NoPlace) -> Self {
        match none {
            NoPlace::Ledger(error) => error.into(),
            NoPlace::Name(text) | NoPlace::NoSeat(text) => Self::Usage(text),
            NoPlace::NoAccount(_) => Self::Usage(none.to_string()),
        }
    }
}

fn named(ledger: &Ledger, provider: Provider, wanted: &str) -> Result<AccountId, Stop> {
    let mut rows = ledger.accounts()?;
    rows.retain(|row| row.provider == provider);
    find_row(&rows, wanted).map(|row| row.id).map_err(Stop::Usage)
}
