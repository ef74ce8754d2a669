// On import, uPlot creates a number format for the browser's language. Chromium under LANG=C reports "en-US@posix",
// which Intl rejects. The page is in English, so it falls back to English. Import this module before uPlot.
try {
  new Intl.NumberFormat(navigator.language);
} catch {
  Object.defineProperty(navigator, "language", { value: "en-US" });
}
