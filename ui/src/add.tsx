// Adding an account: the official tool signs in, Sluice keeps the login it made.

import { useState } from "preact/hooks";
import { LABEL_CHARS_MAX, PROVIDERS, type Provider, USUAL_PROVIDER } from "./bindings";
import { Button, Segments } from "./parts";
import { nameOf, useStore } from "./store";

export function AddAccount({ close }: { close: () => void }) {
  const { view, ask } = useStore();
  const known = view.providers.map((state) => state.provider);
  const [provider, setProvider] = useState<Provider>(
    view.providers.find((state) => state.unmanaged_login)?.provider ?? known[0] ?? USUAL_PROVIDER,
  );
  const [label, setLabel] = useState("");
  const found = view.providers.find((state) => state.provider === provider)?.unmanaged_login;
  const add = async () => {
    const name = label.trim() === "" ? null : label.trim();
    const answer = await ask({ verb: "add", provider, label: name }, "The login is kept.");
    if (answer.answer !== "refused") close();
  };
  return (
    <section class="card add" aria-labelledby="add-title">
      <div class="card-head">
        <h2 id="add-title">Add an account</h2>
        <Button kind="quiet" act={close}>
          Close
        </Button>
      </div>
      {known.length > 1 && (
        <Segments
          label="Tool"
          value={provider}
          options={known.map((one) => ({ value: one, words: PROVIDERS[one].tool }))}
          change={setProvider}
        />
      )}
      <ol class="steps">
        <li>
          Open a terminal, run <code>{PROVIDERS[provider].sign_in}</code>, and sign in to the
          account you want to add. Mind the browser: the account that is signed in there is the one
          you get.
        </li>
        <li>
          Do not sign out first: that would end the login of the account that is live now
          {liveName(view.providers.find((state) => state.provider === provider)?.live ?? null)}.
          Signing in again is enough.
        </li>
        <li>Come back and keep the login. Sluice stores it in the system's keychain.</li>
      </ol>
      <div class="add-row">
        <label class="field">
          Name (optional)
          <input
            value={label}
            maxLength={LABEL_CHARS_MAX}
            placeholder="Work, Personal, …"
            onInput={(event) => setLabel(event.currentTarget.value)}
          />
        </label>
        <Button kind="primary" act={add}>
          Keep this login
        </Button>
      </div>
      <p class="muted">
        {found
          ? `A login that Sluice does not keep yet was found in ${PROVIDERS[provider].tool}.`
          : `No new login was seen in ${PROVIDERS[provider].tool} so far.`}
      </p>
    </section>
  );

  function liveName(id: number | null): string {
    return id === null ? "" : ` (${nameOf(view, id)})`;
  }
}
