// Beside the pages, always in sight: what Sluice may do per provider, whether it rests, the kill switch.

import { type Mode, modes, PROVIDERS, type ProviderView } from "./bindings";
import { clock, HOUR_MS, MINUTE_MS, tomorrow } from "./format";
import { Button, MenuButton } from "./parts";
import { useBusy, useStore } from "./store";

/** There is little room: the settings say it in full. */
const SHORT: Record<Mode, string> = { off: "Off", advise: "Advise", auto: "Auto" };

export function Side() {
  const { view, ask } = useStore();
  return (
    <div class="side">
      {view.providers.map((state) => (
        <ProviderSide key={state.provider} state={state} />
      ))}
      {view.stopped ? (
        <Button kind="primary" act={() => ask({ verb: "start" }, "Running again.")}>
          Start again
        </Button>
      ) : (
        <Button
          act={() => ask({ verb: "stop" }, "Everything is stopped until you start it again.")}
        >
          Stop everything
        </Button>
      )}
    </div>
  );
}

function ProviderSide({ state }: { state: ProviderView }) {
  const { view, nowMs, ask } = useStore();
  const [busy, run] = useBusy();
  const { provider, mode, paused_until_ms: paused } = state;
  const { tool } = PROVIDERS[provider];
  const rests = paused !== null && paused > nowMs;
  const runs = !view.stopped && mode !== "off" && !rests;
  return (
    <div class="side-provider" role="group" aria-label={tool}>
      <p>
        <span class={`dot ${runs ? "running" : ""}`} />
        {tool}
        {view.stopped && <span class="muted"> · stopped</span>}
      </p>
      <div class="segments" role="group" aria-label={`Mode of ${tool}`}>
        {modes.map(({ mode: one, hint }) => (
          <button
            key={one}
            type="button"
            aria-pressed={one === mode}
            title={hint}
            disabled={busy}
            onClick={() => {
              if (one !== mode) run(() => ask({ verb: "set_mode", provider, mode: one }));
            }}
          >
            {SHORT[one]}
          </button>
        ))}
      </div>
      {rests ? (
        <Button act={() => ask({ verb: "resume", provider })} label={`Resume ${tool}`}>
          Resume · {clock(paused, nowMs)}
        </Button>
      ) : (
        mode !== "off" && <Pause state={state} />
      )}
    </div>
  );
}

function Pause({ state }: { state: ProviderView }) {
  const { nowMs, ask } = useStore();
  const { provider } = state;
  const until = (atMs: number) => () =>
    ask({ verb: "pause", provider, until_ms: Math.floor(atMs) });
  return (
    <MenuButton
      label={`Pause ${PROVIDERS[provider].tool}`}
      entries={[
        { words: "15 minutes", act: until(nowMs + 15 * MINUTE_MS) },
        { words: "1 hour", act: until(nowMs + HOUR_MS) },
        { words: "Until tomorrow", act: until(tomorrow(nowMs)) },
      ]}
    >
      Pause ▾
    </MenuButton>
  );
}
