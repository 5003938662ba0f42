// Page *Decisions*: what was decided in the last day, why, and the outcome.

import { Fragment } from "preact";
import { useState } from "preact/hooks";
import type { Candidate, DecisionFilter, DecisionView, SwapView } from "./bindings";
import { clock, DAY_MS, instant, percent, seconds } from "./format";
import { Reading, Segments } from "./parts";
import { nameOf, useRows, useStore } from "./store";
import { refusal, tier, tierMeaning, trigger } from "./words";

type Filter = "all" | "act" | "stay";

/** A day of decisions, one each few minutes and provider. */
const DECISIONS_MAX = 600;
const SWAPS_MAX = 100;
const ANY: DecisionFilter = { trigger: null, action: null, account: null };

export function Decisions() {
  const { view, nowMs } = useStore();
  const [filter, setFilter] = useState<Filter>("all");
  const newest = view.last_decision?.id ?? "";
  const decisions = useRows(
    { verb: "decisions", limit: DECISIONS_MAX, before: null, only: ANY },
    (answer) => (answer.answer === "decisions" ? answer.rows : null),
    newest,
  );
  const swaps = useRows(
    { verb: "swaps", limit: SWAPS_MAX },
    (answer) => (answer.answer === "swaps" ? answer.rows : null),
    `${view.swaps_last_24h}/${view.swapping?.to ?? ""}/${newest}`,
  );
  const day = (decisions.rows ?? []).filter((row) => nowMs - row.at_ms < DAY_MS);
  const wanted = day.filter(
    (row) => filter === "all" || (row.action === "stay") === (filter === "stay"),
  );
  return (
    <>
      <header class="page-head">
        <h1>Decisions</h1>
        <Segments
          label="Which decisions"
          value={filter}
          options={[
            { value: "all", words: "All" },
            { value: "act", words: "Swaps and advice" },
            { value: "stay", words: "Stays" },
          ]}
          change={setFilter}
        />
      </header>
      <section aria-label="Decisions of the last day">
        {decisions.rows === null ? (
          <Reading trouble={decisions.trouble} />
        ) : wanted.length === 0 ? (
          <p class="muted">No such decision in the last day.</p>
        ) : (
          <DecisionTable rows={grouped(wanted)} />
        )}
      </section>
      <section aria-labelledby="swaps">
        <h2 id="swaps">Swaps</h2>
        {swaps.rows === null ? (
          <Reading trouble={swaps.trouble} />
        ) : swaps.rows.length === 0 ? (
          <p class="muted">No swap yet.</p>
        ) : (
          <SwapTable rows={swaps.rows} />
        )}
      </section>
    </>
  );
}

interface Run {
  row: DecisionView;
  count: number;
  sinceMs: number;
}

/** Equal stays that follow each other are one line: "since 14:05, 12 times". Newest first. */
function grouped(rows: DecisionView[]): Run[] {
  const runs: Run[] = [];
  for (const row of rows) {
    const last = runs.at(-1);
    const same =
      last !== undefined &&
      row.action === "stay" &&
      last.row.action === "stay" &&
      last.row.provider === row.provider &&
      last.row.trigger === row.trigger &&
      last.row.active === row.active;
    if (same) {
      last.count += 1;
      last.sinceMs = row.at_ms;
    } else {
      runs.push({ row, count: 1, sinceMs: row.at_ms });
    }
  }
  return runs;
}

function DecisionTable({ rows }: { rows: Run[] }) {
  const [open, setOpen] = useState<number | null>(null);
  const { view, nowMs } = useStore();
  return (
    <table class="rows decisions">
      <thead>
        <tr>
          <th scope="col">When</th>
          <th scope="col">What</th>
          <th scope="col">Why</th>
          <th scope="col">
            <span class="hidden">Candidates</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ row, count, sinceMs }) => (
          <Fragment key={row.id}>
            <tr>
              <td class="when" title={instant(row.at_ms)}>
                {clock(row.at_ms, nowMs)}
                {count > 1 && <small>since {clock(sinceMs, nowMs)}</small>}
              </td>
              <td>
                <Action row={row} />
              </td>
              <td>
                {row.sentence}
                {count > 1 && <small>{count} times in a row</small>}
              </td>
              <td class="end">
                <button
                  type="button"
                  class="button quiet"
                  aria-expanded={open === row.id}
                  aria-label={`Candidates of the decision at ${clock(row.at_ms, nowMs)}`}
                  onClick={() => setOpen(open === row.id ? null : row.id)}
                >
                  {open === row.id ? "Hide" : "Candidates"}
                </button>
              </td>
            </tr>
            {open === row.id && (
              <tr class="detail">
                <td colSpan={4}>
                  <p class="muted">
                    Rule: {trigger[row.trigger]}. Live then: {nameOf(view, row.active)}.
                  </p>
                  <Candidates rows={row.candidates} chosen={row.target} />
                </td>
              </tr>
            )}
          </Fragment>
        ))}
      </tbody>
    </table>
  );
}

function Action({ row }: { row: DecisionView }) {
  const { view } = useStore();
  const words: Record<string, string> = { stay: "Stay", swap: "Swap", advise: "Advise" };
  const to = row.action === "stay" || row.target === null ? "" : ` to ${nameOf(view, row.target)}`;
  return (
    <span class={`pill ${row.action}`}>
      {words[row.action] ?? row.action}
      {to}
    </span>
  );
}

const number = (value: number | null): string => (value === null ? "–" : value.toFixed(1));

function Candidates({ rows, chosen }: { rows: Candidate[]; chosen: number | null }) {
  const { view } = useStore();
  const valued = rows.some((row) => row.value !== null);
  return (
    <table class="rows inner">
      <thead>
        <tr>
          <th scope="col">Account</th>
          <th scope="col">Tier</th>
          <th scope="col" class="number">
            Target
          </th>
          <th scope="col" class="number tight">
            Behind by
          </th>
          <th scope="col" class="number tight">
            Would strand
          </th>
          {valued && (
            <th scope="col" class="number">
              Worth
            </th>
          )}
          <th scope="col">Why not</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.account} class={row.account === chosen ? "chosen" : ""}>
            <th scope="row">{nameOf(view, row.account)}</th>
            <td title={tierMeaning[row.tier]}>{tier(row.tier)}</td>
            <td class="number">{percent(row.target)}</td>
            <td class="number">{number(row.deficit)}</td>
            <td class="number">{number(row.stranding)}</td>
            {valued && <td class="number">{number(row.value)}</td>}
            <td>{row.account === chosen ? "Chosen" : refusal[row.refusal]}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const STATUS: Record<string, string> = {
  committed: "Done",
  failed: "Failed",
  pending: "Under way",
};

function SwapTable({ rows }: { rows: SwapView[] }) {
  const { view, nowMs } = useStore();
  return (
    <table class="rows">
      <thead>
        <tr>
          <th scope="col">When</th>
          <th scope="col">From → to</th>
          <th scope="col">Result</th>
          <th scope="col" class="tight">
            Was live for
          </th>
          <th scope="col">Why</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.id}>
            <td class="when" title={instant(row.at_ms)}>
              {clock(row.at_ms, nowMs)}
            </td>
            <td class="tight">
              {nameOf(view, row.from)} → <strong>{nameOf(view, row.to)}</strong>
            </td>
            <td>
              <span class={`pill ${row.status}`}>{STATUS[row.status] ?? row.status}</span>
            </td>
            <td class="tight">
              {row.residency_seconds === null ? "–" : seconds(row.residency_seconds)}
            </td>
            <td>
              {row.reason}
              {row.error !== null && <small class="bad">{row.error}</small>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
