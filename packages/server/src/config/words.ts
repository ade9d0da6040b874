/** The words of an option that has several: separated by spaces, in double quotes where they hold some. */

/** Undefined: a quote is not closed. */
export function wordsOf(line: string): readonly string[] | undefined {
  const words: string[] = [];
  for (const [, quoted, plain] of line.matchAll(/"([^"]*)"|([^\s"]+|")/g)) {
    if (plain === '"') return undefined;
    words.push(quoted ?? plain!);
  }
  return words;
}
