/**
 * Ends the process once everything it printed has been taken: `process.exit` drops what a pipe has no room for, which is all
 * but the first 64 KiB of a result as JSON.
 */
export async function exitWhenWritten(code: number): Promise<never> {
  const written = [process.stdout, process.stderr].map(
    (stream) => new Promise<void>((resolve) => void stream.write("", () => resolve())), // Also when nobody reads any more.
  );
  await Promise.all(written);
  process.exit(code);
}
