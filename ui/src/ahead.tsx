// What will be left of each window, what was left of the last weeks, and what another policy would
// have made of them.

import { useState } from "preact/hooks";
import {
  type AccountView,
  type Compared,
  type ForecastView,
  type RuleSet,
  ruleSets,
  type StrandedView,
  type Tally,
} from "./bindings";
import { clock, DAY_MS, instant, percent, wait } from "./format";
import { Button, Reading } from "./parts";
import { nameOf, useBusy, useRows, useStore } from "./store";

const PAST_DAYS = 35;

/** The provider may say that an account has no such window. */
const hasShort = (account: AccountView): boolean =>
  account.windows.some((window) => window.kind === "five_hour");

export function Ahead() {
  const { view, nowMs } = useStore();
  // Where no account has a 5-hour window, the week takes its place.
  const shorts = view.accounts.some(hasShort);
  return (
    <>
      <header class="page-head">
        <h1>Outlook</h1>
      </header>
      {view.accounts.length === 0 ? (
        <p class="muted">There is no account yet.</p>
      ) : (
        <>
          <section class="card">
            <h2>Left unused at the reset</h2>
            <p class="muted">
              Reckoned from the work of past weeks and your work hours. The bar holds nine in ten
              outcomes, the mark is the middle.
            </p>
            <table class="rows">
              <thead>
                <tr>
                  <th scope="col">Account</th>
                  {shorts && <th scope="col">5-hour window</th>}
                  <th scope="col">Week</th>
                </tr>
              </thead>
              <tbody>
                {view.accounts.map((account) => (
                  <Row key={account.id} account={account} shorts={shorts} nowMs={nowMs} />
                ))}
              </tbody>
            </table>
          </section>
          <Past />
          <WhatIf />
        </>
      )}
    </>
  );
}

function Row({ account, shorts, nowMs }: { account: AccountView; shorts: boolean; nowMs: number }) {
  return (
    <tr>
      <td>{account.label}</td>
      {shorts && (
        <td>
          {hasShort(account) ? (
            <Band said={account.forecasts.five_hour} nowMs={nowMs} />
          ) : (
            <span class="muted">none</span>
          )}
        </td>
      )}
      <td>
        <Band said={account.forecasts.seven_day} nowMs={nowMs} />
      </td>
    </tr>
  );
}

function Band({ said, nowMs }: { said: ForecastView | null; nowMs: number }) {
  if (said === null) return <span class="muted">–</span>;
  const words =
    said.high - said.low < 2
      ? percent(said.p50)
      : `${percent(said.p50)} (${Math.round(said.low)} to ${percent(said.high)})`;
  const left = said.resets_at_ms - nowMs;
  return (
    <div class="band" title={`Resets ${instant(said.resets_at_ms)}`}>
      <svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
        <rect class="band-ground" width="100" height="6" rx="3" />
        <rect
          class="band-span"
          x={said.low}
          width={Math.max(1, said.high - said.low)}
          height="6"
          rx="3"
        />
        <rect class="band-mark" x={Math.min(98, Math.max(0, said.p50 - 1))} width="2" height="6" />
      </svg>
      <span>
        {words}
        <span class="muted"> in {wait(left)}</span>
      </span>
    </div>
  );
}

function Past() {
  const { view, nowMs } = useStore();
  const day = Math.floor(nowMs / DAY_MS);
  const { rows, trouble } = useRows<StrandedView[]>(
    { verb: "stranded", since_ms: Math.floor(nowMs - PAST_DAYS * DAY_MS) },
    (answer) => (answer.answer === "stranded" ? answer.rows : null),
    `${day}`,
  );
  return (
    <section class="card">
      <h2>Weeks that have ended</h2>
      {rows === null ? (
        <Reading trouble={trouble} />
      ) : rows.length === 0 ? (
        <p class="muted">No week has ended since Sluice looks.</p>
      ) : (
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">Ended</th>
              <th scope="col">Account</th>
              <th scope="col" class="number">
                Was left
              </th>
              <th scope="col" class="number">
                Foreseen a day before
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((week) => (
              <tr key={`${week.account}/${week.resets_at_ms}`}>
                <td title={instant(week.resets_at_ms)}>{clock(week.resets_at_ms, nowMs)}</td>
                <td>{nameOf(view, week.account)}</td>
                <td class="number">{percent(week.unused)}</td>
                <td class="number">{percent(week.p50)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function WhatIf() {
  const { nowMs, ask } = useStore();
  const [policy, setPolicy] = useState<RuleSet>("threshold");
  const [days, setDays] = useState(7);
  const [found, setFound] = useState<Compared | null>(null);
  const [busy, run] = useBusy();
  const compare = () =>
    run(async () => {
      const since_ms = Math.floor(nowMs - days * DAY_MS);
      const answer = await ask({ verb: "replay", since_ms, policy });
      setFound(answer.answer === "compared" ? answer : null);
    });
  return (
    <section class="card">
      <h2>What would another policy have done?</h2>
      <p class="muted">
        The recorded work once with the swaps that were made, once under the policy. A unit is one
        percent of the week of the smallest plan.
      </p>
      <div class="numbers">
        <label class="field">
          Policy
          <select
            value={policy}
            onChange={(event) => setPolicy(event.currentTarget.value as RuleSet)}
          >
            {ruleSets.map((one) => (
              <option value={one.name}>{one.words}</option>
            ))}
          </select>
        </label>
        <label class="field">
          Of the last
          <select value={days} onChange={(event) => setDays(Number(event.currentTarget.value))}>
            <option value={1}>day</option>
            <option value={7}>week</option>
            <option value={28}>four weeks</option>
          </select>
        </label>
        <Button kind="primary" disabled={busy} act={compare}>
          {busy ? "Reckoning…" : "Compare"}
        </Button>
      </div>
      {found !== null && <Comparison found={found} />}
    </section>
  );
}

const LINES: { of: keyof Tally; words: string }[] = [
  { of: "served", words: "Work served" },
  { of: "interrupted", words: "Work interrupted" },
  { of: "stranded", words: "Unused at weekly resets" },
  { of: "swaps", words: "Swaps" },
];

function Comparison({ found }: { found: Compared }) {
  const cell = (value: number) => (Math.round(value * 10) / 10).toLocaleString("en-GB");
  const name =
    ruleSets.find((one) => one.name === found.policy)?.words.split(":")[0] ?? found.policy;
  return (
    <table class="rows" aria-live="polite">
      <thead>
        <tr>
          <th scope="col">Units</th>
          <th scope="col" class="number">
            As it was
          </th>
          <th scope="col" class="number">
            {name}
          </th>
          <th scope="col" class="number">
            Difference
          </th>
        </tr>
      </thead>
      <tbody>
        {LINES.map((line) => {
          const difference = found.instead[line.of] - found.recorded[line.of];
          return (
            <tr key={line.of}>
              <td>{line.words}</td>
              <td class="number">{cell(found.recorded[line.of])}</td>
              <td class="number">{cell(found.instead[line.of])}</td>
              <td class="number">{`${difference > 0 ? "+" : ""}${cell(difference)}`}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
