// Base64 without `atob` and `btoa`, which are no part of ECMAScript: engines without a browser or Node around them lack both.

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Bytes as base64 with padding. */
export function encodeBase64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const [a, b, c] = [bytes[i], bytes[i + 1], bytes[i + 2]]; // undefined behind the end: no bits
    text += letters[a >> 2] + letters[((a & 3) << 4) | (b >> 4)];
    text += i + 1 < bytes.length ? letters[((b & 15) << 2) | (c >> 6)] : "=";
    text += i + 2 < bytes.length ? letters[c & 63] : "=";
  }
  return text;
}

/** The bytes of base64 with padding, as `encodeBase64` writes it. Does not check the text. */
export function decodeBase64(text: string): Uint8Array {
  const values = new Uint8Array(128);
  for (let i = 0; i < 64; i++) values[letters.charCodeAt(i)] = i;
  const bytes = new Uint8Array((text.length / 4) * 3 - (text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0));
  for (let i = 0, j = 0; i < text.length; i += 4) {
    const [a, b] = [values[text.charCodeAt(i)], values[text.charCodeAt(i + 1)]];
    const [c, d] = [values[text.charCodeAt(i + 2)], values[text.charCodeAt(i + 3)]];
    // Writing behind the end does nothing, so padding adds no bytes.
    bytes[j++] = (a << 2) | (b >> 4);
    bytes[j++] = (b << 4) | (c >> 2);
    bytes[j++] = (c << 6) | d;
  }
  return bytes;
}
