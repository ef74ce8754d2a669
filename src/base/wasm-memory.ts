/** What to do if an engine refuses memory to WebAssembly. */
export const wasmMemoryHint =
  "For each memory an engine reserves about 10 GB of addresses, which a limit such as that of ulimit -v may forbid: raise " +
  "the limit, or start Node with --disable-wasm-trap-handler, also in NODE_OPTIONS: then it reserves no more than the " +
  "memory. In a page, keep fewer agents and policies.";
