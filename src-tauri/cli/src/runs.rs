//! `sluice reconcile`: closes rows of tools that are certainly gone. A dry run unless `--apply` is given.

use crate::{Exit, render};
use serde_json::json;
use sluice_driver::Paths;
use sluice_ledger::{Error, ExecutionRow, Kernel, Ledger, Pass, RULE};
use sluice_protocol::Closing;

/// Carries out `sluice reconcile [--apply] [--release ID]`.
pub fn reconcile(paths: &Paths, apply: bool, release: Option<&str>, as_json: bool) -> Exit {
    let Some(kernel) = Kernel::here() else {
        render::complain("the system does not show its processes; nothing was changed");
        return Exit::Failed;
    };
    let looked = Ledger::attach(&paths.database()).and_then(|mut ledger| {
        if let Some(id) = release
            && !ledger.release(id, crate::run::now())?
        {
            return Err(Error::NotFound("open execution of that id"));
        }
        let pass = ledger.reconcile(&kernel, crate::run::now(), apply)?;
        Ok((pass, ledger.open_executions()?))
    });
    match looked {
        Ok((pass, open)) => {
            show(&pass, &open, as_json);
            let failed = pass.actions.iter().any(|action| action.action == Closing::Error);
            if failed { Exit::Failed } else { Exit::Done }
        }
        Err(Error::Busy) => {
            render::complain(&Error::Busy.to_string());
            Exit::Later
        }
        Err(error) => {
            render::complain(&error.to_string());
            Exit::Failed
        }
    }
}

fn show(pass: &Pass, open: &[ExecutionRow], as_json: bool) {
    if as_json {
        let rows: Vec<_> = open
            .iter()
            .map(|row| {
                json!({
                    "execution_id": row.execution.id,
                    "provider": row.execution.provider,
                    "account": row.execution.account,
                    "lane": row.execution.lane,
                    "label": row.execution.label,
                    "program": row.execution.program,
                    "since_ms": row.execution.at.millis(),
                    "pid": row.execution.child.map(|process| process.pid),
                    "state": row.state,
                })
            })
            .collect();
        let document = json!({ "actions": pass.actions, "unknown": pass.unknown, "open": rows });
        render::document("reconcile", document);
        return;
    }
    for action in &pass.actions {
        let done = action.action;
        let error = action.error.as_deref().map_or_else(String::new, |text| format!(" ({text})"));
        render::say(&format!("{done} {RULE} {}: {}{error}", action.execution_id, action.reason));
    }
    render::say(&format!(
        "{} at work, {} of them cannot be judged, {} gone",
        open.len(),
        pass.unknown,
        pass.actions.len()
    ));
}
