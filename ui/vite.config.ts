import { readdirSync } from "node:fs";
import { defineConfig } from "vite";

const TESTS = readdirSync("tests")
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => `tests/${name}`);

// Two pages: the application's, and (mode `web`) the same screens on a backend without Tauri, for
// tests and for looking at them in a browser. Neither graph contains the other's backend. Mode `test`
// builds the tests for node.
export default defineConfig(({ mode }) => {
  const web = mode === "web";
  if (mode === "test") {
    return {
      clearScreen: false,
      build: { ssr: true, outDir: "dist-test", emptyOutDir: true, rollupOptions: { input: TESTS } },
    };
  }
  return {
    base: "./",
    clearScreen: false,
    envPrefix: "SLUICE_UI_",
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    build: {
      outDir: web ? "dist-web" : "dist",
      emptyOutDir: true,
      target: "es2022",
      modulePreload: false,
      // Inlined files would need `data:` beyond images.
      assetsInlineLimit: 0,
      rollupOptions: { input: web ? "web.html" : "index.html" },
    },
  };
});
