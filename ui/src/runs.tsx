// What runs where: lanes with their accounts, tools at work, ceilings.

import { useState } from "preact/hooks";
import {
  type AccountId,
  type CapView,
  CEILING_LEAST,
  CEILING_MOST,
  type Ceilings,
  type LaneView,
  PROVIDERS,
  type Provider,
  type RunView,
  USUAL_PROVIDER,
} from "./bindings";
import { ago, clock } from "./format";
import { Button, Confirm } from "./parts";
import { nameOf, useStore } from "./store";

/** The lane that is the machine's own seat. */
const DEFAULT = "default";

export function Runs() {
  const { view, ask } = useStore();
  const providers = view.providers.map((state) => state.provider);
  // The seat of a tool that is not here says nothing; a lane that somebody made does.
  const lanes = view.lanes.filter(
    (lane) => lane.name !== DEFAULT || providers.includes(lane.provider),
  );
  return (
    <>
      <header class="page-head">
        <h1>At work</h1>
        <div class="actions">
          <Button
            act={() => ask({ verb: "reconcile", apply: true }, "Runs that have ended are closed.")}
          >
            Look again
          </Button>
        </div>
      </header>
      <section aria-labelledby="lanes">
        <h2 id="lanes">Lanes</h2>
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">Lane</th>
              <th scope="col">Account</th>
              <th scope="col">Since</th>
              <th scope="col">At work</th>
              <th scope="col">After a failure</th>
            </tr>
          </thead>
          <tbody>
            {lanes.map((lane) => (
              <Lane key={lane.id} lane={lane} several={providers.length > 1} />
            ))}
          </tbody>
        </table>
        <p class="muted">
          A lane gives a project an account of its own: <code>sluice lane bind shop ~/shop</code>,
          then <code>sluice run -- {PROVIDERS[providers[0] ?? USUAL_PROVIDER].program}</code> in
          that folder.
        </p>
      </section>
      <Tools />
      <section aria-labelledby="caps">
        <h2 id="caps">Ceilings</h2>
        <Caps providers={providers} />
      </section>
    </>
  );
}

function Lane({ lane, several }: { lane: LaneView; several: boolean }) {
  const { view, nowMs, ask } = useStore();
  const own = lane.name === DEFAULT;
  const name = own ? "This machine" : lane.name;
  const work = view.runs.filter((run) => run.lane === lane.id).length;
  const point = (to: AccountId) =>
    ask(
      { verb: "point_lane", lane: lane.id, to, expected_generation: lane.generation },
      `${nameOf(view, to)} is active in ${name} now. What runs keeps its account.`,
    );
  return (
    <tr>
      <th scope="row">
        {name}
        {several && <span class="chip">{PROVIDERS[lane.provider].tool}</span>}
        {lane.folder !== null && <small class="where muted">{lane.folder}</small>}
      </th>
      <td>
        {own ? (
          nameOf(view, lane.active)
        ) : (
          <select
            aria-label={`Account of ${name}`}
            value={lane.active ?? ""}
            disabled={lane.ready.length === 0}
            onChange={(event) => void point(Number(event.currentTarget.value))}
          >
            {lane.active !== null && !lane.ready.includes(lane.active) && (
              <option value={lane.active}>{nameOf(view, lane.active)}</option>
            )}
            {lane.active === null && <option value="">no account</option>}
            {lane.ready.map((id) => (
              <option key={id} value={id}>
                {nameOf(view, id)}
              </option>
            ))}
          </select>
        )}
      </td>
      <td>{lane.since_ms === null ? "–" : clock(lane.since_ms, nowMs)}</td>
      <td>{work}</td>
      <td>
        {own ? (
          <span class="muted">as its mode says</span>
        ) : (
          <label>
            <input
              type="checkbox"
              checked={lane.automatic}
              onChange={(event) =>
                void ask({
                  verb: "set_lane_automatic",
                  lane: lane.id,
                  automatic: event.currentTarget.checked,
                })
              }
            />{" "}
            moves on
          </label>
        )}
      </td>
    </tr>
  );
}

function Tools() {
  const { view } = useStore();
  return (
    <section aria-labelledby="tools">
      <h2 id="tools">Tools at work</h2>
      {view.runs.length === 0 ? (
        <p class="muted">
          Nothing is recorded. <code>sluice run</code> records what it starts; the hooks (
          <code>sluice hooks install</code>) record the rest.
        </p>
      ) : (
        <>
          <p class="muted">{counted(view.runs, (id) => nameOf(view, id))}</p>
          <table class="rows">
            <thead>
              <tr>
                <th scope="col">Tool</th>
                <th scope="col">Account</th>
                <th scope="col">Lane</th>
                <th scope="col">Since</th>
                <th scope="col">Process</th>
                <th scope="col" aria-label="Actions" />
              </tr>
            </thead>
            <tbody>
              {view.runs.map((run) => (
                <Run key={run.id} run={run} />
              ))}
            </tbody>
          </table>
        </>
      )}
    </section>
  );
}

/** `3 on Work, 1 on Personal`. */
function counted(runs: RunView[], label: (id: AccountId) => string): string {
  const counts = new Map<string, number>();
  for (const run of runs) {
    const on = run.account === null ? "no account of yours" : label(run.account);
    counts.set(on, (counts.get(on) ?? 0) + 1);
  }
  return [...counts].map(([on, count]) => `${count} on ${on}`).join(", ");
}

function Run({ run }: { run: RunView }) {
  const { view, nowMs } = useStore();
  const [asking, setAsking] = useState(false);
  const lane = view.lanes.find((one) => one.id === run.lane);
  return (
    <tr>
      <th scope="row">
        {run.label ?? run.program}
        {run.mid_turn && <span class="chip">in a turn</span>}
        {run.unknown && <span class="chip off">unknown</span>}
        {run.shadowed.length > 0 && (
          <span class="chip" title={`${run.shadowed.join(", ")} outranks every account`}>
            shadowed
          </span>
        )}
        {run.folder !== null && <small class="where muted">{run.folder}</small>}
      </th>
      <td>{run.account === null ? "–" : nameOf(view, run.account)}</td>
      <td>{lane === undefined ? "–" : lane.name === DEFAULT ? "This machine" : lane.name}</td>
      <td title={clock(run.since_ms, nowMs)}>{ago(nowMs - run.since_ms)}</td>
      <td>{run.pid ?? "starting"}</td>
      <td>
        {run.unknown && (
          <Button label={`Release ${run.label ?? run.program}`} act={() => setAsking(true)}>
            Release…
          </Button>
        )}
        {asking && <Release run={run} close={() => setAsking(false)} />}
      </td>
    </tr>
  );
}

function Release({ run, close }: { run: RunView; close: () => void }) {
  const { ask } = useStore();
  return (
    <Confirm
      title="Release this run?"
      words="Release"
      act={() => ask({ verb: "release", execution: run.id }, "Its place is free again.")}
      close={close}
    >
      It cannot be said from here whether <b>{run.label ?? run.program}</b> still runs: it was
      started on another machine, in a container, or its process may not be looked at. Releasing
      ends nothing; it only stops counting it.
    </Confirm>
  );
}

function Caps({ providers }: { providers: Provider[] }) {
  const { view } = useStore();
  const of = (provider: Provider, account: AccountId | null): Ceilings =>
    view.caps.find((cap) => cap.provider === provider && cap.account === account)?.ceilings ?? {
      concurrent: null,
      per_hour: null,
      per_day: null,
    };
  const rows: (CapView & { name: string })[] = [
    ...providers.map((provider) => ({
      provider,
      account: null,
      ceilings: of(provider, null),
      name: `All of ${PROVIDERS[provider].tool}`,
    })),
    ...view.accounts.map((account) => ({
      provider: account.provider,
      account: account.id,
      ceilings: of(account.provider, account.id),
      name: account.label,
    })),
  ];
  return (
    <table class="rows">
      <thead>
        <tr>
          <th scope="col">Whose</th>
          <th scope="col">At a time</th>
          <th scope="col">An hour</th>
          <th scope="col">A day</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <Cap key={`${row.provider}-${row.account}`} cap={row} name={row.name} />
        ))}
      </tbody>
    </table>
  );
}

const FIELDS: { field: keyof Ceilings; words: string }[] = [
  { field: "concurrent", words: "at a time" },
  { field: "per_hour", words: "an hour" },
  { field: "per_day", words: "a day" },
];

function Cap({ cap, name }: { cap: CapView; name: string }) {
  const { ask } = useStore();
  const set = (field: keyof Ceilings, text: string) => {
    const number = Math.round(Number(text));
    const value =
      text.trim() === "" || !Number.isFinite(number) || number < CEILING_LEAST ? null : number;
    return ask({
      verb: "set_cap",
      provider: cap.provider,
      account: cap.account,
      ceilings: { ...cap.ceilings, [field]: value },
    });
  };
  return (
    <tr>
      <th scope="row">{name}</th>
      {FIELDS.map(({ field, words }) => (
        <td key={field}>
          <input
            type="number"
            min={CEILING_LEAST}
            max={CEILING_MOST}
            placeholder="no ceiling"
            aria-label={`${name}, ${words}`}
            value={cap.ceilings[field] ?? ""}
            onChange={(event) => void set(field, event.currentTarget.value)}
          />
        </td>
      ))}
    </tr>
  );
}
