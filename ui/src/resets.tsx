// Limit resets of an account: how many, until when, how the person spends one, and what they say of them.

import { useState } from "preact/hooks";
import {
  type AccountView,
  PROVIDERS,
  RESETS_MAX,
  type ResetCounsel,
  type ResetsView,
} from "./bindings";
import { ago, clock, DAY_MS, date, HOUR_MS, instant, MINUTE_MS, percent, wait } from "./format";
import { Button, Copy, Dialog } from "./parts";
import { useStore } from "./store";
import { isOwn, windowName, windowWords } from "./window";

/** `2 resets, the first ends 22 Oct`, as the command line says it. */
export function resetWords(resets: ResetsView): string {
  const { left, ends_at_ms: end } = resets;
  const count = left === 0 ? "no resets" : left === 1 ? "1 reset" : `${left} resets`;
  if (end === null || left === 0) return count;
  return `${count}, ${left === 1 ? "ends" : "the first ends"} ${date(end)}`;
}

/** What one of them empties; empty where nobody said. */
function frees(resets: ResetsView): string {
  const kinds = new Set(resets.grants.flatMap((grant) => grant.frees));
  const names = [...kinds].map((kind) =>
    isOwn(kind) ? `the ${windowWords(kind)}` : `what ${windowName(kind)} used`,
  );
  return names.length === 0 ? "" : `One empties ${names.join(" and ")}.`;
}

/** `Use it before Fri 18:00: 61 % of the week would be freed.`, as the command line says it. */
export function counselWords(counsel: ResetCounsel, nowMs: number): string {
  const of = counsel.window === "five_hour" ? "5-hour window" : "week";
  const [freed, at] = [percent(counsel.freed), clock(counsel.at_ms, nowMs)];
  return counsel.now
    ? `Use it before ${at}: ${freed} of the ${of} would be freed.`
    : `Keep it for ${at}: about ${freed} of the ${of} would be freed then.`;
}

/** What is in hand; nothing where there is nothing to say. */
export function ResetLine({ account, nowMs }: { account: AccountView; nowMs: number }) {
  const { resets } = account;
  if (resets === null || resets.left === 0) return null;
  const { tool, reset_command: command } = PROVIDERS[account.provider];
  const end = resets.ends_at_ms;
  const near = end !== null && end - nowMs < 7 * DAY_MS;
  const told = `Told ${ago(nowMs - resets.read_at_ms)}`;
  const title = end === null ? told : `The first is lost on ${instant(end)}. ${told}`;
  return (
    <p class="login resets" title={title}>
      <span class={near ? "login-end week" : ""}>
        {resetWords(resets)}
        {near && ` (in ${wait(end - nowMs)})`}
      </span>
      {resets.counsel !== null && <span>{counselWords(resets.counsel, nowMs)}</span>}
      <span title={`To spend one, type ${command} in ${tool}; Sluice never does.`}>
        {frees(resets)} To spend one: <code>{command}</code> in {tool}.
      </span>
      <Copy text={command} label={`Copy ${command}`} />
    </p>
  );
}

/** The last minute of a day as the person's clock has it; `null` for no day. */
function endOf(day: string): number | null {
  const midnight = new Date(`${day}T00:00:00`).getTime();
  return Number.isNaN(midnight) ? null : midnight + 23 * HOUR_MS + 59 * MINUTE_MS;
}

/** What the person says of an account's resets, where no provider tells. */
export function SetResets({ account, close }: { account: AccountView; close: () => void }) {
  const { ask } = useStore();
  const [count, setCount] = useState(String(account.resets?.left ?? 1));
  const [until, setUntil] = useState("");
  const left = Number(count);
  const fits = count !== "" && Number.isInteger(left) && left >= 0 && left <= RESETS_MAX;
  const send = async (count: number | null, until_ms: number | null) => {
    const answer = await ask({ verb: "set_resets", account: account.id, count, until_ms });
    if (answer.answer !== "refused") close();
  };
  const save = () => send(left, until === "" ? null : endOf(until));
  return (
    <Dialog title={`Limit resets of ${account.label}`} onClose={close}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (fits) void save();
        }}
      >
        <p>
          {account.resets_withheld
            ? "The provider does not tell Sluice how many this account has. Enter what the tool shows."
            : "Enter what the tool shows, where the provider does not tell Sluice."}
        </p>
        <label class="field">
          Resets left
          <input
            type="number"
            min={0}
            max={RESETS_MAX}
            value={count}
            autofocus
            onInput={(event) => setCount(event.currentTarget.value)}
          />
        </label>
        <label class="field">
          Last day
          <input
            type="date"
            value={until}
            onInput={(event) => setUntil(event.currentTarget.value)}
          />
        </label>
        <div class="actions end">
          {account.resets !== null && <Button act={() => send(null, null)}>Forget</Button>}
          <Button act={close}>Cancel</Button>
          <Button kind="primary" act={save} disabled={!fits}>
            Save
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
