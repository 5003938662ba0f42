// Off, advise or automatic, each with what it means.

import { type Mode, modes } from "./bindings";

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
      {modes.map(({ mode, words, hint }) => (
        <label class={`mode ${mode === value ? "chosen" : ""}`}>
          <input type="radio" name={name} checked={mode === value} onChange={() => change(mode)} />
          <span>
            <strong>{words}</strong>
            <small>{hint}</small>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
