import { defineConfig } from "vite";

// Two pages: the application's, and (mode `web`) the same screens on a backend without Tauri, for
// tests and for looking at them in a browser. Neither graph contains the other's backend.
export default defineConfig(({ mode }) => {
  const web = mode === "web";
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
