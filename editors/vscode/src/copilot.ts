/**
 * What Copilot's setting `github.copilot.enable` says: an object of languages, "*" for those that it
 * does not name. A language has its own value first, so "*" alone switches nothing off for sure.
 */

/** Whether Copilot suggests in no language. Where nothing is said, it suggests. */
export function isOff(enabled: unknown): boolean {
  const values = byLanguage(enabled);
  return Object.hasOwn(values, "*") && Object.values(values).every((value) => value === false);
}

/** The setting that switches it off for every language. */
export function allOff(enabled: unknown): Record<string, boolean> {
  const languages = ["*", ...Object.keys(byLanguage(enabled))];
  return Object.fromEntries(languages.map((language) => [language, false]));
}

function byLanguage(enabled: unknown): Record<string, unknown> {
  return typeof enabled === "object" && enabled !== null ? { ...enabled } : {};
}
