// Stands between the page and the application: what is not on this list never leaves the webview.
// The application checks everything again; this page only makes the list short.

"use strict";

(() => {
  const plain = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  const integer = (value) => Number.isSafeInteger(value);
  const flag = (value) => typeof value === "boolean";
  const text = (value) => typeof value === "string" && value.length <= 4096;
  const oneOf = (...names) => (value) => names.includes(value);
  const orNothing = (check) => (value) => value === null || value === undefined || check(value);
  const ids = (value) => Array.isArray(value) && value.length <= 64 && value.every(integer);
  const setting = (value) => JSON.stringify(value ?? null).length <= 4096;
  const provider = oneOf("claude", "codex");
  const ceilings = (value) =>
    plain(value) &&
    ["concurrent", "per_hour", "per_day"].every((name) => orNothing(integer)(value[name]));

  /** The requests the page may make, with the shape of every field. */
  const REQUESTS = {
    status: {},
    add: { provider, label: orNothing(text) },
    remove: { account: integer },
    rename: { account: integer, label: text },
    reorder: { accounts: ids },
    set_enabled: { account: integer, enabled: flag },
    set_automatic: { account: integer, automatic: flag },
    swap: { to: integer },
    pause: { provider: orNothing(provider), until_ms: integer },
    resume: { provider: orNothing(provider) },
    set_mode: { provider, mode: oneOf("off", "advise", "auto") },
    stop: {},
    start: {},
    refresh: { account: orNothing(integer) },
    decisions: { limit: integer, before: orNothing(integer) },
    swaps: { limit: integer },
    read_usage: { account: integer },
    validate: { account: integer },
    read_all: {},
    restart_tool: { provider },
    history: { account: integer, since_ms: integer },
    point_lane: { lane: integer, to: integer, expected_generation: orNothing(integer) },
    set_lane_automatic: { lane: integer, automatic: flag },
    set_cap: { provider, account: orNothing(integer), ceilings },
    reconcile: { apply: flag },
    release: { execution: text },
    look_at_runs: {},
    settings: {},
    set: { key: text, value: setting },
    snooze: { cause: text, until_ms: integer },
  };

  const isRequest = (request) => {
    if (!plain(request) || typeof request.verb !== "string") return false;
    if (!Object.hasOwn(REQUESTS, request.verb)) return false;
    const shape = REQUESTS[request.verb];
    const given = Object.keys(request).filter((key) => key !== "verb");
    return (
      given.every((key) => Object.hasOwn(shape, key)) &&
      Object.keys(shape).every((key) => shape[key](request[key]))
    );
  };

  const SETTINGS = "settings";
  const VIEW = "view";

  /** The commands of the page, each with the shape of its arguments. */
  const COMMANDS = {
    view: () => true,
    call: (payload) => isRequest(payload.request),
    "plugin:event|listen": (payload) => payload.event === VIEW && integer(payload.handler),
    "plugin:event|unlisten": (payload) => payload.event === VIEW && integer(payload.eventId),
    "plugin:window|close": (payload) => payload.label === SETTINGS,
  };

  const allowed = (message) =>
    plain(message) &&
    typeof message.cmd === "string" &&
    Object.hasOwn(COMMANDS, message.cmd) &&
    plain(message.payload) &&
    COMMANDS[message.cmd](message.payload);

  window.__TAURI_ISOLATION_HOOK__ = (message) => {
    if (allowed(message)) return message;
    throw new Error("This page may not ask that.");
  };
})();
