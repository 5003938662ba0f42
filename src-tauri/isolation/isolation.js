// Stands between the page and the application: what is not on the list never leaves the webview. The
// list (`requests.js`) is generated from the application's own `Request`, the shape of every field
// included; the application checks everything again.

"use strict";

(() => {
  const { oneOf: REQUESTS, $defs: DEFINITIONS } = window.SLUICE_REQUESTS;
  /** The longest text and the longest setting, characters. */
  const TEXT_CHARS_MAX = 4096;

  const plain = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  const integer = (value) => Number.isSafeInteger(value);
  const within = (count, least, most) => count >= (least ?? 0) && count <= (most ?? TEXT_CHARS_MAX);

  const TYPES = {
    null: (value) => value === null,
    boolean: (value) => typeof value === "boolean",
    string: (value, shape) =>
      typeof value === "string" && within([...value].length, shape.minLength, shape.maxLength),
    integer: (value, shape) =>
      integer(value) &&
      value >= (shape.minimum ?? Number.MIN_SAFE_INTEGER) &&
      value <= (shape.maximum ?? Number.MAX_SAFE_INTEGER),
    array: (value, shape) =>
      Array.isArray(value) &&
      within(value.length, shape.minItems, shape.maxItems) &&
      value.every((one) => fits(one, shape.items ?? true)),
    object: (value, shape) =>
      plain(value) &&
      (shape.required ?? []).every((name) => Object.hasOwn(value, name)) &&
      Object.entries(value).every(
        ([name, one]) =>
          Object.hasOwn(shape.properties ?? {}, name) && fits(one, shape.properties[name]),
      ),
  };

  /** Whether a value has a shape. A word of a shape that is not known here fits nothing. */
  function fits(value, shape) {
    // Anything, as a setting's value: but not at any length.
    if (shape === true || Object.keys(shape).length === 0)
      return (JSON.stringify(value) ?? "").length <= TEXT_CHARS_MAX;
    if (shape.$ref) return fits(value, DEFINITIONS[shape.$ref.split("/").pop()]);
    if (Object.hasOwn(shape, "const")) return value === shape.const;
    if (shape.enum) return shape.enum.includes(value);
    const choices = shape.oneOf ?? shape.anyOf;
    if (choices) return choices.some((choice) => fits(value, choice));
    return [shape.type].flat().some((type) => TYPES[type]?.(value, shape) === true);
  }

  const isRequest = (request) => REQUESTS.some((shape) => fits(request, shape));

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
    // Nothing of it leaves; asked for nothing, the application refuses at once, where an error here
    // would leave the page waiting.
    if (plain(message) && message.cmd === "call") return { ...message, payload: {} };
    throw new Error("This page may not ask that.");
  };
})();
