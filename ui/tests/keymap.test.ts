import assert from "node:assert/strict";
import test from "node:test";
import { meaning } from "../src/keymap";

const press = (key: string, held: "ctrl" | "alt" | null = null) => ({
  key,
  ctrlKey: held === "ctrl",
  altKey: held === "alt",
  metaKey: false,
});

test("digits switch, and with Ctrl show pages", () => {
  assert.equal(meaning(press("3"), false), "account");
  assert.equal(meaning(press("0"), false), null);
  assert.equal(meaning(press("3", "ctrl"), false), "page");
  assert.equal(meaning(press("7", "ctrl"), false), null);
  assert.equal(meaning(press("3", "alt"), false), null);
});

test("letters belong to what is being filled in", () => {
  assert.equal(meaning(press("r"), false), "refresh");
  assert.equal(meaning(press("?"), false), "help");
  for (const key of ["r", "3", "?"]) assert.equal(meaning(press(key), true), null, key);
  assert.equal(meaning(press("2", "ctrl"), true), "page");
  assert.equal(meaning(press("w", "ctrl"), true), "close");
  assert.equal(meaning(press("r", "ctrl"), false), null, "not the browser's reload");
});
