//! The tool asked for its own limits, where the person allowed it: started without a prompt, heard out, and
//! left to end by itself. It may be renewing its login meanwhile, so nothing here ends it hard.

use crate::whereabouts::outranking_variables;
use sluice_engine::{Provider, Utc};
use sluice_providers::claude::control::ControlReading;
use sluice_providers::{Asking, tool};
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

/// Between two questions, seconds.
const APART_S: f64 = 300.0;
/// After one that brought nothing, seconds: a tool that cannot is not started every few minutes.
const REST_S: f64 = 3_600.0;
/// From its start to its answer.
const ANSWER_DEADLINE: Duration = Duration::from_secs(20);
/// From the end of its input to its own end, and from the request to end to its end.
const END_DEADLINE: Duration = Duration::from_secs(15);
/// Everything it says, bytes.
const OUTPUT_MAX: u64 = 4 << 20;

/// When a tool may be asked again.
#[derive(Clone, Default)]
pub(super) struct Pace(Arc<Mutex<Option<Utc>>>);

impl Pace {
    /// Whether it may be asked now; then not again for a while, whatever comes of it.
    fn take(&self, now: Utc) -> bool {
        let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // An instant further ahead than any rest is of a clock that was set back.
        let waits = next.is_some_and(|at| at > now && at.seconds_since(now) <= REST_S);
        if !waits {
            *next = Some(now.plus_seconds(REST_S as i64));
        }
        !waits
    }

    /// It answered.
    fn answered(&self, began: Utc) {
        let next = Some(began.plus_seconds(APART_S as i64));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = next;
    }
}

/// Asks the tool, when it can be and may be asked now. `None` in the end: it did not answer.
pub(super) fn ask(
    provider: Provider,
    home: &Path,
    pace: &Pace,
    now: Utc,
) -> Option<impl Future<Output = Option<ControlReading>> + Send + use<>> {
    let asking = tool(provider).asking.as_ref()?;
    if !pace.take(now) {
        return None;
    }
    let mut command = Command::new(provider.spec().program);
    command.args(asking.arguments).current_dir(home);
    for name in outranking_variables(provider) {
        command.env_remove(name);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let pace = pace.clone();
    Some(async move {
        let spawned = command.spawn().inspect_err(|error| {
            tracing::info!(%error, "the tool could not be started to tell its limits");
        });
        let (tell, told) = oneshot::channel();
        // It ends in its own time, also when nobody waits for its answer any more.
        tokio::spawn(converse(spawned.ok()?, asking, tell));
        let answer = told.await.ok().flatten();
        if answer.is_some() {
            pace.answered(now);
        }
        answer
    })
}

async fn converse(
    mut child: Child,
    asking: &'static Asking,
    tell: oneshot::Sender<Option<ControlReading>>,
) {
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else { return };
    let mut lines = BufReader::new(output.take(OUTPUT_MAX));
    let heard = tokio::time::timeout(ANSWER_DEADLINE, async {
        for request in asking.requests {
            input.write_all(format!("{request}\n").as_bytes()).await.ok()?;
        }
        input.flush().await.ok()?;
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).await.ok()? > 0 {
            if let Some(reading) = (asking.read)(&line) {
                return Some(reading);
            }
            line.clear();
        }
        None
    });
    let answer = heard.await.ok().flatten();
    // The end of its input ends it; what it still says is taken so that nothing holds it up.
    drop(input);
    let rest = async move { tokio::io::copy(&mut lines, &mut tokio::io::sink()).await };
    let rest = tokio::spawn(rest);
    if tokio::time::timeout(END_DEADLINE, child.wait()).await.is_err() {
        ask_to_end(&child);
        if tokio::time::timeout(END_DEADLINE, child.wait()).await.is_err() {
            tracing::warn!("the tool that was asked for its limits goes on; it is left alone");
        }
    }
    rest.abort();
    // Only now is everything it writes down on disk.
    let _nobody_waits = tell.send(answer);
}

fn ask_to_end(child: &Child) {
    let pid = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
    if let Some(pid) = pid {
        let _gone = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Utc = Utc::from_seconds(1_795_262_400);

    #[test]
    fn a_tool_is_asked_every_five_minutes_and_a_mute_one_hourly() {
        let pace = Pace::default();
        assert!(pace.take(NOW));
        assert!(!pace.take(NOW.plus_seconds(3_599)), "it said nothing");
        assert!(pace.take(NOW.plus_seconds(3_600)));
        pace.answered(NOW.plus_seconds(3_600));
        assert!(!pace.take(NOW.plus_seconds(3_899)));
        assert!(pace.take(NOW.plus_seconds(3_900)));
        assert!(pace.take(NOW.plus_seconds(-86_400)), "the clock was set back");
    }
}
