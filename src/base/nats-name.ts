/** Whether a text can be a part of a subject, a key, a stream's and an object's name on a NATS server. */
export function isNatsName(text: unknown): text is string {
  return typeof text === "string" && /^[A-Za-z0-9_-]{1,64}$/.test(text);
}
