// The first start asks what Sluice may do; nothing is preselected but advice.

import { useState } from "preact/hooks";
import { type Mode, PROVIDERS, type Provider, USUAL_PROVIDER } from "./bindings";
import { ModeChoice } from "./mode";
import { Button } from "./parts";
import { useStore } from "./store";
import { conduct } from "./words";

export function FirstStart() {
  const { view, ask } = useStore();
  const providers: Provider[] =
    view.providers.length > 0 ? view.providers.map((state) => state.provider) : [USUAL_PROVIDER];
  const [modes, setModes] = useState<Partial<Record<Provider, Mode>>>({});
  const begin = async () => {
    for (const provider of providers) {
      const mode = modes[provider] ?? "advise";
      const answer = await ask({ verb: "set_mode", provider, mode });
      if (answer.answer === "refused") return;
    }
  };
  return (
    <main class="first">
      <h1>Welcome to Sluice</h1>
      <p class="lead">
        Sluice watches the quota of your own subscriptions, decides which account should be live,
        and says why. What may it do?
      </p>
      {providers.map((provider) => (
        <ModeChoice
          key={provider}
          title={PROVIDERS[provider].tool}
          name={`first-${provider}`}
          value={modes[provider] ?? "advise"}
          change={(mode) => setModes({ ...modes, [provider]: mode })}
        />
      ))}
      <section class="conduct">
        {conduct.map((sentence) => (
          <p>{sentence}</p>
        ))}
      </section>
      <div class="actions end">
        <Button kind="primary" act={begin}>
          Begin
        </Button>
      </div>
      <p class="muted">You can change this at any time in the settings and in the tray's menu.</p>
    </main>
  );
}
