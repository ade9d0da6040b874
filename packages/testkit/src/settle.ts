/** Lets promises and storage callbacks that are already due run; waits for no time to pass. */
export async function settle(turns = 8): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
}
