/** FNV-1a with 64 bits, in 13 characters of base 36. Names are few; this is no protection against an attacker, and needs none. */
export function shortHash(text: string): string {
  let state = 0xcbf29ce484222325n;
  for (const character of text)
    state = BigInt.asUintN(64, (state ^ BigInt(character.codePointAt(0) ?? 0)) * 0x100000001b3n);
  return state.toString(36).padStart(13, '0').slice(-13);
}
