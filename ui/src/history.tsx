// How full an account's windows were, as a picture and as a table.

import { useEffect, useRef, useState } from "preact/hooks";
import type { AccountId, FallCause, FallView, OtherHistory } from "./bindings";
import { draw, type Sample, type Span, told } from "./chart";
import { clock, DAY_MS, instant, percent } from "./format";
import { Reading, Segments } from "./parts";
import { accountOf, nameOf, useRows, useStore } from "./store";
import { windowWords } from "./window";

type Days = "1" | "7" | "30";

/** A table longer than this is no help to anybody; the picture and the export have the rest. */
const TABLE_MAX = 200;

export function History() {
  const { view } = useStore();
  const live = view.accounts.find((account) => account.live) ?? view.accounts[0];
  const [picked, setPicked] = useState<AccountId | null>(null);
  const [days, setDays] = useState<Days>("7");
  const chosen = picked ?? live?.id ?? null;
  return (
    <>
      <header class="page-head">
        <h1>History</h1>
        <div class="actions">
          <label class="inline">
            <span class="hidden">Account</span>
            <select
              value={chosen ?? ""}
              onChange={(event) => setPicked(Number(event.currentTarget.value))}
            >
              {view.accounts.map((account) => (
                <option value={account.id}>{account.label}</option>
              ))}
            </select>
          </label>
          <Segments
            label="How far back"
            value={days}
            options={[
              { value: "1", words: "Day" },
              { value: "7", words: "Week" },
              { value: "30", words: "Month" },
            ]}
            change={setDays}
          />
        </div>
      </header>
      {chosen === null ? (
        <p class="muted">There is no account yet.</p>
      ) : (
        <Samples account={chosen} days={Number(days)} />
      )}
    </>
  );
}

function Samples({ account, days }: { account: AccountId; days: number }) {
  const { view, nowMs } = useStore();
  const observed = accountOf(view, account)?.observed_at_ms;
  const { rows: found, trouble } = useRows(
    { verb: "history", account, since_ms: Math.floor(nowMs - days * DAY_MS) },
    (answer) => (answer.answer === "history" ? answer : null),
    `${account}/${days}/${observed}`,
  );
  if (found === null) return <Reading trouble={trouble} />;
  const { rows, fell, others } = found;
  if (rows.length === 0) return <p class="muted">Nothing was read in this time.</p>;
  return (
    <>
      <Chart
        rows={rows}
        others={others}
        days={days}
        label={`Use of ${nameOf(view, account)}, in percent over time`}
      />
      <Falls fell={fell} nowMs={nowMs} />
      <Table rows={rows} nowMs={nowMs} />
    </>
  );
}

const BECAUSE: Record<FallCause, string> = {
  limit_reset: "a limit reset was spent",
  promotion: "other accounts fell with it: a promotion",
  correction: "the provider corrected what it had counted",
  plan: "its plan changed",
  unsaid: "the provider does not say why",
};

/** Windows that emptied before their reset: a step down in the picture that is no mistake. */
function Falls({ fell, nowMs }: { fell: FallView[]; nowMs: number }) {
  if (fell.length === 0) return null;
  return (
    <ul class="falls">
      {fell.map((fall) => (
        <li key={`${fall.at_ms}/${fall.kind}`}>
          <span title={instant(fall.at_ms)}>{clock(fall.at_ms, nowMs)}</span>: the{" "}
          {windowWords(fall.kind)} emptied early, from {percent(fall.before)} to{" "}
          {percent(fall.after)}; {BECAUSE[fall.cause]}.
        </li>
      ))}
    </ul>
  );
}

function Chart({
  rows,
  others,
  days,
  label,
}: {
  rows: Sample[];
  others: OtherHistory[];
  days: number;
  label: string;
}) {
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const now = Date.now();
    const span: Span = [(now - days * DAY_MS) / 1000, now / 1000];
    return element.current === null ? undefined : draw(element.current, rows, others, span);
  }, [rows, others, days]);
  return (
    <div
      class="card chart"
      ref={element}
      role="img"
      aria-label={`${label}; the table below says the same.`}
    />
  );
}

/** The same numbers for screen readers and for copying. */
function Table({ rows, nowMs }: { rows: Sample[]; nowMs: number }) {
  const shown = rows.slice(-TABLE_MAX).reverse();
  const { short } = told(rows);
  return (
    <details class="as-table">
      <summary>
        Show as a table
        {rows.length > TABLE_MAX ? ` (the newest ${TABLE_MAX} of ${rows.length})` : ""}
      </summary>
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">When</th>
            {short && (
              <th scope="col" class="number">
                5-hour
              </th>
            )}
            <th scope="col" class="number">
              Weekly
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map(([at, five, seven]) => (
            <tr key={at}>
              <td title={instant(at)}>{clock(at, nowMs)}</td>
              {short && <td class="number">{percent(five)}</td>}
              <td class="number">{percent(seven)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
