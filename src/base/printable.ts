// Text from outside may hold characters that a reader cannot see and a terminal obeys: escape sequences that clear the
// screen or set a title, marks that turn the order of letters around, breaks that begin a line of their own.

/** The characters of control, C0 and C1, those that end a line or a paragraph, and those of bidirectional text. */
const unseen = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/**
 * Text whose control characters, line breaks and bidirectional marks are written as escapes such as `\u001b`. Within a
 * string of JSON they mean the same character. All else stays, so the result is the same if this is done twice.
 */
export function printable(text: string): string {
  return text.replace(unseen, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
