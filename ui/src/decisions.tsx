// Page *Decisions*: what was decided in the last day, why, and the outcome; each leads to the other.

import { type ComponentChildren, Fragment } from "preact";
import { useEffect, useState } from "preact/hooks";
import type {
  Candidate,
  DecisionAction,
  DecisionFilter,
  DecisionView,
  SwapStatus,
  SwapView,
} from "./bindings";
import { clock, DAY_MS, instant, percent, seconds } from "./format";
import { after, anchor, behind, type Lead, missing } from "./lead";
import { Reading, Segments } from "./parts";
import { nameOf, useRows, useStore } from "./store";
import { askedBy, refusal, tier, tierMeaning, trigger } from "./words";

type Filter = "all" | "act" | "stay";

/** A day of decisions, one each few minutes and provider. */
const DECISIONS_MAX = 600;
const SWAPS_MAX = 100;
const ANY: DecisionFilter = { trigger: null, action: null, account: null };

export function Decisions({ first = null }: { first?: Lead | null }) {
  const { view, nowMs } = useStore();
  const [filter, setFilter] = useState<Filter>("all");
  const [led, setLed] = useState<Lead | null>(first);
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
  const loaded = decisions.rows !== null && swaps.rows !== null;
  const apart = loaded ? missing(led, wanted) : null;
  useLed(led, apart, loaded);
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
          <DecisionTable rows={grouped(wanted)} led={led} lead={setLed} />
        )}
      </section>
      {apart !== null && <Apart key={apart} id={apart} lead={setLed} />}
      <section aria-labelledby="swaps">
        <h2 id="swaps">Swaps</h2>
        {swaps.rows === null ? (
          <Reading trouble={swaps.trouble} />
        ) : swaps.rows.length === 0 ? (
          <p class="muted">No swap yet.</p>
        ) : (
          <SwapTable rows={swaps.rows} led={led} lead={setLed} />
        )}
      </section>
    </>
  );
}

/** Shows the row that was led to, as soon as it is there; one that is read by itself shows itself. */
function useLed(led: Lead | null, apart: number | null, loaded: boolean) {
  useEffect(() => {
    if (loaded && led !== null && apart === null) show(led);
  }, [led, loaded]);
}

function show(led: Lead) {
  const row = document.getElementById(anchor(led));
  row?.scrollIntoView({ block: "center" });
  row?.focus({ preventScroll: true });
}

/** A decision that is older than the list, or filtered out of it. */
function Apart({ id, lead }: { id: number; lead: (to: Lead) => void }) {
  const { rows, trouble } = useRows(
    { verb: "decisions", limit: 1, before: id + 1, only: ANY },
    (answer) => (answer.answer === "decisions" ? answer.rows : null),
    id,
  );
  const led: Lead = { table: "decision", id };
  const found = rows?.find((row) => row.id === id);
  useEffect(() => {
    if (rows !== null) show(led);
  }, [rows]);
  return (
    <section aria-label={`Decision ${id}`}>
      {rows === null ? (
        <Reading trouble={trouble} />
      ) : found === undefined ? (
        <p class="muted" id={anchor(led)} tabIndex={-1}>
          Decision {id} is not kept any more.
        </p>
      ) : (
        <DecisionTable rows={grouped([found])} led={led} lead={lead} />
      )}
    </section>
  );
}

/** A button in a row that leads to a row of the other table. */
function LeadTo({ to, lead }: { to: Lead; lead: (to: Lead) => void }) {
  // A lead of its own each time: the same row can be led to twice.
  return (
    <button type="button" class="button quiet lead" onClick={() => lead({ ...to })}>
      {to.table === "decision" ? "Decision" : "Swap"} {to.id}
    </button>
  );
}

interface Table<Row> {
  rows: Row[];
  led: Lead | null;
  lead: (to: Lead) => void;
}

interface RowProps {
  led: Lead | null;
  own: Lead;
  children: ComponentChildren;
}

/** A row that can be led to. */
function Row({ led, own, children }: RowProps) {
  const here = led !== null && anchor(led) === anchor(own);
  return (
    <tr id={anchor(own)} tabIndex={-1} class={here ? "led" : ""}>
      {children}
    </tr>
  );
}

interface Run {
  row: DecisionView;
  swap: Lead | null;
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
      runs.push({ row, swap: after(row), count: 1, sinceMs: row.at_ms });
    }
  }
  return runs;
}

function DecisionTable({ rows, led, lead }: Table<Run>) {
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
        {rows.map(({ row, swap, count, sinceMs }) => (
          <Fragment key={row.id}>
            <Row led={led} own={{ table: "decision", id: row.id }}>
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
                {swap !== null && <LeadTo to={swap} lead={lead} />}
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
            </Row>
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

const ACTION: Record<DecisionAction, string> = {
  stay: "Stay",
  swap: "Swap",
  advise: "Advise",
  other: "Other",
};

function Action({ row }: { row: DecisionView }) {
  const { view } = useStore();
  const to = row.action === "stay" || row.target === null ? "" : ` to ${nameOf(view, row.target)}`;
  return (
    <span class={`pill ${row.action}`}>
      {ACTION[row.action]}
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
          <th scope="col">Verdict</th>
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
            <td>{row.account === chosen ? "was chosen" : refusal[row.refusal]}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Behind({ swap, lead }: { swap: SwapView; lead: (to: Lead) => void }) {
  const to = behind(swap);
  return to === null ? null : <LeadTo to={to} lead={lead} />;
}

const STATUS: Record<SwapStatus, string> = {
  committed: "Done",
  failed: "Failed",
  pending: "Under way",
  other: "Other",
};

function SwapTable({ rows, led, lead }: Table<SwapView>) {
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
          <th scope="col">Asked by</th>
          <th scope="col">Why</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <Row key={row.id} led={led} own={{ table: "swap", id: row.id }}>
            <td class="when" title={instant(row.at_ms)}>
              {clock(row.at_ms, nowMs)}
            </td>
            <td class="tight">
              {nameOf(view, row.from)} → <strong>{nameOf(view, row.to)}</strong>
            </td>
            <td>
              <span class={`pill ${row.status}`}>{STATUS[row.status]}</span>
            </td>
            <td class="tight">
              {row.residency_seconds === null ? "–" : seconds(row.residency_seconds)}
            </td>
            <td>
              {askedBy[row.asked_by]}
              <Behind swap={row} lead={lead} />
            </td>
            <td>
              {row.reason}
              {row.error !== null && <small class="bad">{row.error}</small>}
            </td>
          </Row>
        ))}
      </tbody>
    </table>
  );
}
