// uPlot asks for a format of numbers in the browser's language as soon as it is imported, and Chromium under LANG=C names
// one that Intl refuses («en-US@posix»). The page is in English, so English it is then. To be imported before uPlot.
try {
  new Intl.NumberFormat(navigator.language);
} catch {
  Object.defineProperty(navigator, "language", { value: "en-US" });
}
