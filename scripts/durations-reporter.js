// A reporter for Node's test runner: how long each test took, in ms, and its file.
export default async function* durations(events) {
  for await (const { type, data } of events)
    if (data.nesting === 0 && (type === "test:pass" || type === "test:fail"))
      yield `${data.details.duration_ms}\t${data.file}\n`;
}
