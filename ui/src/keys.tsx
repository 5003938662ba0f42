// Keys of the whole window, and the list of them.

import { useEffect, useState } from "preact/hooks";
import { KEYS, type KeyActions, meaning } from "./keymap";
import { Button, Dialog } from "./parts";

/** Where letters belong to what is being filled in, or a question waits for its answer. */
const isTyping = (target: EventTarget | null): boolean =>
  document.querySelector("dialog[open], [role=menu]") !== null ||
  (target instanceof Element && target.closest("input, select, textarea") !== null);

/** Listens while the window is open; the list of keys, when it was asked for. */
export function Keys(actions: KeyActions) {
  const [help, setHelp] = useState(false);
  useEffect(() => {
    const heard = (event: KeyboardEvent) => {
      if (event.repeat || event.defaultPrevented) return;
      const found = meaning(event, isTyping(event.target));
      if (found === null) return;
      event.preventDefault();
      if (found === "help") setHelp(true);
      else if (found === "page" || found === "account") actions[found](Number(event.key));
      else actions[found]();
    };
    document.addEventListener("keydown", heard);
    return () => document.removeEventListener("keydown", heard);
  });
  if (!help) return null;
  return (
    <Dialog title="Keys" onClose={() => setHelp(false)}>
      <dl class="keys">
        {KEYS.map(({ keys, words }) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
      <div class="actions end">
        <Button kind="primary" act={() => setHelp(false)}>
          Close
        </Button>
      </div>
    </Dialog>
  );
}
