// Off, advise or automatic, each with what it means.

import type { Mode } from "./bindings";
import { mode as words } from "./words";

const MODES: Mode[] = ["off", "advise", "auto"];

interface ModeChoiceProps {
  title: string;
  name: string;
  value: Mode;
  change: (mode: Mode) => void;
  disabled?: boolean;
}

export function ModeChoice({ title, name, value, change, disabled }: ModeChoiceProps) {
  return (
    <fieldset class="modes" disabled={disabled}>
      <legend>{title}</legend>
      {MODES.map((mode) => (
        <label class={`mode ${mode === value ? "chosen" : ""}`}>
          <input type="radio" name={name} checked={mode === value} onChange={() => change(mode)} />
          <span>
            <strong>{words[mode].name}</strong>
            <small>{words[mode].text}</small>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
