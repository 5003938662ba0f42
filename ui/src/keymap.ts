// Which key means what, everywhere in the window.

/** What keys do. */
export interface KeyActions {
  /** Shows the page with this number, from 1. */
  page: (number: number) => void;
  /** Switches to the account with this number, from 1. */
  account: (number: number) => void;
  refresh: () => void;
  close: () => void;
}

export const KEYS: { keys: string; words: string }[] = [
  { keys: "1 … 9", words: "Switch to the account in this place of the list" },
  { keys: "R", words: "Read the usage of every account now" },
  { keys: "Ctrl 1 … 6", words: "Show a page" },
  { keys: "Ctrl W", words: "Close this window" },
  { keys: "Esc", words: "Close a menu or a question" },
  { keys: "?", words: "This list" },
];

/** What a key means; `null` for one that is not ours. */
export function meaning(
  { key, ctrlKey, altKey, metaKey }: Pick<KeyboardEvent, "key" | "ctrlKey" | "altKey" | "metaKey">,
  typing: boolean,
): keyof KeyActions | "help" | null {
  if (altKey || metaKey) return null;
  if (ctrlKey) {
    if (key.toLowerCase() === "w") return "close";
    return /^[1-6]$/u.test(key) ? "page" : null;
  }
  if (typing) return null;
  if (/^[1-9]$/u.test(key)) return "account";
  if (key === "r" || key === "R") return "refresh";
  return key === "?" ? "help" : null;
}
