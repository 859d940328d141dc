/**
 * The next step that a message of the server names, as a command that can be run.
 *
 * Only a few commands of ours, with plain words as arguments, become a button. Everything else stays
 * text: a message may quote what somebody else wrote.
 */

const COMMANDS: readonly (readonly string[])[] = [
  ["setup"],
  ["models", "list"],
  ["models", "pull"],
  ["engine", "install"],
  ["doctor"],
  ["status"],
  ["policy", "explain"],
  ["audit", "verify"],
];
const WORD = /^-{0,2}[A-Za-z0-9][A-Za-z0-9._-]*$/;
const LONGEST = 6;

/** The arguments for `python -I -m indoors_server`, or undefined if no such command is named. */
export function nextStep(message: string): string[] | undefined {
  const found = /(?:^|\n|\s)Next: indoors ([^\n]*)/.exec(message);
  // Behind two blanks, a bracket or a comma stands what a person should know.
  const command = found?.[1]?.split(/ {2,}|[(,;]/)[0]?.trim() ?? "";
  const words = command.split(" ").filter(Boolean);
  const known = COMMANDS.some((one) => one.every((word, index) => words[index] === word));
  const plain = words.length <= LONGEST && words.every((word) => WORD.test(word));
  return known && plain ? words : undefined;
}
