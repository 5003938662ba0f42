//! `cargo xtask`: everything cargo alone cannot do.

mod check;
mod fuzz;
mod package;
mod proof;
mod real;
mod run;
mod setup;
mod suite;
mod tidy;

use run::Failure;

const HELP: &str = "\
cargo xtask COMMAND

  setup                        install what is missing and build the window's page
  check                        format, clippy, tidy, deny, generated files, types and lints of the
                               page; installs nothing
  accept                       write what is generated or recorded for tests anew, to be read as a diff
  test [--repeat N] [--load M] everything above that a test needs, then every test; N times from one
                               build, beside M busy processes
  demo [--seconds N] [--json]  the tray application on an embedded provider, days in minutes
  vectors PATH…                replay files of golden vectors
  fixtures DIR…                replay recorded provider answers and credential files
  crash [--all]                kill, fail and race a swap at every system call
  real [--latest]              the real tools from npm, without a way out, against the fake provider
  sim --years N --seed S       simulated years with invariant checkers
  bench [--only SUITE]         measured figures, growth curves and bounds
  coverage                     which of the engine's lines its tests run
  mutants [--shard K/N] …      which small changes of the engine its tests notice
  fuzz [--seconds N] [--keep] [TARGET]…
                               every parser of what others write, N processor seconds altogether;
                               keep what was learned in tests/fuzz/corpus
  package [--out DIR] [--version V] [--verify]
                               .deb, .rpm, the command line as a .tar.gz, and their sums; --verify (root):
                               built twice, installed, upgraded and removed in a fresh Debian
  forecast [SCENARIO…]         how forecasts and drain advice come out on simulated weeks
  tidy [--lines]               the house rules as a source check; or the shipped lines of each part
";

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", &[][..]),
    };
    match dispatch(command, rest) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(Failure::Usage(text)) => {
            eprintln!("{text}\n\n{HELP}");
            2.into()
        }
        Err(Failure::Failed(text)) => {
            eprintln!("xtask {command}: {text}");
            1.into()
        }
        // The command has said why itself.
        Err(Failure::Child(code)) => code.into(),
    }
}

fn dispatch(command: &str, rest: &[String]) -> Result<(), Failure> {
    match command {
        "setup" => setup::whole(),
        "check" => check::everything(),
        "accept" => check::accept(),
        "test" => suite::everything(rest),
        "tidy" => check::tidy(rest),
        "demo" => {
            setup::everything()?;
            run::cargo(&["build", "--workspace", "--bins"])?;
            run::built("demo", rest)
        }
        // Needs no desktop and no window library: nothing to set up.
        "vectors" | "fixtures" | "sim" | "forecast" => run::command(command, rest, &[]),
        "crash" => {
            setup::packages(&["strace"])?;
            // Its live watcher is the real daemon.
            run::cargo(&["build", "-p", "sluice-cli"])?;
            run::command(command, rest, &[])
        }
        "bench" => {
            setup::everything()?;
            run::cargo(&["build", "--release", "-p", "sluice-app", "-p", "sluice-cli"])?;
            run::command(command, rest, &["--release"])
        }
        "fuzz" => fuzz::everything(rest),
        "package" => package::everything(rest),
        "real" => real::everything(rest),
        "coverage" => proof::coverage(rest),
        "mutants" => proof::mutants(rest),
        "help" | "-h" | "--help" => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(Failure::Usage(format!("no command '{other}'"))),
    }
}
