/** What stands before the `@` of an address. A `%` that was meant as itself stays. */
export function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
