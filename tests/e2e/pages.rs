//! Every page of the window in the real webview, over a ledger with a week behind it: what it asks
//! passes the window's own filter, and each of its controls is used.

use crate::{add_both, brisk, quiet, two};
use serde_json::json;
use sluice_engine::{
    AccountId, Action, AskedBy, Candidate, Decision, Lane, Percent, Refusal, Source, Trigger,
    Usage, Utc, Window,
};
use sluice_ledger::{Ledger, NewDecision, NewSwap, Sample, StrandedRow};
use sluice_protocol::{DecisionAction, Mode, Provider, View};
use sluice_tests::desktop::{PATIENCE, Parts, WebDriver, wait_for};
use sluice_tests::stage::Stage;

/// Hours of a week.
const WEEK_H: i64 = 168;

/// What stands on the page when its rows are there, and how many rows it has at least.
const PAGES: [(&str, &str, usize); 6] = [
    ("Now", "main .lines > li", 2),
    ("At work", "main section", 1),
    ("Outlook", "main section:nth-of-type(2) tbody tr", 2),
    ("Decisions", "main table.decisions tbody tr", 3),
    ("History", "main details tbody tr", 20),
    ("Settings", "main input", 5),
];

/// Uses each control of the page once (buttons, choices, fields; a row's like its neighbour's), also
/// those that come up on the way; gives their names.
const CRAWL: &str = r##"
  const used = [];
  const told = new Set();
  const label = (one) => one.getAttribute("aria-label") ?? one.labels?.[0]?.innerText ?? one.innerText;
  const name = (one) => [one.tagName, one.type, label(one), one.name]
    .join(" ").replace(/[0-9:]+|alpha\S*|beta\S*/g, "#").trim();
  const seen = (one) => one.getClientRects().length > 0 && !one.disabled;
  const all = () => [...document.querySelectorAll("main, dialog, [role=menu], [role=dialog]")]
    .flatMap((part) => [...part.querySelectorAll("button, select, input, summary")]).filter(seen);
  const set = (field, value) => {
    Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), "value").set.call(field, value);
    for (const event of ["input", "change"]) field.dispatchEvent(new Event(event, { bubbles: true }));
  };
  const rest = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 30)));
  for (let step = 0; step < 200; step++) {
    // What leads to another page comes last.
    const order = () => { const found = all(); const leads = (one) => one.innerText === "Why?";
      return [...found.filter((one) => !leads(one)), ...found.filter(leads)]; };
    const unused = () => order().find((one) => !used.includes(name(one)));
    // An entry of a menu closes it; it is opened again for the next.
    if (unused() === undefined) document.querySelector("main [aria-haspopup=menu]")?.click();
    await rest();
    const next = unused();
    if (next === undefined) break;
    used.push(name(next));
    if (next.tagName === "SELECT") set(next, [...next.options].at(-1).value);
    else if (next.tagName === "INPUT" && !["checkbox", "radio", "button"].includes(next.type)) set(next, next.value);
    else next.click();
    await rest();
    for (const toast of document.querySelectorAll(".toast")) told.add(toast.innerText);
  }
  return { used, told: [...told] };
"##;

/// A week as a driver would have written it: readings each hour, a decision each hour of the last day,
/// a swap, and a week of each account that has ended.
fn a_week(stage: &Stage, view: &View) {
    let now = Utc::from_millis(stage.fake.world().clock.now().millis());
    let ids: Vec<_> = view.accounts.iter().map(|account| account.id).collect();
    let mut ledger = Ledger::attach(&stage.database()).unwrap();
    let lane = ledger.default_lane(Provider::Claude).unwrap().lane;
    for hour in 1..WEEK_H {
        let at = now.plus_seconds(-3_600 * hour);
        for id in &ids {
            let window = |share: i64, ahead_h: i64| Window {
                used: Percent::new((share % 90) as f64),
                resets_at: Some(at.plus_seconds(3_600 * ahead_h)),
            };
            let usage = Usage {
                observed_at: Some(at),
                ..Usage::of(window(7 * hour, 2), window(WEEK_H - hour, 24))
            };
            ledger
                .record_sample(&Sample { account: *id, at, source: Source::Endpoint, usage })
                .unwrap();
        }
    }
    for (days, id) in (1..).zip(&ids) {
        let resets_at = now.plus_seconds(-86_400 * days);
        let row =
            StrandedRow { account: *id, resets_at, unused: 12.0, foreseen: Some((10.0, 20.0)) };
        ledger.record_stranded(&row).unwrap();
    }
    for (hour, trigger) in
        (1..20).zip([Trigger::Tick, Trigger::NoTarget, Trigger::PlanImproved].into_iter().cycle())
    {
        let candidates = ids.iter().map(|id| candidate(*id)).collect();
        let decision = Decision {
            at: now.plus_seconds(-3_600 * hour),
            lane: lane.id,
            generation: lane.generation,
            active: Some(ids[1]),
            action: Action::Stay,
            trigger,
            reason: "a week of it".to_owned(),
            best: Some(ids[0]),
            candidates,
        };
        let new = NewDecision {
            decision: &decision,
            provider: Provider::Claude,
            outcome: DecisionAction::Stay,
            sentence: "It stays.",
            reason: &json!({}),
            digest: "",
            world: None,
        };
        ledger.record_decision(&new).unwrap();
    }
    a_swap(&mut ledger, &lane, &ids, now.plus_seconds(-7_200));
}

/// One that failed.
fn a_swap(ledger: &mut Ledger, lane: &Lane, ids: &[AccountId], at: Utc) {
    let swap = NewSwap {
        at,
        lane: lane.id,
        generation: lane.generation,
        provider: Provider::Claude,
        from: Some(ids[1]),
        to: ids[0],
        asked_by: AskedBy::Person,
        trigger: Trigger::Manual,
        reason: "You asked for it.".to_owned(),
        decision: None,
        usage_from: None,
        usage_to: None,
        intent: json!({}),
    };
    let id = ledger.begin_swap(&swap).unwrap();
    ledger.fail_swap(id, swap.at, "The keychain was locked.").unwrap();
}

fn candidate(account: AccountId) -> Candidate {
    Candidate {
        account,
        tier: 2,
        target: Some(80.0),
        deficit: Some(20.0),
        stranding: Some(5.0),
        value: None,
        refusal: Refusal::NotBehind,
    }
}

fn open(window: &WebDriver, page: &str) {
    let script = format!(
        "const tab = [...document.querySelectorAll('nav button')].find((one) => one.innerText === '{page}');
         tab?.click(); return tab !== undefined;"
    );
    wait_for(&format!("the page {page}"), PATIENCE, || {
        (window.run(&script) == json!(true)).then_some(())
    });
}

fn rows(window: &WebDriver, css: &str) -> usize {
    let count = window.run(&format!("return document.querySelectorAll({css:?}).length"));
    count.as_u64().unwrap_or_default() as usize
}

/// How the policies would have done is asked for, not read by itself.
fn compare(window: &WebDriver) {
    let script = "[...document.querySelectorAll('main button')].find((one) => one.innerText === 'Compare').click()";
    let _asked = window.run(script);
    wait_for("the comparison", PATIENCE, || {
        (rows(window, "main table[aria-live] tbody tr") > 3).then_some(())
    });
}

#[test]
fn every_page_shows_its_week_and_every_control_may_ask() {
    let stage = Stage::new(Parts::all(), brisk(), two());
    let window = stage.app_in_window();
    stage.wait_driver();
    add_both(&stage, Mode::Advise);
    quiet(&stage);
    a_week(&stage, &stage.view());
    // The page of the accounts comes last: it can take one away.
    for (page, css, least) in PAGES.into_iter().skip(1).chain(PAGES.into_iter().take(1)) {
        open(&window, page);
        wait_for(&format!("{least} rows ({css}) on the page {page}"), PATIENCE, || {
            let refused = window.text().contains("was not understood");
            assert!(!refused, "{page}: {}", window.text());
            (rows(&window, css) >= least).then_some(())
        });
        if page == "Outlook" {
            compare(&window);
        }
        let found = window.run_async(CRAWL);
        let words = |part: &str| found["ok"][part].as_array().cloned().unwrap_or_default();
        assert!(!words("used").is_empty(), "{page}: no control was used: {found}");
        let said = format!("{} {:?}", window.text(), words("told"));
        for refusal in ["was not understood", "may not ask", "No answer in time"] {
            assert!(!said.contains(refusal), "{page}: {said}");
        }
    }
}
