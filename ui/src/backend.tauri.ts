// The backend of the application: Tauri's commands and events. The only file of the page that knows Tauri.

import { invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";
import { getCurrentWindow } from "@tauri-apps/api/window";
import { type Backend, bounded } from "./backend";
import type { Answer, Shown } from "./bindings";

export const tauri: Backend = {
  view: () => invoke<Shown>("view"),
  onView(changed) {
    const stop = listen<Shown>("view", (event) => changed(event.payload));
    return () => void stop.then((end) => end());
  },
  call: (request) =>
    bounded(
      request,
      invoke<Answer>("call", { request }).catch((reason: unknown) => ({
        answer: "refused" as const,
        code: "invalid",
        text: `The request was not understood; nothing was changed. (${String(reason)})`,
        retry_after_s: null,
      })),
    ),
  close: () => void getCurrentWindow().close(),
};
