// WebKitGTK passes the C locale on as the language "C", which no Intl constructor takes, and uPlot
// makes one while it is loaded. Import this before anything else.

try {
  new Intl.NumberFormat(navigator.language);
} catch {
  Object.defineProperty(navigator, "language", { value: "en" });
}

export {};
