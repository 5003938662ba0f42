// The one way from the screens to the application. Only `backend.tauri.ts` knows Tauri.

import type { Answer, Request, Shown } from "./bindings";

export interface Backend {
  /** What is shown now. */
  view(): Promise<Shown>;
  /** Calls back at each change; the result ends it. */
  onView(changed: (shown: Shown) => void): () => void;
  /** One request and its answer; always ends. */
  call(request: Request): Promise<Answer>;
  /** Closes this window. */
  close(): void;
}

/** The longest the page waits for an answer, in milliseconds. */
export const CALL_DEADLINE_MS = 60_000;

/** What has a bound of its own in the driver answers by that, a little before the page stops waiting. */
const deadlineOf = (request: Request): number =>
  request.verb === "read_all"
    ? 305_000
    : request.verb === "read_usage" || request.verb === "validate"
      ? 65_000
      : CALL_DEADLINE_MS;

/** Ends after the request's deadline at the latest; a late answer is dropped. */
export function bounded(request: Request, answer: Promise<Answer>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const text = "No answer in time. What was asked may still happen; look before repeating.";
      resolve({ answer: "refused", code: "timeout", text, retry_after_s: null });
    }, deadlineOf(request));
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
