/** "Did you mean": the method whose letters are most like a name that is none. Words may stand in another order. */

/** Below this share of letter pairs in common, nothing is near. */
const likenessMin = 0.5;

/** Longer names are no mistyped ones. */
const nameLengthMax = 64;

export function nearestMethod(name: string, known: Iterable<string>): string | undefined {
  if (name.length > nameLengthMax) return undefined;
  let nearest: string | undefined;
  let likenessBest = likenessMin;
  for (const candidate of known) {
    const likeness = likenessOf(pairs(name), pairs(candidate));
    if (likeness < likenessBest || (likeness === likenessBest && nearest !== undefined)) continue;
    likenessBest = likeness;
    nearest = candidate;
  }
  return nearest;
}

/** Dice's coefficient: 1 when both have the same pairs, 0 when they have none in common. */
function likenessOf(a: string[], b: string[]): number {
  const left = [...b];
  let shared = 0;
  for (const pair of a) {
    const at = left.indexOf(pair);
    if (at < 0) continue;
    left.splice(at, 1);
    shared++;
  }
  return a.length + b.length === 0 ? 0 : (2 * shared) / (a.length + b.length);
}

function pairs(name: string): string[] {
  const letters = name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  return Array.from({ length: Math.max(0, letters.length - 1) }, (_, at) => letters.slice(at, at + 2));
}
