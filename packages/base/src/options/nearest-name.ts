/** "Did you mean": the known name that differs least from a mistyped one. */

/**
 * `undefined` when nothing is near: more than a third of the letters would have to change, and more than two.
 * Of names equally near, the first wins.
 */
export function nearestName(
  name: string,
  known: Iterable<string>,
  distanceMax = Math.max(2, Math.floor(name.length / 3)),
): string | undefined {
  let nearest: string | undefined;
  let distanceLeast = distanceMax + 1;
  for (const candidate of known) {
    const distance = editDistance(name, candidate);
    if (distance >= distanceLeast) continue;
    distanceLeast = distance;
    nearest = candidate;
  }
  return nearest;
}

/** Levenshtein: the least number of letters to insert, delete or replace. */
function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replace = previous[column - 1]! + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(replace, previous[column]! + 1, current[column - 1]! + 1));
    }
    previous = current;
  }
  return previous[to.length]!;
}
