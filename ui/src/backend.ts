// The one way from the screens to the application. Only `backend.tauri.ts` knows Tauri.

import { type Answer, type Askable, DEADLINES_MS, type Shown } from "./bindings";

export interface Backend {
  /** What is shown now. */
  view(): Promise<Shown>;
  /** Calls back at each change; the result ends it. */
  onView(changed: (shown: Shown) => void): () => void;
  /** One request and its answer; always ends. */
  call(request: Askable): Promise<Answer>;
  /** Closes this window. */
  close(): void;
}

/** Ends after the request's deadline at the latest; a late answer is dropped. */
export function bounded(request: Askable, answer: Promise<Answer>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const text = "No answer in time. What was asked may still happen; look before repeating.";
      resolve({ answer: "refused", code: "timeout", text, retry_after_s: null });
    }, DEADLINES_MS[request.verb]);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
