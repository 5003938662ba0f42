// Page *Settings*: what Sluice may do, when it rests, and what it notifies.

import { useEffect, useState } from "preact/hooks";
import { AMOUNTS, noticeSwitches, PROVIDERS, type ProviderView, ruleSets } from "./bindings";
import { clock, HOUR_MS, tomorrow } from "./format";
import { ModeChoice } from "./mode";
import { Button, Reading, Switch } from "./parts";
import { useBusy, useRows, useStore } from "./store";
import { conduct } from "./words";

type Values = Record<string, unknown>;

interface Known {
  values: Values;
  /** Names of those that do nothing under the chosen policy. */
  idle: string[];
}

const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

export function Settings() {
  const { view, ask, version } = useStore();
  const [round, setRound] = useState(0);
  const { rows: known, trouble } = useRows<Known>(
    { verb: "settings" },
    (answer) => (answer.answer === "settings" ? answer : null),
    `${round}/${view.revision}`,
  );
  const set = async (key: string, value: unknown) => {
    await ask({ verb: "set", key, value });
    setRound((count) => count + 1);
  };
  return (
    <>
      <header class="page-head">
        <h1>Settings</h1>
      </header>
      {view.providers.map((state) => (
        <ProviderSettings key={state.provider} state={state} />
      ))}
      {known === null ? (
        <Reading trouble={trouble} />
      ) : (
        <>
          <WorkHours values={known.values} set={set} />
          <Limits values={known.values} idle={known.idle} set={set} />
          <Notices values={known.values} set={set} />
        </>
      )}
      <section class="card">
        <h2>How Sluice behaves</h2>
        {conduct.map((sentence) => (
          <p>{sentence}</p>
        ))}
        <p class="muted">Sluice {version}</p>
      </section>
    </>
  );
}

function ProviderSettings({ state }: { state: ProviderView }) {
  const { ask, nowMs } = useStore();
  const [busy, run] = useBusy();
  const { provider, paused_until_ms: paused } = state;
  const rests = paused !== null && paused > nowMs;
  const pause = (untilMs: number) =>
    ask({ verb: "pause", provider, until_ms: Math.floor(untilMs) });
  return (
    <section class="card">
      <ModeChoice
        title={`What Sluice may do for ${PROVIDERS[provider].tool}`}
        name={`mode-${provider}`}
        value={state.mode}
        disabled={busy}
        change={(mode) => run(() => ask({ verb: "set_mode", provider, mode }))}
      />
      <div class="pause-row">
        <span>
          {rests ? `Automatic swaps rest until ${clock(paused, nowMs)}.` : "Rest automatic swaps:"}
        </span>
        <div class="actions">
          {rests ? (
            <Button act={() => ask({ verb: "resume", provider })}>Resume</Button>
          ) : (
            <>
              <Button act={() => pause(nowMs + HOUR_MS / 4)}>15 min</Button>
              <Button act={() => pause(nowMs + HOUR_MS)}>1 hour</Button>
              <Button act={() => pause(tomorrow(nowMs))}>Until tomorrow</Button>
            </>
          )}
        </div>
      </div>
    </section>
  );
}

interface GroupProps {
  values: Values;
  set: (key: string, value: unknown) => Promise<void>;
}

/** A span of the day that is saved when the person says so. */
function Span({
  kept,
  overMidnight,
  save,
}: {
  kept: string;
  overMidnight: boolean;
  save: (span: string) => Promise<void>;
}) {
  const [from, to] = kept.split("-") as [string, string];
  const [draft, setDraft] = useState({ from, to });
  useEffect(() => setDraft({ from, to }), [kept]);
  const ending = draft.to === "00:00" && !overMidnight ? "24:00" : draft.to;
  const changed = draft.from !== from || ending !== to;
  const sound = draft.from !== ending && (overMidnight || draft.from < ending);
  return (
    <>
      <label class="field">
        From
        <input
          type="time"
          value={draft.from}
          onInput={(event) => setDraft({ ...draft, from: event.currentTarget.value })}
        />
      </label>
      <label class="field">
        To
        <input
          type="time"
          value={draft.to === "24:00" ? "00:00" : draft.to}
          onInput={(event) => setDraft({ ...draft, to: event.currentTarget.value })}
        />
      </label>
      {changed && (
        <Button kind="primary" disabled={!sound} act={() => save(`${draft.from}-${ending}`)}>
          Save
        </Button>
      )}
      {changed && !sound && <p class="bad">The hours must begin before they end.</p>}
    </>
  );
}

function WorkHours({ values, set }: GroupProps) {
  const days = Array.isArray(values["work.days"]) ? (values["work.days"] as number[]) : [];
  const toggle = (day: number) => {
    const next = days.includes(day) ? days.filter((one) => one !== day) : [...days, day].sort();
    return set("work.days", next);
  };
  const hours = String(values["work.hours"]);
  const detailed = hours.includes(",") || Boolean(values["work.week"]);
  return (
    <section class="card">
      <h2>Work hours</h2>
      <p class="muted">
        Sluice reckons what you can still use before a reset from the hours you work.
      </p>
      <div class="hours">
        <div class="days" role="group" aria-label="Days of work">
          {DAYS.map((name, index) => (
            <DayToggle
              key={name}
              name={name}
              on={days.includes(index + 1)}
              last={days.length === 1}
              change={() => toggle(index + 1)}
            />
          ))}
        </div>
        {detailed ? (
          <p>
            {hours}
            {values["work.week"] && " on days that have no hours of their own"}. Hours in detail are
            changed with <code>sluice settings work.hours</code> and{" "}
            <code>sluice settings work.week</code>.
          </p>
        ) : (
          <Span kept={hours} overMidnight={true} save={(span) => set("work.hours", span)} />
        )}
      </div>
      <Switch
        on={values["work.learn"] === true}
        label="Follow the hours I really work"
        hint="Once two weeks of use are known."
        change={(on) => set("work.learn", on)}
      />
    </section>
  );
}

/** A number with bounds that is saved when the person says so. */
function Amount({
  label,
  kept,
  least,
  most,
  save,
}: {
  label: string;
  kept: number;
  least: number;
  most: number;
  save: (value: number) => Promise<void>;
}) {
  const [draft, setDraft] = useState(kept);
  useEffect(() => setDraft(kept), [kept]);
  return (
    <>
      <label class="field">
        {label}
        <input
          type="number"
          min={least}
          max={most}
          value={draft}
          onInput={(event) => setDraft(event.currentTarget.valueAsNumber)}
        />
      </label>
      {draft !== kept && (
        <Button
          kind="primary"
          disabled={!(draft >= least && draft <= most)}
          label={`Save: ${label}`}
          act={() => save(draft)}
        >
          Save
        </Button>
      )}
    </>
  );
}

function Limits({ values, idle, set }: GroupProps & { idle: string[] }) {
  const amount = (label: string, key: keyof typeof AMOUNTS) =>
    !idle.includes(key) && (
      <Amount
        label={label}
        kept={values[key] as number}
        least={AMOUNTS[key].least}
        most={AMOUNTS[key].most}
        save={(value) => set(key, value)}
      />
    );
  const [busy, run] = useBusy();
  const chosen = String(values.policy);
  const tiered = chosen === "tiered";
  return (
    <section class="card">
      <h2>How to choose</h2>
      <div class="numbers">
        <label class="field">
          Policy
          <select
            value={chosen}
            disabled={busy}
            onChange={(event) => run(() => set("policy", event.currentTarget.value))}
          >
            {ruleSets
              .filter((one) => one.decides)
              .map((one) => (
                <option value={one.name}>{one.words}</option>
              ))}
          </select>
        </label>
      </div>
      <p class="muted">
        {tiered
          ? "Drains the account whose week ends first. A 5-hour window this full counts as near its end, and as a reason to leave the account at once."
          : "Plans days ahead over all accounts, stays where there is room, and leaves shortly before a window is full at your pace."}
      </p>
      <div class="numbers">
        {amount("Near, percent", "warning_percent")}
        {amount("Leave at, percent", "critical_percent")}
        {amount("Read the live account every, seconds", "poll_seconds")}
        {amount("Wait for the end of a turn at most, seconds", "turn_wait_seconds")}
      </div>
      <Switch
        on={values.ask_tool === true}
        label="Ask Claude Code itself for its limits"
        hint="Starts it for a second, without a prompt, at most every five minutes. The provider is asked where that brings nothing."
        change={(on) => set("ask_tool", on)}
      />
    </section>
  );
}

function DayToggle({
  name,
  on,
  last,
  change,
}: {
  name: string;
  on: boolean;
  last: boolean;
  change: () => Promise<void>;
}) {
  const [busy, run] = useBusy();
  return (
    <button
      type="button"
      class="day"
      aria-pressed={on}
      disabled={busy || (on && last)}
      onClick={() => run(change)}
    >
      {name}
    </button>
  );
}

function Notices({ values, set }: GroupProps) {
  const quiet = String(values["quiet.hours"] ?? "");
  return (
    <section class="card">
      <h2>Notifications</h2>
      <p class="muted">
        Each automatic swap is told once. Beside these at most three a day come unasked for; one of
        them is kept free for what needs you.
      </p>
      <div class="switches">
        {noticeSwitches.map((notice) => (
          <Switch
            key={notice.kind}
            on={values[`notify.${notice.kind}`] === true}
            label={notice.words}
            hint={notice.hint ?? undefined}
            change={(on) => set(`notify.${notice.kind}`, on)}
          />
        ))}
        <Switch
          on={quiet !== ""}
          label="Quiet hours"
          hint="Only what needs you is told then."
          change={(on) => set("quiet.hours", on ? "22:00-07:00" : "")}
        />
      </div>
      {quiet !== "" && (
        <div class="hours">
          <Span kept={quiet} overMidnight save={(span) => set("quiet.hours", span)} />
        </div>
      )}
    </section>
  );
}
