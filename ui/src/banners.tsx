// What needs the person, above every page.

import { type Need, PROVIDERS, type ProviderView } from "./bindings";
import { Banner, Button } from "./parts";
import { nameOf, useStore } from "./store";
import { need as needWords } from "./words";

const SNOOZE_MS = 3_600_000;

/** Some have a banner with buttons of their own below: one event, one message. */
const ELSEWHERE: Record<Need, boolean> = {
  stuck_swap: false,
  keychain: true,
  seat_unreadable: false,
  foreign_login: false,
  disk_full: false,
  disk: false,
  sign_in: false,
  not_kept: false,
  note: false,
  twin_login: false,
  unmanaged_login: true,
  other: false,
};

export function Banners({ advice }: { advice: boolean }) {
  const { view, ask } = useStore();
  return (
    <div class="banners">
      {view.stopped && (
        <Banner
          kind="warn"
          title="Everything is stopped."
          actions={
            <Button act={() => ask({ verb: "start" }, "Running again.")}>Start again</Button>
          }
        >
          No usage is read and nothing is swapped, also after a restart, until you start it again.
        </Banner>
      )}
      {view.needs_you
        .filter((need) => !ELSEWHERE[need.code])
        .map((need) => (
          <Banner
            key={`${need.code}/${need.account}`}
            kind="bad"
            title={`${need.account === null ? "Sluice" : nameOf(view, need.account)}: ${needWords[need.code]}`}
          >
            {need.text}
          </Banner>
        ))}
      {view.swapping !== null && (
        <Banner kind="info" title={`Swapping to ${nameOf(view, view.swapping.to)}…`} />
      )}
      {view.providers.map((state) => (
        <ProviderBanners key={state.provider} state={state} advised={advice} />
      ))}
    </div>
  );
}

function ProviderBanners({ state, advised }: { state: ProviderView; advised: boolean }) {
  const { view, nowMs, ask } = useStore();
  const name = PROVIDERS[state.provider].tool;
  const { advice } = state;
  return (
    <>
      {state.observe_only !== null && (
        <Banner kind="bad" title={`${name}: watching only`}>
          {state.observe_only}
        </Banner>
      )}
      {state.unmanaged_login && (
        <Banner
          kind="info"
          title={`${name} is signed in to an account that Sluice does not keep.`}
          actions={
            <Button
              kind="primary"
              act={() =>
                ask({ verb: "add", provider: state.provider, label: null }, "The login is kept.")
              }
            >
              Keep it
            </Button>
          }
        >
          Nothing is swapped over it. Keep it, and it becomes one of your accounts.
        </Banner>
      )}
      {advised && advice !== null && (
        <Banner
          kind="info"
          title={`Advice: make ${nameOf(view, advice.to)} live`}
          actions={
            <>
              <Button
                act={() => {
                  const { cause } = advice;
                  return ask({ verb: "snooze", cause, until_ms: nowMs + SNOOZE_MS });
                }}
              >
                Snooze 1 h
              </Button>
              <Button
                kind="primary"
                disabled={view.stopped || view.swapping !== null}
                act={() =>
                  ask({ verb: "swap", to: advice.to }, `${nameOf(view, advice.to)} is live now.`)
                }
              >
                Swap now
              </Button>
            </>
          }
        >
          {advice.reason}
        </Banner>
      )}
    </>
  );
}
