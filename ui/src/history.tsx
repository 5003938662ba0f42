// How full an account's windows were, as a picture and as a table.

import { useEffect, useRef, useState } from "preact/hooks";
import type { AccountId } from "./bindings";
import { draw, type Sample } from "./chart";
import { clock, DAY_MS, instant, percent } from "./format";
import { Segments } from "./parts";
import { nameOf, useRows, useStore } from "./store";

type Span = "1" | "7" | "30";

/** A table longer than this is no help to anybody; the picture and the export have the rest. */
const TABLE_MAX = 200;

export function History() {
  const { view, nowMs, backend } = useStore();
  const live = view.accounts.find((account) => account.live) ?? view.accounts[0];
  const [chosen, setChosen] = useState<AccountId | null>(live?.id ?? null);
  const [days, setDays] = useState<Span>("7");
  const rows = useRows(
    async () => {
      if (chosen === null) return [];
      const since = Math.floor(nowMs - Number(days) * DAY_MS);
      const answer = await backend.call({ verb: "history", account: chosen, since_ms: since });
      return answer.answer === "history" ? answer.rows : null;
    },
    `${chosen}/${days}/${view.accounts.find((account) => account.id === chosen)?.observed_at_ms}`,
  );
  return (
    <>
      <header class="page-head">
        <h1>History</h1>
        <div class="actions">
          <label class="inline">
            <span class="hidden">Account</span>
            <select
              value={chosen ?? ""}
              onChange={(event) => setChosen(Number(event.currentTarget.value))}
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
      {rows === null ? (
        <p class="muted">Reading…</p>
      ) : rows.length === 0 ? (
        <p class="muted">Nothing was read in this time.</p>
      ) : (
        <>
          <Chart rows={rows} label={`Use of ${nameOf(view, chosen)}, in percent over time`} />
          <Twin rows={rows} nowMs={nowMs} />
        </>
      )}
    </>
  );
}

function Chart({ rows, label }: { rows: Sample[]; label: string }) {
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => draw(element.current!, rows), [rows]);
  return <div class="card chart" ref={element} role="img" aria-label={`${label}; the table below says the same.`} />;
}

/** The same numbers for screen readers and for copying. */
function Twin({ rows, nowMs }: { rows: Sample[]; nowMs: number }) {
  const shown = rows.slice(-TABLE_MAX).reverse();
  return (
    <details class="twin">
      <summary>
        Show as a table{rows.length > TABLE_MAX ? ` (the newest ${TABLE_MAX} of ${rows.length})` : ""}
      </summary>
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col" class="number">5-hour</th>
            <th scope="col" class="number">Weekly</th>
          </tr>
        </thead>
        <tbody>
          {shown.map(([at, five, seven]) => (
            <tr key={at}>
              <td title={instant(at)}>{clock(at, nowMs)}</td>
              <td class="number">{percent(five)}</td>
              <td class="number">{percent(seven)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
