// A switch that a person asks for, and taking it back.

import type { AccountId, AccountView, View } from "./bindings";
import { accountOf, nameOf, useStore } from "./store";

/** Why an account cannot be switched to now; `null` when it can. */
export function barred(view: View, account: AccountView): string | null {
  if (account.live) return `${account.label} is live already.`;
  if (view.stopped) return "Everything is stopped: start again first.";
  if (view.swapping !== null) return "Another switch is under way.";
  if (!account.enabled) return `${account.label} is switched off.`;
  if (signedOut(account)) return `${account.label} is signed out: sign in first.`;
  return null;
}

export const signedOut = ({ login }: AccountView): boolean =>
  login === "needs_sign_in" || login === "missing";

/** Switches, says so, and offers the way back for a while. */
export function useSwitch(): (to: AccountId) => Promise<void> {
  const { view, ask, toast } = useStore();
  return async (to) => {
    const provider = accountOf(view, to)?.provider;
    const before = view.providers.find((state) => state.provider === provider)?.live ?? null;
    const answer = await ask({ verb: "swap", to });
    if (answer.answer === "refused") return;
    const back = async () => {
      if (before !== null) {
        await ask({ verb: "swap", to: before }, `${nameOf(view, before)} is live again.`);
      }
    };
    const undo = before === null || before === to ? undefined : { words: "Undo", act: back };
    toast(true, `${nameOf(view, to)} is live now.`, undo);
  };
}
